"""What all Documents share: how they are inserted and updated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Self

import mongoengine
from bson import ObjectId
from mongoengine.errors import NotUniqueError, SaveConditionError
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from chabad_auth_django.conf import conf
from chabad_auth_django.db import expressions
from chabad_auth_django.db.mongoengine_internals import check_value
from chabad_auth_django.db.transactions import in_transaction, on_rollback
from chabad_auth_django.exceptions import (
    AlreadyExists,
    ChabadAuthError,
    DocumentChanged,
    NotFound,
    ValidationError,
)
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.registry import RegisteredDocument
from chabad_auth_django.validators import validate_json, validate_key

DUPLICATE_KEY = 11000


class Document(RegisteredDocument):
    """Base of all Documents: stored as Mongoose stores them, and changed atomically only.

    Fields that other programs wrote are kept. mongoengine creates no indexes by itself.
    """

    #: The stored document that the next atomic operation requires; ``None`` if it requires none.
    #: The operation replaces it by its result.
    expected: Mapping[str, Any] | None = None

    meta = {"abstract": True}

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
        cls._insert_rows([document.to_mongo() for document in documents])

    @classmethod
    def _insert_rows(cls, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        try:
            if len(rows) == 1:
                cls.collection().insert_one(rows[0])
            else:
                cls.collection().insert_many(rows)
        except DuplicateKeyError as error:
            raise cls._already_exists(error.details) from error
        except BulkWriteError as error:
            details: Mapping[str, Any] = next(iter(error.details["writeErrors"]), {})
            if details.get("code") != DUPLICATE_KEY:
                raise
            raise cls._already_exists(details) from error

    @classmethod
    def _mark_stored(cls, documents: Sequence[Self]) -> None:
        def mark(*, stored: bool) -> None:
            for document in documents:
                document.set_state(is_new=not stored)

        mark(stored=True)
        if in_transaction():
            on_rollback(partial(mark, stored=False))

    @classmethod
    def _already_exists(cls, details: Mapping[str, Any] | None) -> ChabadAuthError:
        """Return the error for a duplicate key; its text names no value, so none leaks."""
        return AlreadyExists()

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

        Raises ``NotFound`` when the document was deleted meanwhile, instead of storing a fragment
        of it again, ``AlreadyExists`` and ``ValidationError``.
        """
        if self.is_new:
            self.insert_documents([self])
            return self
        if not self.changes:
            # There is nothing to store, but the document may be gone.
            self.refresh()
            return self
        if "updated_at" in self.fields():
            self.updated_at = now()
        try:
            super().save(save_condition=save_condition or {"pk": self.pk})
        except NotUniqueError as error:
            raise self._already_exists(getattr(error.__context__, "details", None)) from error
        except SaveConditionError:
            if save_condition:
                raise
            raise self._not_found() from None
        return self

    def update_atomically(
        self, update: dict[str, Any] | list[dict[str, Any]], **conditions: Any
    ) -> bool:
        """Apply MongoDB update operators (or a pipeline) to the stored document and load it.

        ``conditions`` are further criteria on stored field names (``$`` operators included).
        Returns whether the conditions held; raises ``NotFound`` when the document is gone, and
        ``DocumentChanged`` when it is not as ``expected``. Unsaved changes of the instance are
        dropped.
        """
        if "updated_at" in self.fields():
            times = {"updatedAt": now()}
            if isinstance(update, list):
                update = [*update, {"$set": times}]
            else:
                update = {**update, "$set": {**update.get("$set", {}), **times}}
        criteria: dict[str, Any] = {**self._identity(), **conditions}
        if self.expected is not None:
            criteria = {"$and": [criteria, {"$expr": expressions.is_document(self.expected)}]}
        try:
            stored = self.collection().find_one_and_update(
                criteria, update, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError as error:
            raise self._already_exists(error.details) from error
        if stored is None:
            self.refresh()
            self._check_expected()
            return False
        self._load(stored)
        if self.expected is not None:
            self.expected = stored
        return True

    def _check_expected(self) -> None:
        if self.expected is not None and self.stored != self.expected:
            raise DocumentChanged

    def patch(
        self, values: Mapping[str, Any], *, merge: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Set the given fields atomically, remove those given as ``None``; keep all others.

        ``a.b`` names a field of an embedded document. ``merge`` adds keys to free-form objects,
        within the limit of their fields whoever else is adding to them. Raises
        ``ValidationError``, ``AlreadyExists``, ``NotFound`` and ``DocumentChanged``.
        """
        changed: dict[str, Any] = {}
        limits: dict[str, int] = {}
        for name, value in values.items():
            path, field = self._stored_path(name)
            if value is None:
                changed[path] = "$$REMOVE"
            else:
                self.check(**{name.replace(".", "__"): value})
                changed[path] = {"$literal": field.to_mongo(value)}
        for name, keys in (merge or {}).items():
            path, changed[path], limits[path] = self._merged(name, keys)
        if not changed:
            self.refresh()
            self._check_expected()
            return
        for test in (expressions.fits_clearly, expressions.fits):
            conditions = [test(changed[path], max_bytes=limits[path]) for path in limits]
            # What this accepts, validate() must accept too.
            if self.update_atomically([{"$set": changed}], **{"$expr": {"$and": conditions}}):
                return
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

    def refresh(self) -> None:
        """Load the stored document from the primary; raise ``NotFound`` when it is gone."""
        stored = self.collection().find_one(self._identity())
        if stored is None:
            raise self._not_found()
        self._load(stored)

    def _load(self, stored: Mapping[str, Any]) -> None:
        fresh = self.decode(stored)
        for name, value in fresh.field_values.items():
            if name in self.fields():
                setattr(self, name, self._reload(name, value))
            else:
                self.field_values[name] = value
        self.set_state(is_new=False)
        self.stored = stored

    def _identity(self) -> dict[str, Any]:
        """Return the criteria that find this document."""
        return {"_id": self.pk}

    def _set_times(self, time: datetime) -> None:
        # Not a field default: a stored document without the field would seem to be of just now.
        for name in ("created_at", "updated_at", "timestamp"):
            if name in self.fields() and self.field_values.get(name) is None:
                setattr(self, name, time)

    def _not_found(self) -> NotFound:
        return NotFound()
