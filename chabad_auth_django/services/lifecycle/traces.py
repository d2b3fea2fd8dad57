"""Searching everywhere for traces of an erased user; a false finding is better than a miss."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import bson
from bson import Code, DBRef, Decimal128, ObjectId, Regex
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import OperationFailure
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db import connection, errors
from chabad_auth_django.db.batches import RAW, SIZE, Advance, in_batches
from chabad_auth_django.models import AuditEntry, Deletion
from chabad_auth_django.models.deletion import OLD_RECEIPTS
from chabad_auth_django.services.identity import audit_log
from chabad_auth_django.services.lifecycle.needles import Needles

#: Called with the name of a collection that cannot be read, and why.
Unreadable = Callable[[str, str], object]


@dataclass(frozen=True)
class Trace:
    """A place where a name was found."""

    collection: str
    #: Of the document; ``None`` for the name of the collection, and for its indexes.
    id: Any
    #: Keys and positions, joined by dots; empty for what is in no single field.
    path: str


def count_documents() -> int:
    """Return about how many documents ``find_traces`` reads."""
    total = 0
    for collection in _collections():
        with suppress(OperationFailure):
            total += collection.estimated_document_count()
    return total


def find_traces(
    *, names: Sequence[str], advance: Advance, unreadable: Unreadable
) -> Iterator[Trace]:
    """Yield every place that holds one of the names, in any form that ``Needles`` finds.

    A place is a field or key of a document, a name or option of a collection, or the definition of
    an index. The id in the audit trail, in an open deletion and in its receipt is no trace. A
    collection that cannot be read is reported to ``unreadable``, and the search goes on. Raises
    ``ValidationError`` for an empty name.
    """
    needles, options = Needles(names), _options()
    for collection in _collections():
        if needles.are_in(collection.name.encode()):
            yield Trace(collection.name, None, "(the collection)")
        for path in _find_paths(options.get(collection.name, {}), needles):
            yield Trace(collection.name, None, f"{path} (an option)")
        try:
            for index in collection.list_indexes():
                for path in _find_paths(index, needles):
                    yield Trace(collection.name, None, f"{path} (index {index['name']})")
            for row in _rows(collection):
                for path in _paths(row, needles):
                    if not _is_known(collection.name, path):
                        yield Trace(collection.name, row.get("_id"), path)
                advance(1)
        except OperationFailure as error:
            unreadable(collection.name, errors.describe(error))


def count_audit_entries(*, names: Sequence[str]) -> int:
    """Return how many entries of the audit trail name one of the ids among the names."""
    ids = [ObjectId(name) for name in names if ObjectId.is_valid(name)]
    return audit_log.count_entries(user_ids=ids)


def _is_known(collection: str, path: str) -> bool:
    """Tell whether it is an id in the audit trail, of an open deletion, or of its receipt."""
    if collection == AuditEntry.collection().name:
        return path in audit_log.ID_FIELDS
    return path == "_id" and collection in (Deletion.collection_name(), OLD_RECEIPTS)


def _rows(collection: Collection[RawBSONDocument]) -> Iterator[RawBSONDocument]:
    try:
        first = next(batches := in_batches(collection), [])
    except OperationFailure:
        # A time series, and what has no index of its ids.
        yield from collection.find(batch_size=SIZE)
        return
    yield from first
    for rows in batches:
        yield from rows


def _paths(row: RawBSONDocument, needles: Needles) -> list[str]:
    """Return where the names are; an empty path where no single field has one."""
    raw = bytes(row.raw)
    if needles.are_in(raw):
        return list(_find_paths(row, needles)) or [""]
    return list(_find_paths(row, needles)) if needles.may_be_numbers_in(raw) else []


def _find_paths(row: Mapping[str, Any], needles: Needles) -> Iterator[str]:
    stack: list[tuple[str, Any]] = [("", row)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, DBRef):
            value = value.as_doc()
        if isinstance(value, Code) and value.scope is not None:
            stack.append((path, value.scope))
        if isinstance(value, Mapping):
            for key, item in value.items():
                if needles.are_in(key.encode()):
                    yield f"{path}{key} (the key)"
                stack.append((f"{path}{key}.", item))
        elif isinstance(value, list):
            stack.extend((f"{path}{index}.", item) for index, item in enumerate(value))
        elif needles.are_in(_bytes(value)) or (
            isinstance(value, (int, float, Decimal128))
            and needles.may_be_numbers_in(bson.encode({"": value}))
        ):
            yield path[:-1]


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, ObjectId):
        return value.binary
    if isinstance(value, Regex):
        return _bytes(value.pattern)
    # Times are no names, though some would look like one.
    is_told = isinstance(value, (str, int, float, Decimal128)) and not isinstance(value, bool)
    return str(value).encode() if is_told else b""


def _options() -> dict[str, Mapping[str, Any]]:
    """Return the options of collections, such as a validator; those of views are documents."""
    try:
        return {
            info["name"]: info["options"]
            for info in connection.get_database().list_collections(filter={"type": {"$ne": "view"}})
        }
    except OperationFailure:
        # A MongoDB user without the right to see options may still read documents.
        return {}


def _collections() -> Iterator[Collection[RawBSONDocument]]:
    database = connection.get_database()
    found = database.list_collections(nameOnly=True, authorizedCollections=True)
    # A view shows what is stored elsewhere, and so does a time series its buckets.
    names = [info["name"] for info in found if info["type"] != "view"]
    for name in sorted(names):
        if not name.startswith("system.buckets."):
            collection: Collection[Any] = database[name]
            yield collection.with_options(codec_options=RAW, read_preference=ReadPreference.PRIMARY)
