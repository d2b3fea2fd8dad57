"""AppData: per-application key/value storage with versions (specification: section 5)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, Self

from pymongo import DeleteMany, DeleteOne, UpdateOne
from pymongo.errors import OperationFailure

from chabad_auth_django.conf import conf
from chabad_auth_django.db.transactions import RetryTransaction, atomic, in_atomic
from chabad_auth_django.exceptions import AlreadyExists, NotFound, ValidationError, VersionConflict
from chabad_auth_django.models.app_data_criteria import (
    CONVERSION_FAILURE,
    INTEGER,
    NEXT_VERSION,
    is_version,
    key_of,
    last_version,
    row_key,
    same_version,
    version_criteria,
    whole,
)
from chabad_auth_django.models.app_data_queryset import AppDataQuerySet
from chabad_auth_django.models.app_data_tombstone import AppDataTombstone
from chabad_auth_django.models.app_data_updates import adding, patching, replacing
from chabad_auth_django.models.fields import (
    DateTimeField,
    JSONValueField,
    LongField,
    NameField,
    now,
)
from chabad_auth_django.models.owned import OwnedDocument, OwnedQuerySet
from chabad_auth_django.models.queryset import MAX_LIMIT, bounded
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.texts import is_text
from chabad_auth_django.validators import INT64_MAX, to_object_id, validate_json, validate_name

#: Stands for every key of an application; an empty key never does.
ALL: Final = object()


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
        return cls.read(**key_of(user_id, app_id, data_key))

    @classmethod
    def create_app_data(cls, **fields: Any) -> Self:
        """Store a value under a new key, with version 1 unless the key was there before.

        Raises ``AlreadyExists``, ``ValidationError``, and ``UserNotFound`` for a deleted user.
        """
        return cls(**fields).save()

    @classmethod
    def upsert_app_data(cls, user_id: Any, app_id: str, data_key: str, data_value: Any) -> Self:
        """Store a value under a new or an existing key; return it with its new version.

        Concurrent calls for one key all succeed and each counts once. Raises ``ValidationError``,
        and ``UserNotFound`` when the user was deleted.
        """
        key = key_of(user_id, app_id, data_key)
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
                    # The snapshot cannot show what another transaction has stored since.
                    raise RetryTransaction("Another process has created the key.") from error
                counted = False

    @classmethod
    def update_app_data(
        cls,
        user_id: Any,
        app_id: str,
        data_key: str,
        data_value: Any,
        expected_version: int | None,
    ) -> Self:
        """Store a value under a key if its version is the expected one; return it.

        ``None`` expects any. Raises ``VersionConflict`` with what is stored, ``NotFound`` and
        ``ValidationError``.
        """
        key = key_of(user_id, app_id, data_key)
        return cls.from_stored(cls._update(key, data_value, expected_version))

    @classmethod
    def replace_app_data(cls, stored: Self, data_value: Any) -> Self:
        """Store a value in place of one that was read, if that is still there; return it.

        Raises ``VersionConflict`` with what is stored, ``NotFound`` and ``ValidationError``.
        """
        return cls._change(stored, partial(cls._store_value, data_value=data_value))

    @classmethod
    def merge_app_data(cls, stored: Self, patch: Any) -> Self:
        """Apply a JSON merge patch (RFC 7396) to a value that was read, as ``replace_app_data``.

        What other programs stored beside what the patch names is kept as it is.
        """
        if not isinstance(patch, dict):
            return cls.replace_app_data(stored, patch)
        return cls._change(stored, partial(cls._apply, update=patching(stored.data_value, patch)))

    @classmethod
    def add_members(cls, stored: Self, members: dict[str, Any]) -> Self:
        """Add members to an object that was read, as ``replace_app_data``; those it has stay."""
        return cls._change(stored, partial(cls._apply, update=adding(stored.data_value, members)))

    @classmethod
    def delete_unchanged(cls, stored: Self) -> bool:
        """Delete a value that was read; tell whether it was still there, and the same."""
        row = stored.stored or {}
        deletions = ([DeleteOne(criteria)] for criteria in cls.exactly(row_key(row), row))
        return any(cls.delete_rows([row], deletion) for deletion in deletions)

    @classmethod
    def delete_app_data(
        cls,
        user_id: Any,
        app_id: str,
        data_key: Any = ALL,
        expected_version: int | None = None,
    ) -> int:
        """Delete one key of the application, or all of them; return how many.

        With ``expected_version`` only what has this version. Raises ``ValidationError`` for a key
        that is empty or no string.
        """
        query = {"userId": to_object_id(user_id), "appId": validate_name(app_id)}
        if data_key is not ALL:
            query["dataKey"] = validate_name(data_key)
        query |= version_criteria(expected_version)
        return int(cls.objects(__raw__=query).delete())

    def update_value(self, data_value: Any) -> None:
        """Store a new value, whatever the version; raise ``NotFound``, ``ValidationError``."""
        self.update_atomically(replacing(data_value))

    def update_value_with_version(self, data_value: Any, expected_version: int) -> None:
        """Store a new value if the stored version is the expected one.

        Raises ``VersionConflict`` with what is stored, ``NotFound`` and ``ValidationError``.
        """
        if expected_version is None:
            raise ValidationError("An expected version is required.")
        self._load(self._update(self._identity(), data_value, expected_version))

    def increment_version(self) -> None:
        """Increase the version by one and keep the value."""
        self._increment_version()

    def _increment_version(self, **criteria: Any) -> bool:
        return self.update_atomically([{"$set": {"version": NEXT_VERSION}}], **criteria)

    def save(self, **kwargs: Any) -> Self:
        """Insert a new document; update a stored one only if its version is still the loaded one.

        Raises ``VersionConflict``, ``NotFound``, ``AlreadyExists`` and ``ValidationError``.
        """
        if self.is_new:
            return super().save(**kwargs)
        if kwargs:
            raise TypeError(f"save() of a stored value does not take {', '.join(kwargs)}")
        self._check_fixed()
        read = self.queried or {}
        same = same_version({**read, **self._identity()})
        if "dataValue" not in read and self.data_value == {} and "dataValue" not in self.changes:
            # It is the default. A query may have left out what is stored.
            is_saved = self._increment_version(version=same["version"])
        elif stored := self._store_value(same, self.data_value):
            self._load(stored)
            is_saved = True
        else:
            is_saved = False
        if not is_saved:
            raise self._conflict(self._identity())
        return self

    @classmethod
    def _set_value(
        cls, criteria: dict[str, Any], data_value: Any, *, counted: bool
    ) -> dict[str, Any] | None:
        """Store the value in the document that meets the criteria; return it, if there is one.

        With ``counted`` only where the version is an integer, as it is unless another program
        stored something else: operators take the server less time than a pipeline.
        """
        if not counted or isinstance(data_value, (list, tuple)):
            return cls._apply(criteria, replacing(data_value))
        validate_json(data_value, max_bytes=conf.APP_DATA_MAX_BYTES)
        update = {"$set": {"dataValue": data_value, "updatedAt": now()}, "$inc": {"version": 1}}
        return cls._apply({"$and": [criteria, {"version": INTEGER}]}, update)

    @classmethod
    def _store_value(cls, criteria: dict[str, Any], data_value: Any) -> dict[str, Any] | None:
        stored = cls._set_value(criteria, data_value, counted=True)
        return stored or cls._set_value(criteria, data_value, counted=False)

    @classmethod
    def _apply(cls, criteria: Mapping[str, Any], update: Any) -> dict[str, Any] | None:
        try:
            return super()._apply(criteria, update)
        except OperationFailure as error:
            if error.code != CONVERSION_FAILURE:
                raise
            raise last_version() from None

    @classmethod
    def _change(
        cls, stored: Self, change: Callable[[dict[str, Any]], dict[str, Any] | None]
    ) -> Self:
        """Change just this document, which was read; return what is stored then."""
        row = stored.stored or {}
        key = row_key(row)
        for criteria in cls.exactly(key, row):
            if changed := change(criteria):
                return cls.from_stored(changed)
        raise cls._conflict(key)

    @classmethod
    def _update(cls, key: dict[str, Any], data_value: Any, expected: int | None) -> dict[str, Any]:
        criteria = key | version_criteria(expected)
        while True:
            if stored := cls._store_value(criteria, data_value):
                return stored
            conflict = cls._conflict(key)
            # What came between the two looks may be just what is expected.
            if isinstance(conflict, NotFound) or not is_version(conflict.current_version, expected):
                raise conflict

    @classmethod
    def _conflict(cls, key: dict[str, Any]) -> VersionConflict | NotFound:
        """Return the error for a value that is not in the expected version, or not there."""
        current = cls.collection().find_one(key)
        if current is None:
            return NotFound()
        return VersionConflict(
            current_version=current.get("version", 0), current_value=current.get("dataValue", {})
        )

    @classmethod
    @atomic
    def delete_rows(
        cls,
        rows: Sequence[Mapping[str, Any]],
        deletions: Sequence[DeleteOne | DeleteMany] | None = None,
    ) -> int:
        """Delete stored documents unless they have another version now; return how many.

        ``deletions`` are those of the same documents, where another condition is wanted.
        """
        tombstones = [
            UpdateOne(
                {"_id": row_key(row)}, {"$max": {"version": whole(row.get("version"))}}, upsert=True
            )
            for row in rows
            # What other programs stored under no text is no name, and maybe nothing for an id.
            if is_text(row.get("appId")) and is_text(row.get("dataKey"))
        ]
        # They come first: without a transaction, a crash in between loses no version.
        if tombstones:
            AppDataTombstone.collection().bulk_write(tombstones)
        if deletions is None:
            deletions = [DeleteOne(same_version(row)) for row in rows]
        return cls.collection().bulk_write(deletions).deleted_count

    @classmethod
    @atomic
    def _insert(cls, documents: Sequence[Self]) -> None:
        # In one transaction with the insert: a key that was created and deleted again since the
        # read makes the insert conflict, so the version is above every one that ever was.
        keys = [key_of(item.user_id, item.app_id, item.data_key) for item in documents]
        tombstones = AppDataTombstone.collection().find({"_id": {"$in": keys}})
        last = {tuple(row["_id"].values()): row["version"] for row in tombstones}
        for document, key in zip(documents, keys, strict=True):
            document.version = last.get(tuple(key.values()), 0) + 1
            if document.version > INT64_MAX:
                raise last_version()
        super()._insert(documents)
