"""Reading a list page by page, in a total order, without loading or counting the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Position:
    """A place in the order: behind the row with this key and id, or before it when ``backward``."""

    key: Any
    id: Any
    backward: bool = False


@dataclass(frozen=True)
class Page:
    """Some rows in order, and the positions of the pages around them, ``None`` where none is."""

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
) -> Page:
    """Return ``limit`` documents in the order of ``(field, _id)`` from the position on.

    One query, which an index that ends in ``field`` serves; a second one where the page ends
    between documents with equal keys, because such an index does not order them by ``_id``.
    """
    backward = position is not None and position.backward
    direction = DESCENDING if descending != backward else ASCENDING
    past = "$lt" if direction == DESCENDING else "$gt"
    criteria: list[Mapping[str, Any]] = [query]
    if position is not None:
        # Not an $or: the planner would try to serve each of its branches by an index of its own.
        seen = {field: position.key, "_id": {"$gte" if past == "$lt" else "$lte": position.id}}
        criteria += [{field: {past + "e": position.key}}, {"$nor": [seen]}]
    rows: list[Row] = _find(collection, criteria, field, direction, limit + 1)
    if len(rows) > limit and rows[limit - 1][field] == rows[limit][field]:
        tied = rows[limit][field]
        rows = [row for row in rows if row[field] != tied]
        rows += _find(
            collection, [*criteria, {field: tied}], "_id", direction, limit + 1 - len(rows)
        )
    more = len(rows) > limit
    rows = sorted(rows[:limit], key=lambda row: (row[field], row["_id"]), reverse=descending)
    first = _position(rows, 0, field, backward=True)
    last = _position(rows, -1, field, backward=False)
    if backward:
        return Page(rows, next=last, previous=first if more else None)
    return Page(rows, next=last if more else None, previous=first if position is not None else None)


def _find(
    collection: Collection[dict[str, Any]],
    criteria: list[Mapping[str, Any]],
    field: str,
    direction: int,
    limit: int,
) -> list[Row]:
    return list(collection.find({"$and": criteria}).sort(field, direction).limit(limit))


def _position(rows: list[Row], index: int, field: str, *, backward: bool) -> Position | None:
    return Position(rows[index][field], rows[index]["_id"], backward) if rows else None
