"""The registry of all Documents: each says of itself where and how its collection is stored.

A Document is registered by being a subclass, whichever app defines it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from bson import ObjectId
from bson.codec_options import CodecOptions
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db import connection
from chabad_auth_django.db.mongoengine_internals import OpenDocument
from chabad_auth_django.db.reads import Read
from chabad_auth_django.models.queryset import QuerySet

#: The shard key of a collection whose documents are looked up by their ids.
ID_KEY = {"_id": "hashed"}


@dataclass(frozen=True)
class Sharding:
    """How to shard a collection: the key, or ``None`` where it stays on one shard."""

    reason: str = "its Document does not say how to shard it"
    key: Mapping[str, Any] | None = None
    #: The unique index that a cluster goes on enforcing.
    unique: str = "all"
    #: The queries that go to one shard; all others go to every shard.
    targeted: str = "all"


class RegisteredDocument(OpenDocument):
    """A Document that knows its collection."""

    # mongoengine adds these when it makes the class, so type checkers do not see them.
    id: Any
    objects: ClassVar[Any]
    DoesNotExist: ClassVar[type[Exception]]
    MultipleObjectsReturned: ClassVar[type[Exception]]

    #: Documents of a lower order are purged and exported before the others.
    order: ClassVar[int] = 0

    sharding: ClassVar[Sharding] = Sharding()

    #: The stored fields that neither ``save`` nor a QuerySet may change.
    fixed: ClassVar[frozenset[str]] = frozenset()

    #: The setting that says after how many days the server removes a document, by the TTL index.
    retention_setting: ClassVar[str | None] = None

    meta = {
        "abstract": True,
        "auto_create_index": False,
        "db_alias": connection.ALIAS,
        "index_cls": False,
        "queryset_class": QuerySet,
        "strict": False,
    }

    #: Indexes that another app adds, each with what tells whether its settings ask for it now.
    added_indexes: ClassVar[Sequence[tuple[Callable[[], bool], dict[str, Any]]]] = ()

    @classmethod
    def index_specs(cls) -> list[dict[str, Any]]:
        """Return the indexes that the collection has by the settings as they are now."""
        added = [spec for is_wanted, spec in cls.added_indexes if is_wanted()]
        return [*super().index_specs(), *added]

    @classmethod
    def registered(cls) -> list[type[Self]]:
        """Return all Documents of this class that are stored, in their order; one a collection."""
        if not cls.is_abstract():
            return [cls]
        found = {kind for subclass in cls.__subclasses__() for kind in subclass.registered()}
        return sorted(found, key=lambda kind: (kind.order, kind.collection_name()))

    @classmethod
    def database(cls) -> Database[dict[str, Any]]:
        """Return the database that the settings name, or the one of a test run.

        Raises ``TypeError`` in ``using`` and ``switch_db``, which would use this one all the same.
        """
        if cls.db_alias() != connection.ALIAS:
            raise TypeError(f"{cls.__name__} is stored in one database: the one of CHABAD_AUTH")
        return connection.get_database()

    @classmethod
    def collection(cls) -> Collection[dict[str, Any]]:
        """Return the PyMongo collection on the primary.

        Whatever read preference the URI asks for: what decides over a write must not be stale.
        """
        collection = cls.default_collection()
        if collection.read_preference is ReadPreference.PRIMARY:
            return collection
        return collection.with_options(read_preference=ReadPreference.PRIMARY)

    @classmethod
    def collection_as(cls, codec_options: CodecOptions[Any]) -> Collection[Any]:
        """Return the same collection, read with other codec options."""
        return cls.collection().with_options(codec_options=codec_options)

    @classmethod
    def read(cls, **key: Any) -> dict[str, Any] | None:
        """Return the stored document with these stored fields as PyMongo reads it, or ``None``.

        It reads from the primary, so that a writer finds what it has just written.
        """
        return cls.collection().find_one(key)

    @classmethod
    def reading(cls, **key: Any) -> Read:
        """Return what ``read`` would send, to be sent with something else."""
        return Read(cls.collection(), key)

    @classmethod
    def existing_ids(cls, ids: Iterable[Any]) -> set[Any]:
        """Return those of the ids under which a document is stored."""
        wanted = list(ids)
        criteria: Any = {"$in": wanted}
        if len(wanted) == 1 and isinstance(wanted[0], ObjectId):
            # The server looks it up without planning a query.
            criteria = wanted[0]
        found = cls.collection().find({"_id": criteria}, {"_id": 1})
        return {document["_id"] for document in found}

    @classmethod
    def unique_keys(cls) -> list[tuple[str, ...]]:
        """Return the stored fields of each unique index that every document is in."""
        return [
            tuple(field for field, _ in spec["fields"])
            for spec in cls.index_specs()
            if spec.get("unique") and not spec.get("sparse")
            if "partialFilterExpression" not in spec
        ]
