"""Changing a stored document: each change is one command."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NoReturn

import bson
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from chabad_auth_django.db import expressions, updates
from chabad_auth_django.db.batches import RAW
from chabad_auth_django.db.transactions import in_transaction, on_rollback
from chabad_auth_django.exceptions import AlreadyExists, ChabadAuthError, DocumentChanged, NotFound
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.registry import RegisteredDocument


class ChangingDocument(RegisteredDocument):
    """A Document that is changed by one command at a time, and loads what it has made."""

    #: The stored document that the next atomic operation requires; ``None`` if it requires none.
    #: The operation replaces it by its result.
    expected: Mapping[str, Any] | None = None

    meta = {"abstract": True}

    def change(
        self,
        changes: Mapping[str, Any],
        *,
        arrays: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> bool:
        """Set each stored path to its expression, or remove it, and load the document.

        The arguments are those of ``updates.pipeline`` and ``update_atomically``.
        """
        return self.update_atomically(updates.pipeline(changes, arrays=arrays), **conditions)

    def update_atomically(
        self, update: dict[str, Any] | list[dict[str, Any]], **conditions: Any
    ) -> bool:
        """Apply MongoDB update operators (or a pipeline) to the stored document and load it.

        ``conditions`` are further criteria on stored field names (``$`` operators included).
        Returns whether the conditions held; raises ``NotFound`` when there is no document, and
        ``DocumentChanged`` when it is not as ``expected``. Unsaved changes of the instance are
        dropped.
        """
        if "updated_at" in self.fields():
            times = {"updatedAt": now()}
            if isinstance(update, list):
                update = [*update, {"$set": times}]
            else:
                update = {**update, "$set": {**update.get("$set", {}), **times}}
        stored = self._apply_as_expected(conditions, update)
        if stored is None and self._make_missing():
            stored = self._apply_as_expected(conditions, update)
        if in_transaction():
            # Another try of it stores the same.
            on_rollback(partial(setattr, self, "expected", self.expected))
            on_rollback(self.remember())
        if stored is None:
            self.refresh()
            self._check_expected()
            return False
        self._load(stored)
        if self.expected is not None:
            self.expected = stored
        return True

    def _apply_as_expected(self, conditions: Mapping[str, Any], update: Any) -> Any:
        key = self._identity()
        if self.expected is None:
            return self._apply({**key, **conditions}, update)
        found = self.exactly(key, self.expected)
        # The conditions may have an "$expr" too.
        tries = (self._apply({"$and": [exact, conditions]}, update) for exact in found)
        return next(filter(None, tries), None)

    @classmethod
    def exactly(cls, key: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield criteria that find the document under the key if it is just the one that was read.

        The second, for where the first finds nothing, compares the bytes: decoding loses what
        Python cannot represent, such as deprecated types and duplicate names.
        """
        yield {**key, "$expr": expressions.is_document(row)}
        stored = cls.collection_as(RAW).find_one(key)
        if stored is not None:
            decoded = bson.decode(stored.raw, cls.collection().codec_options)
            if expressions.content(decoded) == expressions.content(row):
                yield {**key, "$expr": expressions.is_document(stored)}

    @classmethod
    def _apply(cls, criteria: Mapping[str, Any], update: Any) -> dict[str, Any] | None:
        try:
            return cls.collection().find_one_and_update(
                criteria, update, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError as error:
            raise cls._already_exists(error.details) from error

    def _make_missing(self) -> bool:
        """Store the document where there must be one; tell whether there may have been none."""
        return False

    def _check_expected(self) -> None:
        if self.expected is not None and self.stored is not None:
            stored, expected = map(expressions.content, (self.stored, self.expected))
            if stored != expected:
                raise DocumentChanged

    def switch_collection(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse it with ``TypeError``: the Document would be saved where it always is."""
        raise TypeError(f"{type(self).__name__} is stored in one collection")

    def refresh(self) -> None:
        """Load the stored document from the primary; raise ``NotFound`` when there is none."""
        stored = self.collection().find_one(self._identity())
        if stored is None and self._make_missing():
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
        for name in self.field_values.keys() - fresh.field_values.keys():
            del self.field_values[name]
        self.set_state(is_new=False)
        self.stored = self.queried = stored

    def _identity(self) -> dict[str, Any]:
        """Return the criteria that find this document."""
        return {"_id": self.pk}

    @classmethod
    def _already_exists(cls, details: Mapping[str, Any] | None) -> ChabadAuthError:
        """Return the error for a duplicate key; its text names no value, so none leaks."""
        return AlreadyExists()

    def _not_found(self) -> NotFound:
        return NotFound()
