"""Block: a user who may not sign in."""

from datetime import datetime

from bson import ObjectId

from chabad_auth_django.models.fields import DateTimeField, NameField, ObjectIdField, TextField
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.registry import Sharding

TEXT_MAX_LENGTH = 500


class Block(OwnedDocument):
    """Refuses a user at each sign-in and each request, for as long as it is stored.

    It is a separate document: a program that writes the user cannot undo it.
    """

    meta = {"collection": "blocks", "indexes": [{"fields": ["user_id"], "unique": True}]}

    exported = False
    sharding = Sharding(reason="a few documents", unique="_id, userId", targeted="none")

    reason: str = NameField(required=True, max_length=100)
    text: str | None = TextField(max_length=TEXT_MAX_LENGTH)
    blocked_by: ObjectId | None = ObjectIdField(db_field="blockedBy")
    created_at: datetime = DateTimeField(db_field="createdAt")
