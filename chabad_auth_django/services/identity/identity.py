"""The identity that somebody has proved, at an issuer or at the Django project."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import ExternalId
from chabad_auth_django.models.external_id import HOST, ISSUER
from chabad_auth_django.validators import normalize_email

MAX_NAME_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who somebody is, as the one who checked it says.

    Issuer and subject together name one person. For an account of the Django project they are
    ``HOST_ID`` and the primary key, and ``generation`` tells the account from an earlier one with
    the same primary key. ``external_id_field`` is the field of User that is filled with
    ``external_id`` besides. With ``links_to_default_role_only`` a verified address does not link
    to a user who has more than the default role; without ``external_id_links_staff`` the external
    id does not either. ``issued_at`` is when an issuer vouched for it, and ``expires_at`` until
    when.
    """

    auth_method: str
    issuer: str
    subject: str
    generation: str | None = None
    email: str | None
    email_verified: bool
    name: str | None
    external_id_field: str | None = None
    external_id: str | None = None
    links_to_default_role_only: bool = False
    external_id_links_staff: bool = True
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    #: The account of the Django project itself.
    account: Any = field(default=None, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """``ISSUER`` or ``HOST``."""
        return ISSUER if self.generation is None else HOST

    @property
    def key(self) -> str:
        """The ``_id`` of the claim."""
        parts = [self.issuer, self.subject]
        if self.generation is not None:
            parts.append(self.generation)
        return ExternalId.account_key(self.kind, *parts)

    @property
    def verified_email(self) -> str | None:
        """The normal form of the address, if it is verified."""
        with suppress(ValidationError):
            return normalize_email(self.email) if self.email_verified else None
        return None

    @property
    def fills(self) -> str | None:
        """The ``_id`` of the claim on what the identity fills besides, if it does."""
        if not (self.external_id_field and self.external_id):
            return None
        return ExternalId.key(self.external_id_field, self.external_id)
