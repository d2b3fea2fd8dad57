"""OwnedCollection: a collection whose documents belong to users."""

from collections.abc import Collection, Iterable

from mongoengine.fields import StringField
from pymongo import UpdateOne
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db.batches import RAW
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.registry import Sharding


class OwnedCollection(Document):
    """Names a collection for projects on the same database that lack the app with its Document.

    The ``_id`` is the collection's name.
    """

    meta = {"collection": "owned_collections"}

    sharding = Sharding(reason="a few documents", unique="_id")

    id: str = StringField(primary_key=True)
    #: Where the Document is, for people.
    document: str = StringField(required=True)

    @classmethod
    def record(cls, models: Iterable[type[Document]]) -> None:
        """Record the collections of the Documents."""
        places = {
            model.collection_name(): f"{model.__module__}.{model.__qualname__}" for model in models
        }
        cls.collection().bulk_write(
            [
                UpdateOne({"_id": name}, {"$set": {"document": place}}, upsert=True)
                for name, place in places.items()
            ]
        )

    @classmethod
    def find_filled(cls, *, but_for: Collection[str]) -> dict[str, str]:
        """Return the recorded collections that hold anything, with the places of their Documents.

        Those of the names in ``but_for`` are left out.
        """
        found = {
            row["_id"]: row["document"]
            for row in cls.collection().find({"_id": {"$nin": list(but_for)}})
        }
        return {name: found[name] for name in found if cls._is_filled(name)}

    @classmethod
    def _is_filled(cls, name: str) -> bool:
        database, primary = cls.database(), ReadPreference.PRIMARY
        collection = database.get_collection(name, codec_options=RAW, read_preference=primary)
        return collection.find_one({}, {"_id": 1}) is not None
