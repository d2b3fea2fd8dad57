"""IdempotencyRecord: a request that was done, and what it was answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine.fields import BinaryField, DictField, IntField, StringField

from chabad_auth_django.models.fields import DateTimeField, ObjectIdField
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.registry import ID_KEY, Sharding


class IdempotencyRecord(OwnedDocument):
    """The claim of one request on a key of its user and, once it is done, its answer.

    User and key are the ``_id``: only one request can have them. ``claim`` tells apart requests
    that had the key one after the other; ``fingerprint`` is of what was asked for. ``subject_id``
    is the other user, if any, whom the answer shows: the record is deleted with either of the two.
    """

    meta = {
        "collection": "idempotency_keys",
        "indexes": [
            ["user_id"],
            {"fields": ["subject_id"], "sparse": True},
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
        ],
    }

    exported = False
    sharding = Sharding(
        key=ID_KEY,
        reason="only a key on _id keeps it unique, and that lets a request happen once",
        unique="_id",
        targeted="a request; the deletion of a user asks every shard",
    )

    id: str = StringField(primary_key=True)
    claim: ObjectId = ObjectIdField(required=True)
    fingerprint: str = StringField(required=True)
    subject_id: ObjectId | None = ObjectIdField(db_field="subjectId")
    status: int | None = IntField()
    headers: dict[str, str] = DictField()
    body: bytes | None = BinaryField()
    created_at: datetime = DateTimeField(db_field="createdAt")
    expires_at: datetime = DateTimeField(db_field="expiresAt", required=True)

    @classmethod
    def owned_by(cls, user_ids: Sequence[ObjectId]) -> dict[str, Any]:
        """Return the criteria that find all documents of the users.

        That includes answers to other users which show them.
        """
        users = {"$in": list(user_ids)}
        return {"$or": [{"userId": users}, {"subjectId": users}]}

    @staticmethod
    def key(user_id: ObjectId, name: str) -> str:
        """Return the ``_id`` of the record for the user's key of this name."""
        return f"{user_id}:{name}"
