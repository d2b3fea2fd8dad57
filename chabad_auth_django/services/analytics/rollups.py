"""Daily roll-ups of Analytics (specification: best practice 7); a stale one is not used.

A day is built in these steps:

1. The record of the day in ``analytics_rollups`` names the build that is under way.
2. The moment ``builtAt`` is read off the server's clock.
3. The events are counted into rows that carry the build. The read has everything up to ``builtAt``.
4. Unless another run has begun the day since, one transaction switches the record to the build and
   fills the document of the day's quarter hours.

So rows are complete or invisible. The day is valid as long as no change to it is logged after
``builtAt`` (see ``services.analytics.changes``). A run notes in the records which changes it has
read in the log, and a count reads the later ones. The record exists before ``builtAt``, so there is
a record in which a later change can be noted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bson import ObjectId, Timestamp
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import ReplicaSetRequired
from chabad_auth_django.models import Analytics, AnalyticsDaily, AnalyticsDailyUser, AnalyticsRollup
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.counting import DAY, FIRST, start_of_day
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.rollup import KEYS, LEDGERS, QUARTER, USER_KEYS
from chabad_auth_django.services.analytics import bitmaps, ledger, quarters, user_numbers
from chabad_auth_django.services.analytics.changes import (
    changed_days,
    keep_pre_images,
    server_time,
    session_time,
)

#: How long after its end a day is not counted yet; most late events have come then.
SETTLING = timedelta(minutes=10)

#: Days without events are counted too, between two days that are no further apart. An answer would
#: look for events in each gap, which takes far longer than to read the roll-up of an empty day.
LONGEST_GAP = timedelta(days=31)

#: Seconds; counting a day may take longer than a request may.
BUILD_TIMEOUT = 60 * 60

#: Seconds for the transaction that ends it, which reads all users of the day. MongoDB itself ends a
#: transaction after a minute.
SWITCH_TIMEOUT = 60


@dataclass(frozen=True)
class Rolled:
    """A day that was counted, and how many events it has."""

    day: datetime
    events: int


def run() -> Iterator[Rolled]:
    """Count every day that is over and not validly counted; yield each.

    Safe at any time and several times at once; a run that was killed is continued by the next.
    Raises ``ReplicaSetRequired``.
    """
    catch_up()
    for day in pending():
        rolled = build(day=day)
        # The log has what the build wrote, too. Later readers need not read that again.
        catch_up()
        if rolled is not None:
            yield rolled
    while ledger.settle():
        pass
    _sweep()


def is_valid(
    record: Mapping[str, Any], log: Mapping[str, Any], changed: Mapping[datetime, Timestamp]
) -> bool:
    """Tell whether the day was counted after the last change to it that is noted or given."""
    built_at = record.get("builtAt")
    changed_at = record.get("changedAt", built_at)
    # Another program may have stored anything. The events count then.
    if not (isinstance(built_at, Timestamp) and isinstance(changed_at, Timestamp)):
        return False
    if "build" not in record:
        return False
    last_change = max(changed_at, changed.get(record["_id"], built_at))
    return built_at >= max(log["validFrom"], last_change)


def catch_up() -> None:
    """Note in the records what the log says; raise ``ReplicaSetRequired``.

    Where the log cannot tell, no day that was built before is valid any more.
    """
    log, until, days = _read_log()
    if log is None or days is None:
        pre_images = keep_pre_images()
        until = server_time()
        if log is not None and log["seen"] > until:
            # Moments of another server's log, which a restored dump has, would be newer than all.
            times = ("seen", "builtAt", "changedAt")
            _records().delete_many({"$or": [{name: {"$gt": until}} for name in times]})
        fresh = {"$max": {"seen": until, "validFrom": until}, "$set": {"preImages": pre_images}}
        _records().update_one({"_id": AnalyticsRollup.LOG}, fresh, upsert=True)
        return
    marks = [UpdateOne({"_id": day}, {"$max": {"changedAt": time}}) for day, time in days.items()]
    if marks:
        _records().bulk_write(marks, ordered=False)
    _records().update_one({"_id": AnalyticsRollup.LOG}, {"$max": {"seen": until}})


def pending() -> list[datetime]:
    """Return the days that ``run`` would count, the oldest first; change nothing.

    Raises ``ReplicaSetRequired``.
    """
    today = start_of_day(now() - SETTLING)
    log, _, changed = _read_log()
    records = list(_records().find({"_id": {"$type": "date"}}))
    days = _days({record["_id"] for record in records}, today)
    if log is not None and changed is not None:
        built = quarters.built_days()
        days -= {
            record["_id"]
            for record in records
            if is_valid(record, log, changed) and built.get(record["_id"]) == record["build"]
            if record["hasUsers"] or not bitmaps.is_installed
        }
    return sorted(day for day in days if day < today)


def build(*, day: datetime) -> Rolled | None:
    """Count a day; return ``None`` when another run has begun the day since."""
    build = ObjectId()
    counted = {"build": build, "day": day}
    majority = ReadConcern("majority")
    with connection.get_client().start_session() as session:
        _records().update_one({"_id": day}, {"$set": {"next": build}}, upsert=True, session=session)
        quarters.begin(day=day, build=build)
        # The session makes what follows see everything up to this moment.
        built_at = session_time(session)
        in_day = {"timestamp": {"$gte": day, "$lt": day + DAY}}
        with connection.long_limit(BUILD_TIMEOUT):
            Analytics.collection().with_options(read_concern=majority).aggregate(
                [{"$match": in_day}, *_count_users(counted)], session=session, allowDiskUse=True
            )
            AnalyticsDailyUser.collection().with_options(read_concern=majority).aggregate(
                [{"$match": {"build": build}}, *_count(counted)], session=session, allowDiskUse=True
            )
        tally = quarters.Tally(quarters.rows(day=day, build=build, session=session))
        known = user_numbers.assign(tally.users.keys()) if tally.has_sets else {}
    try:
        atomic(_switch, seconds=SWITCH_TIMEOUT)(day, build, built_at, tally, known)
    except _OvertakenError:
        return None
    total = {"$group": {"_id": None, "events": {"$sum": "$count"}}}
    sums = list(AnalyticsDaily.collection().aggregate([{"$match": {"build": build}}, total]))
    return Rolled(day, sums[0]["events"] if sums else 0)


def _read_log() -> tuple[dict[str, Any] | None, Timestamp, Mapping[datetime, Timestamp] | None]:
    """Return what is noted, the time, and what changed in between; ``None`` if that is unknown."""
    if not connection.supports_transactions():
        raise ReplicaSetRequired
    log = AnalyticsRollup.read(_id=AnalyticsRollup.LOG)
    until = server_time()
    if log is None:
        return None, until, None
    since, pre_images = log["seen"], log["preImages"]
    return log, until, changed_days(since=since, until=until, pre_images=pre_images)


def _records() -> Collection[dict[str, Any]]:
    return AnalyticsRollup.collection()


def _switch(
    day: datetime, build: ObjectId, built_at: Timestamp, tally: quarters.Tally, known: Any
) -> None:
    done = {"build": build, "builtAt": built_at, "hasUsers": bitmaps.is_installed}
    key, change = {"_id": day, "next": build}, {"$set": done, "$unset": {"next": True}}
    is_ours = quarters.finish(day=day, build=build, tally=tally, numbers=known)
    if not (is_ours and _records().update_one(key, change).modified_count):
        raise _OvertakenError


class _OvertakenError(Exception):
    """Another run, or a deletion, has begun since."""


def _count_users(counted: Mapping[str, Any]) -> list[dict[str, Any]]:
    since = {"$subtract": ["$timestamp", counted["day"]]}
    quarter = {"$toInt": {"$floor": {"$divide": [since, QUARTER // timedelta(milliseconds=1)]}}}
    # Other programs may have stored several times in one event: it is counted as it is.
    is_one = {"$eq": [{"$type": "$timestamp"}, "date"]}
    key = {name: f"${name}" for name in USER_KEYS}
    by_quarter = {"_id": key | {"quarter": {"$cond": [is_one, quarter, None]}}, "n": {"$sum": 1}}
    by_day = {
        "_id": {name: f"$_id.{name}" for name in USER_KEYS},
        "count": {"$sum": "$n"},
        "quarters": {"$push": {"quarter": "$_id.quarter", "count": "$n"}},
    }
    rows = _rows(counted, AnalyticsDailyUser, {"count": "$count", "quarters": "$quarters"})
    return [{"$group": by_quarter}, {"$group": by_day}, *rows]


def _count(counted: Mapping[str, Any]) -> list[dict[str, Any]]:
    group = {"_id": {name: f"${name}" for name in KEYS}, "count": {"$sum": "$count"}}
    return [{"$group": group}, *_rows(counted, AnalyticsDaily, {"count": "$count"})]


def _rows(
    counted: Mapping[str, Any], model: type[Document], numbers: Mapping[str, Any]
) -> list[dict[str, Any]]:
    row = {"$mergeObjects": ["$_id", {"$literal": counted}, numbers]}
    # The build is new, so nothing is overwritten. $out would replace the collection, $merge adds.
    merge = {"into": model.collection().name, "whenMatched": "fail"}
    return [{"$replaceWith": row}, {"$merge": merge}]


def first_time(start: datetime, end: datetime) -> datetime | None:
    """Return the time of the first event with ``start <= timestamp < end``, if there is one.

    An event in which another program stored several times is left out.
    """
    wanted = {"timestamp": {"$gte": start, "$lt": end, "$not": {"$type": "array"}}}
    row = Analytics.collection().find_one(wanted, {"timestamp": 1}, sort=[("timestamp", 1)])
    return row["timestamp"] if row else None


def _days(known: set[datetime], before: datetime) -> set[datetime]:
    """Return the days that are known or have events, and those of short gaps between them."""
    days, start = set(known), FIRST
    while time := first_time(start, before):
        start = start_of_day(time)
        days.add(start)
        while start in days:
            start += DAY
    for day, later in pairwise(sorted(days)):
        if later - day <= LONGEST_GAP:
            days.update(day + number * DAY for number in range(1, (later - day).days))
    return days


def _sweep() -> None:
    """Delete the rows of builds that no record names: they were replaced, or given up."""
    for model in (AnalyticsDaily, AnalyticsDailyUser):
        # In this order: a build is named before its first row is there.
        builds = set(model.collection().distinct("build")) - set(LEDGERS)
        named = {record.get(name) for record in _records().find() for name in ("build", "next")}
        for build in builds - named:
            with connection.long_limit(BUILD_TIMEOUT):
                model.collection().delete_many({"build": build})
            catch_up()
