"""ExternalId: the claim of one user on an account somewhere else."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from mongoengine.fields import StringField

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import AuthMethodField, DateTimeField, TextField
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.registry import ID_KEY, Sharding
from chabad_auth_django.validators import validate_name

#: The fields of User that hold an external id, as they are stored.
EXTERNAL_ID_FIELDS = ("valuUserId", "merkosUserId")

#: The first part of the ``_id`` of a claim with which a user signs in.
ISSUER, HOST = "issuer", "host"


class ExternalId(OwnedDocument):
    """The owner of an external id. The id is the ``_id``, so only one user can have it.

    There are three kinds of ``_id``:

    - ``issuer:["<issuer>", "<subject>"]``: an account at an issuer in ``CHABAD_AUTH["ISSUERS"]``.
      With ``fills`` it counts only while the field of its user holds what this claim filled in;
    - ``host:["<HOST_ID>", "<primary key>", "<generation>"]``: an account of a Django project;
    - ``valuUserId:<value>`` or ``merkosUserId:<value>``: what the field of User holds. The
      specification's indexes on these fields are not unique. This kind counts only while the
      field of its user holds the value too, because other programs change that.
    """

    meta = {"collection": "external_ids", "indexes": [["user_id"]]}

    with_user = True
    sharding = Sharding(
        key=ID_KEY,
        reason="only a key on _id keeps it unique, and that makes an external id belong to one "
        "user",
        unique="_id",
        targeted="a sign-in; the deletion of a user asks every shard",
    )

    id: str = StringField(primary_key=True)
    auth_method: str | None = AuthMethodField(db_field="authMethod")
    #: The verified address at the last sign-in; a change of it in a host changes the user's.
    email: str | None = TextField()
    #: The field of User that the account has filled, and its value: the ``_id`` of that claim.
    fills: str | None = TextField()
    #: Tokens of the issuer that were issued until then are refused.
    not_before: datetime | None = DateTimeField(db_field="notBefore")
    created_at: datetime = DateTimeField(db_field="createdAt")
    #: Set while the field of the user is not written yet, where no transaction writes both.
    pending_since: datetime | None = DateTimeField(db_field="pendingSince")

    @classmethod
    def key(cls, field: str, value: str) -> str:
        """Return the ``_id`` of the claim on what a field of User holds.

        Raises ``ValidationError`` for what cannot be one.
        """
        return cls.prefix(field) + validate_name(value)

    @staticmethod
    def prefix(field: str) -> str:
        """Return how the ``_id`` of each claim in the field begins; raise ``ValidationError``."""
        if field not in EXTERNAL_ID_FIELDS:
            raise ValidationError(f"Expected one of {', '.join(EXTERNAL_ID_FIELDS)}.")
        return f"{field}:"

    @staticmethod
    def counts(claim: Mapping[str, Any], user: Mapping[str, Any]) -> bool:
        """Tell whether the user, as it is stored, still has what the stored claim filled in."""
        field, _, value = (claim.get("fills") or "").partition(":")
        return not field or user.get(field) == value

    @staticmethod
    def account_key(kind: str, *parts: str) -> str:
        """Return the ``_id`` of the claim on an account; ``kind`` is ``ISSUER`` or ``HOST``."""
        # JSON, because an issuer and a subject may hold any character that could separate them.
        return f"{kind}:{json.dumps(parts, ensure_ascii=False)}"

    @classmethod
    def account_prefix(cls, kind: str, *parts: str) -> str:
        """Return how the ``_id`` begins of each claim on an account with these first parts."""
        return cls.account_key(kind, *parts).removesuffix("]") + ","

    @staticmethod
    def parse_account_key(key: str) -> tuple[str, list[str]]:
        """Return the kind and the parts of an account's ``_id``; other kinds have no parts.

        What another program stored may be of no kind, which is ``""``.
        """
        kind, _, rest = str(key).partition(":")
        if kind not in (ISSUER, HOST):
            return kind, []
        with suppress(ValueError):
            parts = json.loads(rest)
            if isinstance(parts, list) and len(parts) > 1:
                return kind, parts
        return "", []

    @staticmethod
    def public_id(key: str) -> str:
        """Return the id of the claim in paths of the API; the key may hold any character."""
        return hashlib.sha256(key.encode()).hexdigest()[:24]
