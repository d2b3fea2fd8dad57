"""AppDataTombstone: the last version of a key of AppData that was deleted."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import MaxKey, ObjectId
from mongoengine.fields import BaseField, LongField

from chabad_auth_django.models.fields import ObjectIdField
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.registry import Sharding


class AppDataTombstone(OwnedDocument):
    """The last version of a deleted key, so that none is used twice; the key is the ``_id``."""

    meta = {"collection": "appdata_tombstones"}

    # After the values, so that a key that is deleted during an export is in it as one or the other.
    order = 1
    # What a version must be above has to be known before it is stored.
    imported_first = True
    sharding = Sharding(
        key={"_id": 1}, reason="the _id begins with the user, as in appdatas", unique="_id"
    )

    id: Any = BaseField(db_field="_id", primary_key=True)
    # It is in the key.
    user_id: ObjectId = ObjectIdField(db_field="userId")
    version: int = LongField(required=True)

    @classmethod
    def owned_by(cls, user_ids: Sequence[ObjectId]) -> dict[str, Any]:
        """Return the criteria that find all documents of the users."""
        ranges = [
            {"_id": {"$gte": {"userId": user_id}, "$lt": {"userId": user_id, "appId": MaxKey()}}}
            for user_id in user_ids
        ]
        return {"$or": ranges}

    @classmethod
    def owner_of(cls, row: Mapping[str, Any]) -> Any:
        """Return the id of the user to whom a stored document belongs."""
        key = row.get("_id")
        return key.get("userId") if isinstance(key, Mapping) else None
