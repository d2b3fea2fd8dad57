"""Counting Analytics exactly: its events, and the ledgers of those that are not stored any more.

All reads of an answer are of one snapshot of the database.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar

import bson
from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import ExecutionTimeout, NetworkTimeout, OperationFailure

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import in_transaction
from chabad_auth_django.exceptions import EventsArchived, TooSlow, ValidationError
from chabad_auth_django.models.event import utc_argument
from chabad_auth_django.models.queryset import MAX_LIMIT
from chabad_auth_django.models.rollup import ARCHIVED, LEDGERS, AnalyticsDaily, AnalyticsDailyUser
from chabad_auth_django.validators import to_object_id

DAY = timedelta(days=1)

#: The first time that there is.
FIRST = datetime.min.replace(tzinfo=UTC)

#: The collection of the events.
EVENTS = "analytics"

P = ParamSpec("P")
T = TypeVar("T")

#: A collection was made, or got an index, just now: a snapshot must be a little later than that.
_TRY_AGAIN = frozenset((239, 246))
_TRIES = 20
_PAUSE = 0.05

Stages = list[dict[str, Any]]

#: Returns the builds of the whole days between two midnights that may be counted by their rows.
Builds = Callable[[ClientSession, datetime, datetime], Mapping[datetime, ObjectId]]


@dataclass(frozen=True)
class Sources:
    """Where the events of a time are counted.

    The rows of ``builds`` and of the ledgers from ``first`` to ``last``, both midnights, and the
    events in the ``ranges``; all read in the session, if there is one.
    """

    session: ClientSession | None
    first: datetime
    last: datetime
    builds: list[ObjectId]
    ranges: list[tuple[datetime, datetime]]
    user_id: ObjectId | None = None

    def rows(self) -> dict[str, Any]:
        """Return the criteria for the rows of the roll-ups."""
        # Rows of the other ledgers name no user.
        ledgers = LEDGERS if self.user_id is None else (ARCHIVED,)
        return {
            **self._user(),
            "build": {"$in": [*self.builds, *ledgers]},
            "day": {"$gte": self.first, "$lt": self.last},
        }

    def events(self) -> dict[str, Any]:
        """Return the criteria for the events."""
        ranges = [{"timestamp": {"$gte": start, "$lt": end}} for start, end in self.ranges]
        return {**self._user(), **(ranges[0] if len(ranges) == 1 else {"$or": ranges})}

    def with_builds(self, builds: Mapping[datetime, ObjectId]) -> Self:
        """Return the same with the rows of the builds in place of the events of their days."""
        ranges = []
        for cursor, end in self.ranges:
            for day in sorted(day for day in builds if cursor <= day < end):
                if cursor < day:
                    ranges.append((cursor, day))
                cursor = day + DAY
            if cursor < end:
                ranges.append((cursor, end))
        return replace(self, builds=list(builds.values()), ranges=ranges)

    def _user(self) -> dict[str, Any]:
        return {} if self.user_id is None else {"userId": self.user_id}


def snapshot_read(function: Callable[P, T]) -> Callable[P, T]:
    """Make the function run again when the server cannot read its snapshot yet.

    It raises ``TooSlow`` when the time is up although the server is well.
    """

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_TRIES):
            try:
                return function(*args, **kwargs)
            except (ExecutionTimeout, NetworkTimeout) as error:
                if connection.is_answering():
                    raise TooSlow from error
                raise
            except OperationFailure as error:
                if error.code not in _TRY_AGAIN:
                    raise
                time.sleep(_PAUSE)
        return function(*args, **kwargs)

    return wrapper


@snapshot_read
def count(
    field: str,
    name: str,
    start: datetime,
    end: datetime,
    user_id: Any,
    builds: Builds | None = None,
) -> list[dict[str, Any]]:
    """Count the events with ``start <= timestamp < end`` by a field, the most frequent first.

    Without ``builds`` all is counted by the events. Returns at most ``MAX_LIMIT`` rows with the
    value as ``name``, and ``count``. Raises ``ValidationError``, ``TooSlow``, and
    ``EventsArchived`` where a part of a day is archived.
    """
    with open_sources(start, end, user_id, builds) as sources:
        return count_in(sources, field, name)


def count_in(
    sources: Sources, field: str, name: str, *, most: int | None = None
) -> list[dict[str, Any]]:
    """Count as ``count`` does, but look at no more than ``most`` events."""
    rows = [sum_by(f"${field}")]
    if in_transaction():
        return _count_in_transaction(sources, rows, field, name)
    stages = count_pipeline(sources, rows=rows, event_key=f"${field}", most=most)
    pipeline = [*stages, *_most_frequent(name)]
    collection = rows_model(sources).collection()
    return list(collection.aggregate(pipeline, session=sources.session, batchSize=MAX_LIMIT + 1))


def start_of_day(time: datetime) -> datetime:
    """Return the midnight (UTC) at which the day of a UTC time begins."""
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


@contextmanager
def open_sources(
    start: datetime, end: datetime, user_id: Any, builds: Builds | None
) -> Iterator[Sources]:
    """Open a snapshot and find out where to count; see ``find_sources``."""
    with open_session() as session:
        sources = find_sources(session, start, end, user_id)
        if builds and session and sources.first < sources.last:
            sources = sources.with_builds(builds(session, sources.first, sources.last))
        yield sources


@contextmanager
def open_session() -> Iterator[ClientSession | None]:
    """Open a snapshot of the database.

    ``None`` in a transaction, which has its own snapshot and whose writes are in no log yet, and on
    a standalone server, which has no log, and no ledger.
    """
    if in_transaction() or not connection.supports_transactions():
        yield None
        return
    with connection.get_client().start_session(snapshot=True) as session:
        yield session


def find_sources(
    session: ClientSession | None,
    start: datetime,
    end: datetime,
    user_id: Any,
    *,
    by_days: bool = True,
    archived: Collection[datetime] | None = None,
) -> Sources:
    """Find out where to count without roll-ups; ``by_days=False``: from the events alone.

    ``archived`` are the days of which events are archived, where these are known. Raises
    ``ValidationError`` and ``EventsArchived``.
    """
    start, end = utc_argument(start), utc_argument(end)
    user_id = None if user_id is None else to_object_id(user_id)
    first = min(end, start_of_day(start) if start == start_of_day(start) else _next_day(start))
    last = max(first, start_of_day(end))
    if not by_days:
        last = first
    parts = [(start_of_day(start), first), (last, end)]
    if _is_archived([(begin, until) for begin, until in parts if begin < until], archived, session):
        raise EventsArchived
    return Sources(session, first, last, [], [(start, end)] if start < end else [], user_id)


def count_pipeline(
    sources: Sources, *, rows: Stages, event_key: Any, most: int | None = None
) -> Stages:
    """Return the stages that count by a key, on the collection of ``rows_model``.

    ``rows`` counts its rows by the key, ``event_key`` is the key's expression for an event. No more
    than ``most`` events are looked at.
    """
    limit: Stages = [] if most is None else [{"$limit": most}]
    stages = [{"$match": sources.rows()}, *rows]
    if sources.ranges:
        events = [
            {"$match": sources.events()},
            *limit,
            {"$group": {"_id": event_key, "count": {"$sum": 1}}},
        ]
        stages += [{"$unionWith": {"coll": EVENTS, "pipeline": events}}, sum_by("$_id")]
    return [*stages, {"$match": {"count": {"$gt": 0}}}]


def sum_by(key: Any) -> dict[str, Any]:
    """Return the stage that adds up counts by a key."""
    return {"$group": {"_id": key, "count": {"$sum": "$count"}}}


def rows_model(sources: Sources) -> Any:
    """Return the roll-up in which the sources' events can be counted."""
    return AnalyticsDaily if sources.user_id is None else AnalyticsDailyUser


