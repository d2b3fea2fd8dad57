"""What all QuerySets share: the limit of a list, and inserts that keep the lifecycle."""

from __future__ import annotations

from typing import Any

import mongoengine

from chabad_auth_django.db.client import in_transaction
from chabad_auth_django.exceptions import ValidationError

#: The most documents that a finder returns.
MAX_LIMIT = 1000


def bounded(limit: int) -> int:
    """Return the limit of a list; raise ``ValidationError`` unless it is 1 to ``MAX_LIMIT``.

    MongoDB takes 0 for "no limit", so it is refused with the rest.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise ValidationError(f"A limit is a whole number from 1 to {MAX_LIMIT}.")
    return limit


class QuerySet(mongoengine.QuerySet):
    """A QuerySet whose inserts go the way of ``Document.insert_documents``."""

    def insert(self, doc_or_docs: Any, load_bulk: bool = True, **kwargs: Any) -> Any:
        """Insert new documents; return them, or only their ids without ``load_bulk``.

        Raises ``ValidationError``, ``AlreadyExists`` and what ``insert_documents`` of the Document
        class raises. Options of mongoengine's ``insert`` that would weaken it are refused.
        """
        if kwargs:
            raise TypeError(f"insert() does not take {', '.join(kwargs)}")
        one = isinstance(doc_or_docs, self._document)
        documents = [doc_or_docs] if one else list(doc_or_docs)
        self._document.insert_documents(documents)
        results = documents if load_bulk else [document.id for document in documents]
        return results[0] if one else results

    def count(self, with_limit_and_skip: bool = False) -> int:
        """Return how many documents match."""
        if in_transaction() and not self._query:
            # What MongoDB knows of the whole collection is nothing that a transaction can ask.
            return self.filter(pk__exists=True).count(with_limit_and_skip)
        return super().count(with_limit_and_skip)

    def update(self, upsert: bool = False, **kwargs: Any) -> Any:
        """Update atomically; an upsert is refused, because it would pass by the lifecycle."""
        self._refuse(upsert, "upsert")
        return super().update(upsert=upsert, **kwargs)

    def modify(self, upsert: bool = False, remove: bool = False, **kwargs: Any) -> Any:
        """Update one document atomically; an upsert is refused, as in ``update``."""
        self._refuse(upsert, "upsert")
        return super().modify(remove=remove, **kwargs)

    def _refuse(self, wanted: bool, name: str) -> None:
        if wanted:
            raise TypeError(
                f"{self._document.__name__}.objects does not support {name}: "
                "use the operations of the Document"
            )
