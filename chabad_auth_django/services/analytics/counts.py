"""Counting Analytics over any time: valid days from the roll-ups, all else from the events.

All reads of an answer are of one snapshot of the database, and the log of changes is read up to
it: a day counts from its roll-up only if no change to it is logged by then. So the answer is what
counting the events in that snapshot gives, whoever wrote them, plus what the ledgers hold.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import ExecutionTimeout, NetworkTimeout, OperationFailure, PyMongoError

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import in_transaction
from chabad_auth_django.exceptions import EventsArchived, TooSlow, ValidationError
from chabad_auth_django.models import (
    Analytics,
    AnalyticsDaily,
    AnalyticsDailyUser,
    AnalyticsRollup,
)
from chabad_auth_django.models.event import utc_argument
from chabad_auth_django.models.queryset import MAX_LIMIT
from chabad_auth_django.services.analytics.changes import (
    DAY,
    changed_days,
    session_time,
    start_of_day,
)
from chabad_auth_django.services.analytics.ledger import ARCHIVED, LEDGERS
from chabad_auth_django.services.analytics.rollups import is_valid
from chabad_auth_django.validators import to_object_id

P = ParamSpec("P")
T = TypeVar("T")

#: A collection was made, or got an index, just now: a snapshot must be a little later than that.
_TRY_AGAIN = frozenset((239, 246))
_TRIES = 20
_PAUSE = 0.05

Stages = list[dict[str, Any]]


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
        return {
            **self._user(),
            "build": {"$in": [*self.builds, *LEDGERS]},
            "day": {"$gte": self.first, "$lt": self.last},
        }

    def events(self) -> dict[str, Any]:
        """Return the criteria for the events."""
        ranges = [{"timestamp": {"$gte": start, "$lt": end}} for start, end in self.ranges]
        return {**self._user(), **(ranges[0] if len(ranges) == 1 else {"$or": ranges})}

    def _user(self) -> dict[str, Any]:
        return {} if self.user_id is None else {"userId": self.user_id}


def get_event_counts(
    *, start: datetime, end: datetime, user_id: Any = None
) -> list[dict[str, Any]]:
    """Count the events with ``start <= timestamp < end`` by name, the most frequent first.

    Returns ``[{"eventName": str, "count": int}]``, at most ``MAX_LIMIT`` of them. Raises
    ``ValidationError``, ``EventsArchived`` where a day that is not whole is archived, and
    ``TooSlow``.
    """
    return _counts("eventName", "eventName", start, end, user_id)


def get_category_counts(
    *, start: datetime, end: datetime, user_id: Any = None
) -> list[dict[str, Any]]:
    """Count the events with ``start <= timestamp < end`` by category, the most frequent first.

    Returns ``[{"category": str, "count": int}]``; raises as ``get_event_counts`` does.
    """
    return _counts("eventCategory", "category", start, end, user_id)


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
                if _server_answers():
                    raise TooSlow from error
                raise
            except OperationFailure as error:
                if error.code not in _TRY_AGAIN:
                    raise
                time.sleep(_PAUSE)
        return function(*args, **kwargs)

    return wrapper


@contextmanager
def open_sources(
    start: datetime, end: datetime, user_id: Any, *, by_days: bool = True
) -> Iterator[Sources]:
    """Find out where to count; ``by_days=False``: from the events alone.

    Raises ``ValidationError`` and ``EventsArchived``.
    """
    start, end = utc_argument(start), utc_argument(end)
    user_id = None if user_id is None else to_object_id(user_id)
    first = min(end, start_of_day(start) if start == start_of_day(start) else _next_day(start))
    last = max(first, start_of_day(end))
    if not by_days:
        last = first
    if in_transaction():
        # Its writes are in no log yet, and MongoDB joins no two collections there.
        raise RuntimeError("In a transaction use Analytics.get_event_counts and its like.")
    if not connection.supports_transactions():
        # A standalone server has no log, and no ledger.
        yield _sources(None, start, end, first, last, {}, user_id)
        return
    with connection.get_client().start_session(snapshot=True) as session:
        builds = _valid_builds(session, first, last) if first < last else {}
        yield _sources(session, start, end, first, last, builds, user_id)


def count_pipeline(sources: Sources, *, rows: Stages, event_key: Any) -> Stages:
    """Return the stages that count by a key, on the collection of ``rows_model``.

    ``rows`` counts its rows by the key, ``event_key`` is the key's expression for an event.
    """
    stages = [{"$match": sources.rows()}, *rows]
    if sources.ranges:
        events = [
            {"$match": sources.events()},
            {"$group": {"_id": event_key, "count": {"$sum": 1}}},
        ]
        stages += [
            {"$unionWith": {"coll": Analytics.collection().name, "pipeline": events}},
            sum_by("$_id"),
        ]
    return [*stages, {"$match": {"count": {"$gt": 0}}}]


def sum_by(key: Any) -> dict[str, Any]:
    """Return the stage that adds up counts by a key."""
    return {"$group": {"_id": key, "count": {"$sum": "$count"}}}


def rows_model(sources: Sources) -> Any:
    """Return the roll-up in which the sources' events can be counted."""
    return AnalyticsDaily if sources.user_id is None else AnalyticsDailyUser


