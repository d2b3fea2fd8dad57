"""Reading a list page by page, in a total order, without loading or counting the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson
from bson import DatetimeMS, ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection

Row = Mapping[str, Any]

#: The fields that a list can be ordered by -> the one BSON type that has an order and a cursor.
KEY_TYPES = {"_id": "objectId", "dataKey": "string", "email": "string", "timestamp": "date"}

#: BSON bytes after which a page ends, however many documents are asked for.
PAGE_BYTES = 8 * 2**20

#: The Python types that PyMongo reads them as.
_CLASSES: dict[str, set[type]] = {
    "objectId": {ObjectId},
    "string": {str},
    "date": {datetime, DatetimeMS},
}


@dataclass(frozen=True)
class Position:
    """A place in the order: behind the row with this key and id, or before it when ``backward``."""

    key: Any
    id: Any
    backward: bool = False


@dataclass(frozen=True)
class Page:
    """Some rows in order, and the positions of the pages around them, ``None`` where none is.

    The times are naive, in UTC.
    """

    rows: list[Row]
    next: Position | None
    previous: Position | None


def read_page(
    collection: Collection[dict[str, Any]],
    query: Mapping[str, Any],
    *,
    field: str,
    descending: bool,
    limit: int,
    position: Position | None = None,
    owner: str | None = None,
) -> Page:
    """Return ``limit`` documents in the order of ``(field, _id)`` from the position on.

    One query, which an index that ends in ``field`` serves; a second one where the page ends
    between documents with equal keys, because such an index does not order them by ``_id``.
    Documents whose key or id is not of the type in ``KEY_TYPES`` have no place in the order, and do
    not appear; a query that finds some is sent again without them. ``owner`` is a field that the
    query gives one value: it keeps a list in the order of ``_id`` from being looked for among
    everybody's documents.
    """
    backward = position is not None and position.backward
    direction = DESCENDING if descending != backward else ASCENDING
    past = "$lt" if direction == DESCENDING else "$gt"
    criteria = [query]
    if position is not None:
        # Not an $or: the planner would try to serve each of its branches by an index of its own.
        seen = {field: position.key, "_id": {"$gte" if past == "$lt" else "$lte": position.id}}
        criteria += [{field: {past + "e": position.key}}, {"$nor": [seen]}]
    # Naive: reading and formatting a time with a zone takes twice as long.
    codec = collection.codec_options.with_options(tz_aware=False, tzinfo=None)
    collection = collection.with_options(codec_options=codec)
    # The owner is the same everywhere, but the index that gives this order begins with it.
    prefix = {owner: direction} if owner else {}
    found, cut = _find(collection, criteria, field, {**prefix, field: direction}, limit + 1)
    if cut:
        limit = len(found) - 1
    more = len(found) > limit
    rows = found
    if more and found[limit - 1][field] == found[limit][field]:
        tied = found[limit][field]
        rows = [row for row in found if row[field] != tied]
        # Not by _id alone: the planner would try the index on _id.
        order = {field: direction, "_id": direction}
        rows += _find(collection, [*criteria, {field: tied}], field, order, limit - len(rows))[0]
        # All gone since the first query: what it found still says where to go on.
        rows = rows or found
    rows = rows[limit - 1 :: -1] if backward else rows[:limit]
    if len({row[field] for row in rows}) < len(rows):
        rows.sort(key=lambda row: (row[field], row["_id"]), reverse=descending)
    first = _position(rows, 0, field, backward=True)
    last = _position(rows, -1, field, backward=False)
    if backward:
        return Page(rows, next=last, previous=first if more else None)
    return Page(rows, next=last if more else None, previous=first if position is not None else None)


def _find(
    collection: Collection[Any],
    criteria: list[Mapping[str, Any]],
    field: str,
    order: Mapping[str, int],
    limit: int,
) -> tuple[list[Row], bool]:
    """Return at most ``limit`` documents, and whether ``PAGE_BYTES`` cut them off before.

    The last of those that were cut off is only to tell what comes next.
    """
    types = {name: KEY_TYPES[name] for name in ("_id", field)}
    found, cut = _read(collection, criteria, order, limit)
    if all({type(row.get(name)) for row in found} <= _CLASSES[types[name]] for name in types):
        return found, cut
    # Only now: the server takes a fifth longer for it. An expression, because as a criterion on
    # _id it would make the planner try the index on _id.
    have_types = [{"$eq": [{"$type": f"${name}"}, kind]} for name, kind in types.items()]
    criteria = [*criteria, {"$expr": {"$and": have_types}}]
    return _read(collection, criteria, order, limit)


def _read(
    collection: Collection[Any], criteria: list[Any], order: Mapping[str, int], limit: int
) -> tuple[list[Row], bool]:
    found: list[Row] = []
    left = PAGE_BYTES
    for batch in collection.find_raw_batches({"$and": criteria}).sort(order).limit(limit):
        left -= len(batch)
        if left >= 0:
            found += bson.decode_all(batch, collection.codec_options)
            continue
        left += len(batch)
        for document in _split(batch):
            found.append(bson.decode(document, collection.codec_options))
            left -= len(document)
            # One at least, and the one behind it.
            if left < 0 and len(found) > 1:
                return found, len(found) < limit
    return found, False


def _split(batch: bytes) -> Iterator[bytes]:
    """Yield each document of a batch: BSON begins with its length."""
    start = 0
    while start < len(batch):
        end = start + int.from_bytes(batch[start : start + 4], "little")
        yield batch[start:end]
        start = end


def _position(rows: list[Row], index: int, field: str, *, backward: bool) -> Position | None:
    return Position(rows[index][field], rows[index]["_id"], backward) if rows else None
