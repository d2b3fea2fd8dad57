"""Counting Analytics over any time: valid days from the roll-ups, all else from the events.

The log of changes is read up to the snapshot of the answer. A day counts from its roll-up only if
no change to it is logged by then. So the answer equals the events in that snapshot, plus what the
ledgers hold. ``Analytics.get_event_counts`` gives the same answer more slowly.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.client_session import ClientSession

from chabad_auth_django.db.transactions import in_transaction
from chabad_auth_django.models import AnalyticsRollup
from chabad_auth_django.models.counting import (
    DAY,
    count,
    count_in,
    find_sources,
    open_session,
    snapshot_read,
    start_of_day,
)
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.queryset import MAX_LIMIT
from chabad_auth_django.services.analytics.changes import changed_days, session_time
from chabad_auth_django.services.analytics.rollups import is_valid

#: So many events of a user are counted in less time than it takes to find the valid days. Less than
#: ``MAX_LIMIT``: an answer has at most that many rows, so more events could not be noticed.
FEW = MAX_LIMIT - 1

#: The users who had more in a range of that length: for these it is not tried again.
_many: set[tuple[ObjectId | None, timedelta]] = set()
MAX_MANY = 10_000


def get_event_counts(
    *, start: datetime, end: datetime, user_id: Any = None
) -> list[dict[str, Any]]:
    """Count the events with ``start <= timestamp < end`` by name, the most frequent first.

    Returns ``[{"eventName": str, "count": int}]``, at most ``MAX_LIMIT`` of them. Raises
    ``ValidationError``, ``EventsArchived`` where a day that is not whole is archived, and
    ``TooSlow``.
    """
    return _count("eventName", "eventName", start, end, user_id)


def get_category_counts(
    *, start: datetime, end: datetime, user_id: Any = None
) -> list[dict[str, Any]]:
    """Count the events with ``start <= timestamp < end`` by category, the most frequent first.

    Returns ``[{"category": str, "count": int}]``; raises as ``get_event_counts`` does.
    """
    return _count("eventCategory", "category", start, end, user_id)


def refuse_in_transaction() -> None:
    """Raise ``RuntimeError`` in a transaction, whose writes are in no log yet."""
    if in_transaction():
        raise RuntimeError("In a transaction use Analytics.get_event_counts and its like.")


def _count(
    field: str, name: str, start: datetime, end: datetime, user_id: Any
) -> list[dict[str, Any]]:
    refuse_in_transaction()
    if user_id is None:
        return count(field, name, start, end, None, valid_builds)
    return _count_of_user(field, name, start, end, user_id)


@snapshot_read
def _count_of_user(
    field: str, name: str, start: datetime, end: datetime, user_id: Any
) -> list[dict[str, Any]]:
    with open_session() as session:
        sources = find_sources(session, start, end, user_id)
        if session and sources.first < sources.last:
            question = sources.user_id, sources.last - sources.first
            if question not in _many:
                found = count_in(sources, field, name, most=FEW + 1)
                if sum(row["count"] for row in found) <= FEW:
                    return found
                _remember(question)
            sources = sources.with_builds(valid_builds(session, sources.first, sources.last))
        return count_in(sources, field, name)


def _remember(question: tuple[ObjectId | None, timedelta]) -> None:
    if len(_many) >= MAX_MANY:
        _many.clear()
    _many.add(question)


def valid_builds(
    session: ClientSession, first: datetime, last: datetime
) -> dict[datetime, ObjectId]:
    """Return the build of each day that was counted after the last change to it."""
    query = {"$or": [{"_id": AnalyticsRollup.LOG}, {"_id": {"$gte": first, "$lt": last}}]}
    # Otherwise those beyond 101 take another command.
    rows = AnalyticsRollup.collection().find(query, session=session, batch_size=10_000)
    return choose_builds(rows, session)


def choose_builds(
    rows: Iterable[Mapping[str, Any]], session: ClientSession
) -> dict[datetime, ObjectId]:
    """Return the same by the records of the days and of the log."""
    records = {record["_id"]: record for record in rows}
    log = records.pop(AnalyticsRollup.LOG, None)
    if log is None or not records:
        return {}
    changed = changed_days(
        since=log["seen"],
        until=session_time(session),
        pre_images=log["preImages"],
        # The same for each question of a day, so that the log is read on from where it was left.
        before=max(max(records) + DAY, start_of_day(now())),
    )
    if changed is None:
        return {}
    return {
        day: record["build"] for day, record in records.items() if is_valid(record, log, changed)
    }
