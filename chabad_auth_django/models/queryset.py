"""What all QuerySets share: the limit of a list, and inserts that keep the lifecycle."""

from collections.abc import Iterator
from typing import Any

from mongoengine.queryset import transform

from chabad_auth_django.db.client import in_transaction
from chabad_auth_django.db.mongoengine_internals import OpenQuerySet
from chabad_auth_django.exceptions import ValidationError

#: The most documents that a finder returns.
MAX_LIMIT = 1000

# What ``update`` and ``modify`` take that is no change of a field.
_OPTIONS = frozenset(
    {
        "array_filters",
        "full_response",
        "full_result",
        "multi",
        "new",
        "read_concern",
        "write_concern",
    }
)

_REPLACING = frozenset({"$project", "$replaceRoot", "$replaceWith"})


def bounded(limit: int) -> int:
    """Return the limit of a list; raise ``ValidationError`` unless it is 1 to ``MAX_LIMIT``.

    0 is refused too, because to MongoDB it means "no limit".
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise ValidationError(f"A limit is a whole number from 1 to {MAX_LIMIT}.")
    return limit


def raw_operators(kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each operator, or stage, of an update's ``__raw__`` with what it changes."""
    raw = kwargs.get("__raw__", {})
    for stage in raw if isinstance(raw, list) else [raw]:
        yield from stage.items()


def plain_operators(document: Any, kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each operator that mongoengine makes of an update's arguments, with what it changes."""
    update = {name: value for name, value in kwargs.items() if name not in {*_OPTIONS, "__raw__"}}
    yield from transform.update(document, **update).items()


def changed_fields(operator: str, names: Any, fields: frozenset[str]) -> frozenset[str]:
    """Return those of the stored fields that an operator, or a stage, changes."""
    if operator in _REPLACING:
        return fields
    changed = {names} if isinstance(names, str) else set(names)
    if operator == "$rename":
        changed.update(names.values())
    return fields.intersection(name.split(".")[0] for name in changed)


class QuerySet(OpenQuerySet):
    """A QuerySet that inserts by ``Document.insert_documents``."""

    def create(self, **fields: Any) -> Any:
        """Store a new document with the fields; return it."""
        return self.model(**fields).save()

    def insert(self, doc_or_docs: Any, load_bulk: bool = True, **kwargs: Any) -> Any:
        """Insert new documents; return them, or only their ids without ``load_bulk``.

        Raises ``ValidationError``, ``AlreadyExists`` and what ``insert_documents`` of the Document
        class raises. Options of mongoengine's ``insert`` that would weaken it are refused.
        """
        if kwargs:
            raise TypeError(f"insert() does not take {', '.join(kwargs)}")
        one = isinstance(doc_or_docs, self.model)
        documents = [doc_or_docs] if one else list(doc_or_docs)
        self.model.insert_documents(documents)
        results = documents if load_bulk else [document.id for document in documents]
        return results[0] if one else results

    def fields(self, _only_called: bool = False, **kwargs: Any) -> Any:
        """Choose the fields that are read.

        A part of an array (``slice__``, ``elemMatch__``) is refused with ``TypeError``: ``save``
        would store it as the whole.
        """
        for name, value in kwargs.items():
            if name.startswith(("slice__", "elemMatch__")) or isinstance(value, dict):
                raise TypeError("Read a part of an array with aggregate()")
        return super().fields(_only_called, **kwargs)

    def count(self, with_limit_and_skip: bool = False) -> int:
        """Return how many documents match."""
        if in_transaction() and not self.criteria:
            # In a transaction the size of the whole collection cannot be asked for.
            return self.filter(pk__exists=True).count(with_limit_and_skip)
        return super().count(with_limit_and_skip)

    def delete(self, write_concern: Any = None, **kwargs: Any) -> Any:
        """Delete the documents; another write concern is refused: the majority is waited for."""
        self._refuse(bool(write_concern), "write_concern")
        return 0 if self.finds_nothing else super().delete(**kwargs)

    def update(self, upsert: bool = False, **kwargs: Any) -> Any:
        """Update atomically; an upsert is refused, because it would send no signals.

        So are another write concern, a change of what is ``fixed``, and a ``limit`` or ``skip``.
        """
        self._check_update(upsert, kwargs)
        return 0 if self.finds_nothing else super().update(**kwargs)

    def modify(self, upsert: bool = False, remove: bool = False, **kwargs: Any) -> Any:
        """Update one document atomically; what ``update`` refuses is refused."""
        self._check_update(upsert, kwargs)
        return None if self.finds_nothing else super().modify(remove=remove, **kwargs)

    @property
    def fixed(self) -> frozenset[str]:
        """The stored fields that no update through the QuerySet may change."""
        return self.model.fixed

    def _check_update(self, upsert: bool, kwargs: dict[str, Any]) -> None:
        self._refuse(upsert, "upsert")
        self._refuse(bool(kwargs.get("write_concern")), "write_concern")
        self._refuse(self.is_sliced, "changes of a slice")
        if self.fixed:
            plain = plain_operators(self.model, kwargs)
            for operator, names in (*raw_operators(kwargs), *plain):
                for name in changed_fields(operator, names, self.fixed):
                    self._refuse(True, f"changes of {name}")

    def _refuse(self, wanted: bool, name: str) -> None:
        if wanted:
            raise TypeError(
                f"{self.model.__name__}.objects does not support {name}: "
                "use the operations of the Document"
            )
