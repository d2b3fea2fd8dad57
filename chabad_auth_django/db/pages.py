"""Reading a list page by page, in a total order, without loading or counting the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bson import DatetimeMS, ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection

from chabad_auth_django.db.reads import Found, Read

Row = Mapping[str, Any]

#: The fields that a list can be ordered by -> the one BSON type that has an order and a cursor.
KEY_TYPES = {"_id": "objectId", "dataKey": "string", "email": "string", "timestamp": "date"}

#: BSON bytes after which a page ends, however many documents are asked for.
PAGE_BYTES = 8 * 2**20

#: Stands in a decoded text for bytes that are not UTF-8, which no cursor can hold.
_REPLACED = "\N{REPLACEMENT CHARACTER}"

#: The Python types that PyMongo reads them as.
_CLASSES: dict[str, set[type]] = {
    "objectId": {ObjectId},
    "string": {str},
    "date": {datetime, DatetimeMS},
}


@dataclass(frozen=True)
class Position:
    """A place in a list: after the row with this key and id, or before it if ``backward``."""

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


@dataclass(frozen=True)
class PageQuery:
    """A page to be read: ``limit`` documents in the order of ``(field, _id)`` from a position on.

    One query, which an index that ends in ``field`` serves; a second one where the page ends
    between documents with equal keys, because such an index does not order them by ``_id``.
    Documents whose key or id is not of the type in ``KEY_TYPES``, or is not UTF-8, have no place in
    the order, and do not appear; a query that finds some is sent again without them. ``owner`` is a
    field for which the query has one value. A list in the order of ``_id`` needs it, or else the
    server would scan everybody's documents.
    """

    collection: Collection[dict[str, Any]]
    query: Mapping[str, Any]
    field: str
    descending: bool
    limit: int
    position: Position | None = None
    owner: str | None = None

    def fetch(self) -> Page:
        """Return the page."""
        return self.finish(self.read.send())

    @property
    def read(self) -> Read:
        """The first query, which ``finish`` makes a page of."""
        # The owner is the same everywhere, but the index that gives this order begins with it.
        prefix = {self.owner: self._direction} if self.owner else {}
        order = {**prefix, self.field: self._direction}
        return self._read(self._criteria, order, self.limit + 1)

    def finish(self, first: Found) -> Page:
        """Return the page of what the first query has found."""
        backward = self.position is not None and self.position.backward
        found, cut = self._documents(self.read, first)
        limit = len(found) - 1 if cut else self.limit
        more = len(found) > limit
        rows = found
        if more and found[limit - 1][self.field] == found[limit][self.field]:
            tied = found[limit][self.field]
            rows = [row for row in found if row[self.field] != tied]
            # Not by _id alone: the planner would try the index on _id.
            order = {self.field: self._direction, "_id": self._direction}
            criteria = [*self._criteria, {self.field: tied}]
            read = self._read(criteria, order, limit - len(rows))
            rows += self._documents(read, read.send())[0]
            # Where all of them were deleted since the first query, the page still needs a position.
            rows = rows or found
        rows = rows[limit - 1 :: -1] if backward else rows[:limit]
        if len({row[self.field] for row in rows}) < len(rows):
            rows.sort(key=lambda row: (row[self.field], row["_id"]), reverse=self.descending)
        start = _position(rows, 0, self.field, backward=True)
        end = _position(rows, -1, self.field, backward=False)
        if backward:
            return Page(rows, next=end, previous=start if more else None)
        is_first = self.position is None
        return Page(rows, next=end if more else None, previous=None if is_first else start)

    @property
    def _direction(self) -> int:
        backward = self.position is not None and self.position.backward
        return DESCENDING if self.descending != backward else ASCENDING

    @property
    def _criteria(self) -> list[Mapping[str, Any]]:
        if self.position is None:
            return [self.query]
        past, at = ("$lt", "$gte") if self._direction == DESCENDING else ("$gt", "$lte")
        # Not an $or: the planner would try to serve each of its branches by another index.
        seen = {self.field: self.position.key, "_id": {at: self.position.id}}
        return [self.query, {self.field: {past + "e": self.position.key}}, {"$nor": [seen]}]

    def _read(
        self, criteria: list[Mapping[str, Any]], order: Mapping[str, int], limit: int
    ) -> Read:
        return Read(self.collection, {"$and": criteria}, order, limit)

    def _documents(self, read: Read, found: Found) -> tuple[list[Row], bool]:
        """Return what was found, and whether ``PAGE_BYTES`` cut it off.

        The last of those that were cut off is only to tell what comes next.
        """
        rows, cut = self._decoded(read, found)
        types = {name: KEY_TYPES[name] for name in ("_id", self.field)}
        is_text = types[self.field] == "string"
        if all(
            {type(row.get(name)) for row in rows} <= _CLASSES[types[name]] for name in types
        ) and not (is_text and any(_REPLACED in row[self.field] for row in rows)):
            return rows, cut
        # Only now: the server takes a fifth longer for it. An expression, because as a criterion on
        # _id it would make the planner try the index on _id.
        have_types = [{"$eq": [{"$type": f"${name}"}, kind]} for name, kind in types.items()]
        criteria = [read.query, {"$expr": {"$and": have_types}}]
        if is_text:
            # It matches whatever is UTF-8.
            criteria.append({self.field: {"$regex": "^"}})
        typed = replace(read, query={"$and": criteria})
        return self._decoded(typed, typed.send())

    def _decoded(self, read: Read, found: Found) -> tuple[list[Row], bool]:
        # Naive: reading and formatting a time with a zone takes twice as long.
        codec = self.collection.codec_options.with_options(tz_aware=False, tzinfo=None)
        rows, cut = found.rows(codec, max_bytes=PAGE_BYTES)
        return list(rows), cut and len(rows) < read.limit


def _position(rows: list[Row], index: int, field: str, *, backward: bool) -> Position | None:
    return Position(rows[index][field], rows[index]["_id"], backward) if rows else None
