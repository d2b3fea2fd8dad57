"""Changing a stored document: each change is one command."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NoReturn, Self

import bson
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db import expressions, updates
from chabad_auth_django.db.batches import RAW
from chabad_auth_django.db.transactions import on_rollback
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
        # Another try of a transaction stores the same.
        on_rollback(partial(setattr, self, "expected", self.expected))
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

    def __getstate__(self) -> dict[str, Any]:
        # A copy, too, must notice what other programs have changed since it was read.
        fields = self.fields()
        others = {name: item for name, item in self.field_values.items() if name not in fields}
        read = {"stored": self.stored, "queried": self.queried}
        return {**super().__getstate__(), "others": others, "read": read}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.field_values.update(state["others"])
        self.__dict__.update(state["read"])

    def switch_collection(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse it with ``TypeError``: the Document would be saved where it always is."""
        raise TypeError(f"{type(self).__name__} is stored in one collection")

    def modify(self, query: Any = None, **update: Any) -> bool:
        """Update the stored document, and load it if the query finds it; see mongoengine."""
        objects = type(self).objects
        found = objects(**query) if isinstance(query, Mapping) else objects(query)
        changed = found.filter(**self._object_key).modify(new=True, **update)
        if changed is not None:
            self._load(changed.queried)
        return changed is not None

    def reload(self, *fields: str, **kwargs: Any) -> Self:
        """Load the stored document, or some of its fields, from the primary; see mongoengine."""
        names = {name.split("__")[0] for name in fields}
        key = {"_id": self.pk, **self._identity()}
        found = type(self).objects(__raw__=key).read_preference(ReadPreference.PRIMARY)
        loaded = found.only(*names).first()
        if loaded is None:
            raise self.DoesNotExist
        if not names:
            self._load(loaded.queried)
            return self
        on_rollback(self.remember())
        for name in names:
            setattr(self, name, self._reload(name, getattr(loaded, name)))
        read = {name: loaded.queried.get(name) for name in map(self.stored_name, names)}
        self.queried = {**(self.queried or {}), **read}
        left = [path for path in self.changes if path.split(".")[0] not in read]
        self.set_state(is_new=False, changes=left)
        return self

    def refresh(self) -> None:
        """Load the stored document from the primary; raise ``NotFound`` when there is none."""
        stored = self.collection().find_one(self._identity())
        if stored is None and self._make_missing():
            stored = self.collection().find_one(self._identity())
        if stored is None:
            raise self._not_found()
        self._load(stored)

    def _load(self, stored: Mapping[str, Any]) -> None:
        on_rollback(self.remember())
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

    @classmethod
    def _already_exists(cls, details: Mapping[str, Any] | None) -> ChabadAuthError:
        """Return the error for a duplicate key; its text names no value, so none leaks."""
        return AlreadyExists()

    def _not_found(self) -> NotFound:
        return NotFound()
