"""Block: says that a user may not come in."""

from __future__ import annotations

from datetime import datetime

from bson import ObjectId

from chabad_auth_django.models.fields import DateTimeField, NameField, ObjectIdField, TextField
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.registry import Sharding

TEXT_MAX_LENGTH = 500


class Block(OwnedDocument):
    """Stops a user at every door and at each request while it is stored.

    It is a document of its own: a program that writes the user cannot undo it.
    """

    meta = {"collection": "blocks", "indexes": [{"fields": ["user_id"], "unique": True}]}

    exported = False
    sharding = Sharding(reason="a few documents", unique="_id, userId", targeted="none")

    reason: str = NameField(required=True, max_length=100)
    text: str | None = TextField(max_length=TEXT_MAX_LENGTH)
    blocked_by: ObjectId | None = ObjectIdField(db_field="blockedBy")
    created_at: datetime = DateTimeField(db_field="createdAt")
