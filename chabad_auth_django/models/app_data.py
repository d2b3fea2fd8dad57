"""AppData: per-application key/value storage with versions (specification: section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self

from bson import Decimal128
from mongoengine.fields import LongField
from pymongo import DeleteOne, ReturnDocument, UpdateOne
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.conf import conf
from chabad_auth_django.db.expressions import integer_at, is_document
from chabad_auth_django.db.transactions import RetryTransaction, atomic, in_atomic
from chabad_auth_django.db.updates import pipeline
from chabad_auth_django.exceptions import (
    AlreadyExists,
    NotFound,
    ValidationError,
    VersionConflict,
)
from chabad_auth_django.models.app_data_tombstone import AppDataTombstone
from chabad_auth_django.models.fields import DateTimeField, JSONValueField, NameField, now
from chabad_auth_django.models.owned import OwnedDocument, OwnedQuerySet
from chabad_auth_django.models.queryset import MAX_LIMIT, bounded
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.validators import INT64_MAX, to_object_id, validate_json, validate_name

#: Stands for every key of an application; an empty key never does.
ALL: Final = object()

#: Keys that a deletion removes with one command.
DELETE_BATCH = 500

#: The fields that together name one value, and are the ``_id`` of its tombstone.
KEY = ("userId", "appId", "dataKey")

#: One version, or several of which one must match.
Versions = int | Sequence[int]

_NEXT_VERSION = {"$add": [integer_at("version"), 1]}

#: A version that ``$inc`` can count up; an array of integers is of these types too.
_INTEGER = {"$type": ["int", "long"], "$lt": INT64_MAX, "$not": {"$type": "array"}}


class AppDataQuerySet(OwnedQuerySet):
    """A QuerySet whose ``delete()`` remembers the versions."""

    @property
    def fixed(self) -> frozenset[str]:
        """The fields that cannot be changed here; the value changes with the version only."""
        return super().fixed | {"dataValue"}

    def delete(self, write_concern: Any = None, **kwargs: Any) -> int:
        """Delete the documents that match now, in batches; return how many."""
        self._refuse(bool(write_concern), "write_concern")
        count = 0
        ids = list(self.clone().read_preference(ReadPreference.PRIMARY).scalar("id"))
        for start in range(0, len(ids), DELETE_BATCH):
            query = {"$and": [self.clone().criteria, {"_id": {"$in": ids[start:][:DELETE_BATCH]}}]}
            # Once more for each that changes between the look at it and its deletion.
            while rows := list(self.model.collection().find(query, [*KEY, "version"])):
                count += self.model.delete_rows(rows)
        return count

    def modify(self, upsert: bool = False, remove: bool = False, **kwargs: Any) -> Any:
        """Update one document atomically; removing is refused: only ``delete`` keeps versions."""
        self._refuse(remove, "remove")
        return super().modify(upsert=upsert, **kwargs)


class AppData(OwnedDocument):
    """One value that an application keeps for a user, with a version for optimistic locking.

    A version is never used twice for one key, also when the key is deleted and created again: the
    last version of a deleted key stays in the collection ``appdata_tombstones``.
    """

    is_mongoose = True
    meta = {
        "collection": "appdatas",
        "queryset_class": AppDataQuerySet,
        "indexes": [
            ["user_id"],
            ["app_id"],
            ["user_id", "app_id"],
            {"fields": ["user_id", "app_id", "data_key"], "unique": True},
        ],
    }

    sharding = Sharding(
        key={"userId": 1, "appId": 1, "dataKey": 1},
        reason="the key of the unique index, so it goes on being enforced; a user's data stay "
        "together",
        unique="{userId: 1, appId: 1, dataKey: 1}",
        targeted="those of one user, application or key; an update by _id alone takes MongoDB 7.1",
    )

    fixed = frozenset({"userId", "appId", "dataKey", "version", "createdAt", "updatedAt"})

    app_id: str = NameField(db_field="appId", required=True)
    data_key: str = NameField(db_field="dataKey", required=True)
    # Mongoose stores no empty object.
    data_value: Any = JSONValueField("APP_DATA_MAX_BYTES", db_field="dataValue", default=dict)
    version: int = LongField(min_value=1)
    created_at: datetime = DateTimeField(db_field="createdAt")
    updated_at: datetime = DateTimeField(db_field="updatedAt")

    @classmethod
    def find_by_user_and_app(
        cls, user_id: Any, app_id: str, limit: int = MAX_LIMIT
    ) -> OwnedQuerySet:
        """Return up to ``limit`` values of the application, by key."""
        found = cls.objects(user_id=to_object_id(user_id), app_id=validate_name(app_id))
        return found.order_by("data_key").limit(bounded(limit))

    @classmethod
    def find_by_user_app_and_key(cls, user_id: Any, app_id: str, data_key: str) -> Self | None:
        """Return the value under the key, or ``None``."""
        stored = cls.read_key(user_id, app_id, data_key)
        return None if stored is None else cls.from_stored(stored)

    @classmethod
    def read_key(cls, user_id: Any, app_id: str, data_key: str) -> dict[str, Any] | None:
        """Return what is stored under the key as PyMongo reads it, or ``None``."""
        return cls.read(**_key(user_id, app_id, data_key))

    @classmethod
    def create_app_data(cls, **fields: Any) -> Self:
        """Store a value under a new key, with version 1 unless the key was there before.

        Raises ``AlreadyExists``, ``ValidationError``, and ``UserNotFound`` when the user is gone.
        """
        return cls(**fields).save()

    @classmethod
    def upsert_app_data(cls, user_id: Any, app_id: str, data_key: str, data_value: Any) -> Self:
        """Store a value under a key, whether it is there or not; return it with its new version.

        Concurrent calls for one key all succeed and each counts once. Raises ``ValidationError``,
        and ``UserNotFound`` when the user is gone.
        """
        key = _key(user_id, app_id, data_key)
        counted = not in_atomic()
        while True:
            stored = cls._set_value(key, data_value, counted=counted)
            if stored is not None:
                return cls.from_stored(stored)
            try:
                return cls.create_app_data(
                    user_id=key["userId"], app_id=app_id, data_key=data_key, data_value=data_value
                )
            except AlreadyExists as error:
                if in_atomic():
                    # The snapshot cannot show what another transaction stored meanwhile.
                    raise RetryTransaction("The key was created meanwhile.") from error
                counted = False

    @classmethod
    def update_app_data(
        cls,
        user_id: Any,
        app_id: str,
        data_key: str,
        data_value: Any,
        expected_version: Versions | None,
    ) -> Self:
        """Store a value under a key if its version is the expected one; return it.

        ``expected_version`` may be several, or ``None`` for any. Raises ``VersionConflict`` with
        what is stored, ``NotFound`` and ``ValidationError``.
        """
        key = _key(user_id, app_id, data_key)
        criteria = _version_criteria(expected_version)
        return cls.from_stored(cls._update(key, data_value, criteria))

    @classmethod
    def replace_app_data(cls, stored: Self, data_value: Any) -> Self:
        """Store a value in place of one that was read, if that is still there; return it.

        Raises ``VersionConflict`` with what is stored, ``NotFound`` and ``ValidationError``.
        """
        row = stored.stored or {}
        key = {"_id": row["_id"], "userId": row.get("userId")}
        return cls.from_stored(cls._update(key, data_value, _unchanged(row)))

    @classmethod
    def delete_app_data(
        cls,
        user_id: Any,
        app_id: str,
        data_key: Any = ALL,
        expected_version: Versions | None = None,
    ) -> int:
        """Delete one key of the application, or all of them; return how many.

        With ``expected_version`` only what has this version, or one of these. Raises
        ``ValidationError`` for a key that is empty or no string.
        """
        query = {"userId": to_object_id(user_id), "appId": validate_name(app_id)}
        if data_key is not ALL:
            query["dataKey"] = validate_name(data_key)
        query |= _version_criteria(expected_version)
        return int(cls.objects(__raw__=query).delete())

    def update_value(self, data_value: Any) -> None:
        """Store a new value, whatever the version; raise ``NotFound``, ``ValidationError``."""
        self.update_atomically(_new_value(data_value))

    def update_value_with_version(self, data_value: Any, expected_version: int) -> None:
        """Store a new value if the stored version is the expected one.

        Raises ``VersionConflict`` with what is stored, ``NotFound`` and ``ValidationError``.
        """
        if expected_version is None:
            raise ValidationError("An expected version is required.")
        criteria = _version_criteria(expected_version)
        self._load(self._update({"_id": self.pk}, data_value, criteria))

    def increment_version(self) -> None:
        """Count the version up without a new value."""
        self.update_atomically([{"$set": {"version": _NEXT_VERSION}}])

    def save(self, **kwargs: Any) -> Self:
        """Insert a new document; update a stored one only if its version is still the loaded one.

        Raises ``VersionConflict``, ``NotFound``, ``AlreadyExists`` and ``ValidationError``.
        """
        if self.is_new:
            return super().save(**kwargs)
        if kwargs:
            raise TypeError(f"save() of a stored value does not take {', '.join(kwargs)}")
        self._check_fixed()
        self.update_value_with_version(self.data_value, self.version)
        return self

    @classmethod
    def _set_value(
        cls, criteria: dict[str, Any], data_value: Any, *, counted: bool
    ) -> dict[str, Any] | None:
        """Store the value in the document that meets the criteria; return it, if there is one.

        With ``counted`` only where the version is an integer, as it is unless another program
        stored something else: operators take the server less time than a pipeline.
        """
        update: Any = _new_value(data_value)
        if counted and not isinstance(data_value, (list, tuple)):
            criteria = {**criteria, "version": {**criteria.get("version", {}), **_INTEGER}}
            update = {
                "$set": {"dataValue": data_value, "updatedAt": now()},
                "$inc": {"version": 1},
            }
        return cls.collection().find_one_and_update(
            criteria, update, return_document=ReturnDocument.AFTER
        )

    @classmethod
    def _update(
        cls, key: dict[str, Any], data_value: Any, criteria: dict[str, Any]
    ) -> dict[str, Any]:
        for counted in (True, False):
            stored = cls._set_value(key | criteria, data_value, counted=counted)
            if stored is not None:
                return stored
        current = cls.collection().find_one(key)
        if current is None:
            raise NotFound
        raise VersionConflict(
            current_version=current.get("version", 0), current_value=current.get("dataValue", {})
        )

    @classmethod
    @atomic
    def delete_rows(cls, rows: Sequence[Mapping[str, Any]], *, unchanged: bool = False) -> int:
        """Delete stored documents unless they have another version now; return how many.

        With ``unchanged`` the rows are whole, and nothing of them may have changed.
        """
        # The tombstones come first: without a transaction, a crash in between loses no version.
        AppDataTombstone.collection().bulk_write(
            [
                UpdateOne(
                    # Not validated: a name that other programs stored can be deleted too.
                    {"_id": {name: row.get(name) for name in KEY}},
                    {"$max": {"version": _whole(row.get("version"))}},
                    upsert=True,
                )
                for row in rows
            ]
        )
        criteria = _unchanged if unchanged else _same_version
        deletions = [DeleteOne(criteria(row)) for row in rows]
        return cls.collection().bulk_write(deletions).deleted_count

    @classmethod
    @atomic
    def _insert(cls, documents: Sequence[Self]) -> None:
        # In one transaction with the insert: a key that was created and deleted again since the
        # read makes the insert conflict, so the version is above every one that ever was.
        keys = [_key(item.user_id, item.app_id, item.data_key) for item in documents]
        tombstones = AppDataTombstone.collection().find({"_id": {"$in": keys}})
        last = {tuple(row["_id"].values()): row["version"] for row in tombstones}
        for document, key in zip(documents, keys, strict=True):
            document.version = last.get(tuple(key.values()), 0) + 1
        super()._insert(documents)


def _key(user_id: Any, app_id: str, data_key: str) -> dict[str, Any]:
    return {
        "userId": to_object_id(user_id),
        "appId": validate_name(app_id),
        "dataKey": validate_name(data_key),
    }


def _version_criteria(expected: Versions | None) -> dict[str, Any]:
    if expected is None:
        return {}
    versions = list(expected) if isinstance(expected, (list, tuple)) else [expected]
    for version in versions:
        if isinstance(version, bool) or not isinstance(version, int) or abs(version) > INT64_MAX:
            raise ValidationError("A version is a whole number of at most 64 bits.")
    return {"version": {"$in": versions}}


def _same_version(row: Mapping[str, Any]) -> dict[str, Any]:
    version: Any = row.get("version")
    if version is None or isinstance(version, (int, float, Decimal128)):
        return {"_id": row["_id"], "version": {"$eq": version}}
    # What other programs stored there may not be what it was decoded to.
    return {"_id": row["_id"], "version": {"$not": {"$type": ["null", "number"]}, "$exists": True}}


def _unchanged(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in ("_id", *KEY)} | {"$expr": is_document(row)}


def _whole(version: Any) -> int:
    is_number = isinstance(version, (int, float)) and abs(version) < INT64_MAX
    return int(version) if is_number else 0


def _new_value(data_value: Any) -> list[dict[str, Any]]:
    validate_json(data_value, max_bytes=conf.APP_DATA_MAX_BYTES)
    changes = {"dataValue": {"$literal": data_value}, "updatedAt": now(), "version": _NEXT_VERSION}
    is_array = isinstance(data_value, (list, tuple))
    return pipeline(changes, arrays={"dataValue": changes["dataValue"]} if is_array else None)
