"""What all Documents share: how they are inserted, validated, saved and patched."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Self

import mongoengine
from bson import ObjectId
from mongoengine.errors import SaveConditionError
from mongoengine.queryset import transform
from pymongo.errors import BulkWriteError, DuplicateKeyError

from chabad_auth_django.conf import conf
from chabad_auth_django.db import expressions, updates
from chabad_auth_django.db.errors import duplicates
from chabad_auth_django.db.expressions import VERSION_KEY
from chabad_auth_django.db.mongoengine_internals import check_value
from chabad_auth_django.db.transactions import in_transaction, on_rollback
from chabad_auth_django.exceptions import DocumentChanged, ValidationError
from chabad_auth_django.models.changes import errors_of, leaves, unread, update_of
from chabad_auth_django.models.changing import ChangingDocument
from chabad_auth_django.models.fields import now
from chabad_auth_django.validators import validate_json, validate_key


class Document(ChangingDocument):
    """Base of all Documents: stored as Mongoose stores them, and changed atomically only.

    Fields that other programs wrote are kept. mongoengine creates no indexes by itself.
    """

    meta = {"abstract": True}

    #: Whether Mongoose programs store such documents, and count the changes of their arrays.
    is_mongoose: ClassVar[bool] = False

    @classmethod
    def insert_documents(cls, documents: Sequence[Self]) -> None:
        """Validate new documents and insert them with one command.

        Raises ``ValidationError`` before anything is stored, and ``AlreadyExists``.
        """
        cls._prepare(documents)
        cls._insert(documents)
        cls._mark_stored(documents)

    @classmethod
    def _prepare(cls, documents: Sequence[Self]) -> None:
        for document in documents:
            if not isinstance(document, cls) or not document.is_new:
                raise TypeError(f"insert takes new {cls.__name__} documents")
            if document.id is None:
                document.field_values["id"] = ObjectId()
            document._set_times(now())
            document.validate()

    @classmethod
    def _insert(cls, documents: Sequence[Self]) -> None:
        rows = [document.to_mongo() for document in documents]
        cls._insert_rows(rows)
        for document, row in zip(documents, rows, strict=True):
            document.queried = row

    @classmethod
    def _insert_rows(cls, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        if cls.is_mongoose:
            for row in rows:
                row[VERSION_KEY] = 0
        try:
            if len(rows) == 1:
                cls.collection().insert_one(rows[0])
            else:
                cls.collection().insert_many(rows)
        except DuplicateKeyError as error:
            raise cls._already_exists(error.details) from error
        except BulkWriteError as error:
            raise cls._already_exists(duplicates(error)[0]) from error

    @classmethod
    def _mark_stored(cls, documents: Sequence[Self]) -> None:
        def mark(*, stored: bool) -> None:
            for document in documents:
                document.set_state(is_new=not stored)
                if cls.is_mongoose:
                    document.field_values[VERSION_KEY] = 0

        mark(stored=True)
        if in_transaction():
            on_rollback(partial(mark, stored=False))

    @classmethod
    def check(cls, **values: Any) -> None:
        """Raise ``ValidationError`` unless the fields may hold the values (``a__b`` is nested)."""
        for name, value in values.items():
            field = cls.fields_at(name.split("__"))[-1]
            try:
                check_value(field, value)
            except mongoengine.ValidationError as error:
                # Of a list: what is wrong with its first bad item.
                message = next(iter(error.to_dict().values()), error.message)
                raise ValidationError(errors={field.db_field: message}) from None

    def validate(self, clean: bool = True) -> None:
        """Raise ``ValidationError`` with a message for each field that breaks a rule."""
        try:
            super().validate(clean=clean)
        except mongoengine.ValidationError as error:
            found = error.to_dict() or {"": error.message}
            errors = {self.stored_name(name): text for name, text in found.items()}
            raise ValidationError(errors=errors) from None

    def save(self, *, save_condition: Mapping[str, Any] | None = None) -> Self:
        """Insert a new document, or update the changed fields of a stored one.

        Only these are validated, and what is stored beside them stays. Raises ``NotFound`` when
        the document was deleted since, instead of storing a fragment of it again,
        ``AlreadyExists`` and ``ValidationError``; ``DocumentChanged`` for an array that was changed
        since, as Mongoose's count of such changes tells, and for an array or object of which
        another is stored and was not read. ``SaveConditionError`` is raised where the criteria do
        not hold.
        """
        if self.is_new:
            self.insert_documents([self])
            return self
        self._validate_changes()
        changes, arrays = update_of(self)
        if not changes:
            # There is nothing to store, but the document may have been deleted.
            self.refresh()
            return self
        # A query may have left out what is stored there.
        conditions: dict[str, Any] = {path: {"$exists": False} for path in unread(self, changes)}
        if arrays and VERSION_KEY in self.field_values:
            conditions[VERSION_KEY] = self.field_values[VERSION_KEY]
        if save_condition:
            conditions["$and"] = [transform.query(type(self), **save_condition)]
        restore = self.remember()
        if not self.change(changes, arrays=arrays, **conditions):
            restore()
            raise SaveConditionError if save_condition else DocumentChanged
        return self

    def _validate_changes(self) -> None:
        self.clean()
        errors = errors_of(self)
        if "_id" in self.changes:
            # The changes would be made to another document.
            errors["_id"] = "It cannot be changed."
        if errors:
            raise ValidationError(errors=errors)

    def patch(
        self, values: Mapping[str, Any], *, merge: Mapping[str, Mapping[str, Any]] | None = None
    ) -> bool:
        """Set the given fields atomically, remove those given as ``None``; keep all others.

        ``a.b`` names a field of an embedded document. ``merge`` adds keys to free-form objects;
        the limits of their fields hold for concurrent calls too. Returns ``False`` where
        nothing is given. Raises ``ValidationError``, ``AlreadyExists``, ``NotFound`` and
        ``DocumentChanged``.
        """
        changes: dict[str, Any] = {}
        arrays: dict[str, Any] = {}
        sizes: list[tuple[dict[str, Any], int]] = []
        for name, value in values.items():
            path, field = self._stored_path(name)
            if value is None:
                changes[path] = updates.REMOVE
            else:
                self.check(**{name.replace(".", "__"): value})
                stored = field.to_mongo(value)
                changes |= leaves(path, field, stored)
                if isinstance(stored, list):
                    arrays[path] = changes[path]
        for name, keys in (merge or {}).items():
            path, merged, limit = self._merged(name, keys)
            sizes.append((merged, limit))
            for key, value in keys.items():
                changes[f"{path}.{key}"] = {"$literal": value}
                if isinstance(value, (list, tuple)):
                    arrays[f"{path}.{key}"] = changes[f"{path}.{key}"]
        if not changes:
            self.refresh()
            self._check_expected()
            return False
        for test in (expressions.fits_clearly, expressions.fits):
            fitting = [test(merged, max_bytes=limit) for merged, limit in sizes]
            # What this accepts, validate() must accept too.
            if self.change(changes, arrays=arrays, **{"$expr": {"$and": fitting}}):
                return True
        raise ValidationError(errors=dict.fromkeys(merge or (), expressions.TOO_MUCH))

    def _merged(self, name: str, keys: Mapping[str, Any]) -> tuple[str, Any, int]:
        """Return the field's path, its value with the keys added, and how many bytes it may be."""
        path, field = self._stored_path(name)
        limit = getattr(conf, field.limit)
        validate_json(keys, max_bytes=limit)
        return path, {"$mergeObjects": [expressions.object_at(path), {"$literal": keys}]}, limit

    def merge_json(self, name: str, key: str, value: Any) -> None:
        """Set one key of a free-form object atomically; raise ``ValidationError``, ``NotFound``."""
        self.patch({}, merge={name: {validate_key(key): value}})

    @classmethod
    def _stored_path(cls, name: str) -> tuple[str, Any]:
        fields = cls.fields_at(name.split("."))
        return ".".join(field.db_field for field in fields), fields[-1]

    def _set_times(self, time: datetime) -> None:
        # Not a field default: a stored document without the field would seem to be of just now.
        for name in ("created_at", "updated_at", "timestamp"):
            if name in self.fields() and self.field_values.get(name) is None:
                setattr(self, name, time)