def _server_answers() -> bool:
    try:
        # In a context of its own: in this one there is no time left.
        Context().run(connection.ping, 1.0)
    except PyMongoError:
        return False
    return True


@snapshot_read
def _counts(
    field: str, name: str, start: datetime, end: datetime, user_id: Any
) -> list[dict[str, Any]]:
    with open_sources(start, end, user_id) as sources:
        pipeline = [
            *count_pipeline(sources, rows=[sum_by(f"${field}")], event_key=f"${field}"),
            {"$sort": {"count": -1, "_id": 1}},
            {"$limit": MAX_LIMIT},
            {"$project": {"_id": 0, name: "$_id", "count": 1}},
        ]
        rows = rows_model(sources).collection()
        return list(rows.aggregate(pipeline, session=sources.session))


def _valid_builds(
    session: ClientSession, first: datetime, last: datetime
) -> dict[datetime, ObjectId]:
    days = {"_id": {"$gte": first, "$lt": last}}
    criteria = {"$or": [{"_id": AnalyticsRollup.LOG}, days]}
    records = {
        record["_id"]: record
        for record in AnalyticsRollup.collection().find(criteria, session=session)
    }
    log = records.pop(AnalyticsRollup.LOG, None)
    if log is None or not records:
        return {}
    changed = changed_days(
        since=log["seen"],
        until=session_time(session),
        pre_images=log["preImages"],
        before=last,
    )
    if changed is None:
        return {}
    return {
        day: record["build"] for day, record in records.items() if is_valid(record, log, changed)
    }


def _sources(
    session: ClientSession | None,
    start: datetime,
    end: datetime,
    first: datetime,
    last: datetime,
    builds: dict[datetime, ObjectId],
    user_id: ObjectId | None,
) -> Sources:
    ranges = []
    cursor = start
    for day in sorted(builds):
        if cursor < day:
            ranges.append((cursor, day))
        cursor = day + DAY
    if cursor < end:
        ranges.append((cursor, end))
    for from_day, to_day in ((start_of_day(start), first), (last, end)):
        archived = {"build": ARCHIVED, "day": {"$gte": from_day, "$lt": to_day}}
        if from_day < to_day and AnalyticsDaily.collection().find_one(archived, session=session):
            raise EventsArchived
    return Sources(session, first, last, list(builds.values()), ranges, user_id)


def _next_day(time: datetime) -> datetime:
    try:
        return start_of_day(time) + DAY
    except OverflowError:
        raise ValidationError("The time is not within the years 1 to 9999 in UTC.") from None