def _count_in_transaction(
    sources: Sources, rows: Stages, field: str, name: str
) -> list[dict[str, Any]]:
    """Add up here: in a transaction MongoDB joins no two collections."""
    ledger = rows_model(sources).collection()
    counted = ledger.aggregate([{"$match": sources.rows()}, *rows])
    totals = Counter({_in_bson(row["_id"]): row["count"] for row in counted})
    group = {"$group": {"_id": f"${field}", "count": {"$sum": 1}}}
    if sources.ranges:
        for row in ledger.database[EVENTS].aggregate([{"$match": sources.events()}, group]):
            totals[_in_bson(row["_id"])] += row["count"]
    documents = [{"_id": bson.decode(key)[""], "count": total} for key, total in totals.items()]
    # The server's order of values of any type.
    sorting: Stages = [{"$documents": {"$literal": documents}}, {"$match": {"count": {"$gt": 0}}}]
    return list(ledger.database.aggregate([*sorting, *_most_frequent(name)]))


def _in_bson(value: Any) -> bytes:
    return bson.encode({"": value})


def _most_frequent(name: str) -> Stages:
    return [
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": MAX_LIMIT},
        {"$project": {"_id": 0, name: "$_id", "count": 1}},
    ]


def _is_archived(
    ranges: Sequence[tuple[datetime, datetime]],
    archived: Collection[datetime] | None,
    session: ClientSession | None,
) -> bool:
    """Tell whether events of a day are archived that is in one of the ranges."""
    if archived is not None:
        return any(begin <= day < until for day in archived for begin, until in ranges)
    days = [{"day": {"$gte": begin, "$lt": until}} for begin, until in ranges]
    query = {"build": ARCHIVED, "$or": days}
    return bool(days and AnalyticsDaily.collection().find_one(query, {"_id": 1}, session=session))


def _next_day(time: datetime) -> datetime:
    try:
        return start_of_day(time) + DAY
    except OverflowError:
        raise ValidationError("The time is not within the years 1 to 9999 in UTC.") from None
