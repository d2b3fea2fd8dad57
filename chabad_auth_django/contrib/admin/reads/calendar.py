"""The state of each day of Analytics: counted by a roll-up, changed since, archived, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.models import Analytics, AnalyticsArchive, AnalyticsRollup
from chabad_auth_django.models.counting import DAY, start_of_day
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.rollup import ARCHIVED
from chabad_auth_django.services.analytics.rollups import is_valid
from chabad_auth_django.services.analytics.snapshots import about_days

#: The states of a day. ``EMPTY`` has no events, ``OPEN`` is not over.
COUNTED, CHANGED, MISSING, EMPTY, OPEN = "counted", "changed", "missing", "empty", "open"

#: Archives that are shown, the last first.
MAX_ARCHIVES = 100


@dataclass(frozen=True)
class Calendar:
    """The state of each day, and what the log of changes was read up to."""

    days: dict[datetime, str]
    #: The moment of the server's log that the last roll-up has read it up to.
    seen: datetime | None
    archives: Sequence[Mapping[str, Any]]


def read(*, first: datetime, last: datetime) -> Calendar:
    """Return the state of each day from ``first`` to before ``last``, both midnights in UTC.

    What changed since the last roll-up ran is not looked for: a day may be counted here, and by its
    events in an answer. A day that no roll-up knows is ``EMPTY`` here; ``find_missing`` tells
    whether it is.
    """
    in_range = {"$gte": first, "$lt": last}
    rows = aggregate_together(
        {
            **about_days(in_range, counted=in_range),
            "archives": (
                AnalyticsArchive.collection(),
                [{"$sort": {"month": -1, "_id": -1}}, {"$limit": MAX_ARCHIVES}],
            ),
        }
    )
    records = {row["_id"]: row for row in rows["records"]}
    log = records.pop(AnalyticsRollup.LOG, None)
    archived = {row["_id"] for row in rows["archived"]}
    days = {}
    day, today = first, start_of_day(now())
    while day < last:
        days[day] = ARCHIVED if day in archived else _state(records.get(day), log, day >= today)
        day += DAY
    seen = log["seen"].as_datetime() if log else None
    return Calendar(days, seen, rows["archives"])


def find_missing(days: Mapping[datetime, str]) -> dict[datetime, str]:
    """Return the states, those of days with events that no roll-up knows being ``MISSING``.

    One command with a look for each such day, of which the index finds the first event.
    """
    collection = Analytics.collection()
    looks: dict[str, tuple[Any, list[dict[str, Any]]]] = {
        str(day.timestamp()): (
            collection,
            [
                {"$match": {"timestamp": {"$gte": day, "$lt": day + DAY}}},
                {"$limit": 1},
                {"$project": {"_id": 1}},
            ],
        )
        for day, state in days.items()
        if state == EMPTY
    }
    found = aggregate_together(looks) if looks else {}
    return {
        day: MISSING if found.get(str(day.timestamp())) else state for day, state in days.items()
    }


def first_event() -> datetime | None:
    """Return the time of the first event that is stored."""
    dated = {"timestamp": {"$type": "date"}}
    row = Analytics.collection().find_one(dated, {"timestamp": 1}, sort=[("timestamp", 1)])
    return row["timestamp"] if row else None


def _state(record: Mapping[str, Any] | None, log: Mapping[str, Any] | None, is_open: bool) -> str:
    if is_open:
        return OPEN
    if record is None or log is None:
        return EMPTY
    if is_valid(record, log, {}):
        return COUNTED
    return CHANGED if record.get("builtAt") else MISSING
