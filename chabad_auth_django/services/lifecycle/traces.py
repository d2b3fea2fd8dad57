"""Looking everywhere for what is left of an erased user."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import DBRef, ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import RAW, Advance, in_batches
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import AuditEntry
from chabad_auth_django.services.identity import audit_log
from chabad_auth_django.validators import email_spellings


@dataclass(frozen=True)
class Trace:
    """A place where a name was found."""

    collection: str
    id: Any
    #: Keys and positions, joined by dots.
    path: str


def count_documents() -> int:
    """Return about how many documents ``find_traces`` reads."""
    return sum(collection.estimated_document_count() for collection in _collections())


def find_traces(*, names: Sequence[str], advance: Advance) -> Iterator[Trace]:
    """Yield every field and key of every collection that holds one of the names.

    An id is found as ObjectId and as text; a name also within longer text, in upper or lower case,
    but not within a longer word or address. An e-mail address is found in each spelling. That the
    audit trail names users by their ids is no trace. Raises ``ValidationError`` for an empty name.
    """
    needles = [_Needle(text) for name in names for text in email_spellings(name)]
    audited = AuditEntry.collection().name
    for collection in _collections():
        for rows in in_batches(collection):
            for row in rows:
                raw = bytes(row.raw)
                lowered = raw.lower()
                if any(needle.may_be_in(raw, lowered) for needle in needles):
                    for path in _paths(row, needles):
                        if collection.name != audited or path not in audit_log.ID_FIELDS:
                            yield Trace(collection.name, row["_id"], path)
            advance(len(rows))


def count_audit_entries(*, names: Sequence[str]) -> int:
    """Return how many entries of the audit trail name one of the ids among the names."""
    ids = [ObjectId(name) for name in names if ObjectId.is_valid(name)]
    return audit_log.count_entries(user_ids=ids)


class _Needle:
    def __init__(self, name: str) -> None:
        text = name.strip()
        if not text:
            raise ValidationError("A name must not be empty.")
        self._id = ObjectId(text) if ObjectId.is_valid(text) else None
        self._bytes = text.encode().lower()
        # An e-mail address that ends or begins like this one is somebody else's.
        self._pattern = re.compile(rf"(?<![\w.+@-]){re.escape(text)}(?![\w@-])", re.IGNORECASE)

    def may_be_in(self, raw: bytes, lowered: bytes) -> bool:
        """Tell at the speed of C whether a closer look is worth it."""
        return self._bytes in lowered or (self._id is not None and self._id.binary in raw)

    def is_in(self, value: Any) -> bool:
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            return self._pattern.search(value) is not None
        return isinstance(value, ObjectId) and value == self._id


def _paths(row: RawBSONDocument, needles: Sequence[_Needle]) -> Iterator[str]:
    stack: list[tuple[str, Any]] = [("", row)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, DBRef):
            value = value.as_doc()
        if isinstance(value, Mapping):
            for key, item in value.items():
                if any(needle.is_in(key) for needle in needles):
                    yield f"{path}{key} (the key)"
                stack.append((f"{path}{key}.", item))
        elif isinstance(value, list):
            stack.extend((f"{path}{index}.", item) for index, item in enumerate(value))
        elif any(needle.is_in(value) for needle in needles):
            yield path[:-1]


def _collections() -> Iterator[Collection[RawBSONDocument]]:
    database = connection.get_database()
    # A view shows what is stored elsewhere.
    names = database.list_collection_names(filter={"type": {"$ne": "view"}})
    for name in sorted(names):
        if not name.startswith("system."):
            collection: Collection[Any] = database[name]
            yield collection.with_options(codec_options=RAW, read_preference=ReadPreference.PRIMARY)
