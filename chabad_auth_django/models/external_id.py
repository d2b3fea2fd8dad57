"""ExternalId: the claim of one user on an id at Valu or Merkos."""

from __future__ import annotations

from datetime import datetime

from mongoengine.fields import StringField

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import DateTimeField
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.validators import validate_name

#: The fields of User that hold an external id, as they are stored.
EXTERNAL_ID_FIELDS = ("valuUserId", "merkosUserId")


class ExternalId(OwnedDocument):
    """Says whose an external id is. Field and value are the ``_id``: only one user can have it.

    The specification's indexes on the fields of User are not unique. A claim counts only while
    the field of its user holds the value too: other programs change that.
    """

    meta = {"collection": "external_ids", "indexes": [["user_id"]]}

    id: str = StringField(primary_key=True)
    created_at: datetime = DateTimeField(db_field="createdAt")
    #: Set while the field of the user is not written yet, where no transaction writes both.
    pending_since: datetime | None = DateTimeField(db_field="pendingSince")

    @classmethod
    def key(cls, field: str, value: str) -> str:
        """Return the ``_id`` of the claim; raise ``ValidationError`` for what cannot be one."""
        return cls.prefix(field) + validate_name(value)

    @staticmethod
    def prefix(field: str) -> str:
        """Return how the ``_id`` of each claim in the field begins; raise ``ValidationError``."""
        if field not in EXTERNAL_ID_FIELDS:
            raise ValidationError(f"Expected one of {', '.join(EXTERNAL_ID_FIELDS)}.")
        return f"{field}:"
