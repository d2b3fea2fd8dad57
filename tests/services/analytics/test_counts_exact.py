"""Whatever is stored, changed and rolled up, by whomever, and whenever: the counts are exact."""

import functools
import zoneinfo
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database
from support import oracle
from support.claims import Claim

from chabad_auth_django.db import connection
from chabad_auth_django.models import Analytics
from chabad_auth_django.services.analytics import counts, rollups, timeseries

USERS = [ObjectId() for _ in range(3)]
SPAN = timedelta(days=6)

#: Around changes of the clocks of the zones below, one of them by half an hour.
BEGINS = [
    datetime(2024, 4, 4, tzinfo=UTC),
    datetime(2024, 10, 31, tzinfo=UTC),
    datetime(2025, 3, 28, tzinfo=UTC),
]
ZONES = ["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/London"]

minutes = st.integers(0, SPAN // timedelta(minutes=1)).map(lambda n: timedelta(minutes=n))
# Midnights are where mistakes are.
moments = st.one_of(minutes, st.integers(0, SPAN.days).map(lambda n: timedelta(days=n)))
events = st.fixed_dictionaries(
    {
        "userId": st.sampled_from(USERS),
        "eventName": st.sampled_from(["click", "view", "buy"]),
        "eventCategory": st.sampled_from(["engagement", "conversion"]),
        "timestamp": moments,
    },
    optional={
        "appId": st.sampled_from(["cteen", "portal", None]),
        "sessionId": st.sampled_from(["a", "b", "c"]),
    },
)
choices = st.floats(0, 1, exclude_max=True)
steps = st.one_of(
    st.tuples(st.just("insert"), st.lists(events, min_size=1, max_size=20)),
    st.tuples(st.just("delete"), choices),
    st.tuples(st.just("move"), st.tuples(choices, moments)),
    st.tuples(st.just("rename"), choices),
    st.tuples(st.just("roll up"), st.none()),
    st.tuples(st.just("roll up some"), st.integers(0, 3)),
)
questions = st.fixed_dictionaries(
    {
        "range": st.tuples(moments, moments),
        "bucket": st.sampled_from(["hour", "day", "week", "month"]),
        "zone": st.sampled_from(ZONES),
        "by": st.sampled_from([None, *timeseries.BY]),
        "user_id": st.sampled_from([None, None, USERS[0]]),
    }
)


def one_of(raw: Database, choice: float) -> Any:
    ids = raw.analytics.distinct("_id")
    return {"_id": ids[int(choice * len(ids))] if ids else None}


#: What other programs do, which know nothing of roll-ups; and the roll-up.
DO: dict[str, Callable[[Database, datetime, Any], Any]] = {
    "insert": lambda raw, begin, rows: raw.analytics.insert_many(
        [{**row, "timestamp": begin + row["timestamp"]} for row in rows]
    ),
    "delete": lambda raw, begin, choice: raw.analytics.delete_one(one_of(raw, choice)),
    "move": lambda raw, begin, move: raw.analytics.update_one(
        one_of(raw, move[0]), {"$set": {"timestamp": begin + move[1]}}
    ),
    "rename": lambda raw, begin, choice: raw.analytics.update_one(
        one_of(raw, choice), {"$set": {"eventName": "renamed"}}
    ),
    "roll up": lambda raw, begin, nothing: list(rollups.run()),
    "roll up some": lambda raw, begin, number: [
        day for day, _ in zip(rollups.run(), range(number), strict=False)
    ],
}


def check(raw: Database, begin: datetime, question: dict[str, Any]) -> None:
    start, end = (begin + moment for moment in question["range"])
    user_id, bucket, by = question["user_id"], question["bucket"], question["by"]
    stored = oracle.between(raw.analytics.find(), start, end, user_id)
    asked = {"start": start, "end": end, "user_id": user_id}
    for few in (0, 3, counts.FEW):
        with patch.object(counts, "FEW", few), patch.object(counts, "_many", set()):
            event_counts = counts.get_event_counts(**asked)
        assert event_counts == oracle.counts(stored, "eventName", "eventName")
    assert event_counts == Analytics.get_event_counts(start, end, user_id)
    category_counts = counts.get_category_counts(**asked)
    assert category_counts == oracle.counts(stored, "eventCategory", "category")
    asked |= {"bucket": bucket, "time_zone": question["zone"], "by": by}
    series = timeseries.get_timeseries(**asked, distinct=True)
    expected = oracle.timeseries(stored, bucket, question["zone"], by)
    assert sorted(series, key=repr) == sorted(expected, key=repr)
    assert [row["time"] for row in series] == sorted(row["time"] for row in series)


@pytest.mark.slow
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    begin=st.sampled_from(BEGINS),
    history=st.lists(st.tuples(steps, questions), min_size=1, max_size=8),
)
def test_the_counts_are_what_duckdb_counts(
    raw: Database, begin: datetime, history: list[Any]
) -> None:
    raw.analytics.delete_many({})
    for (name, argument), question in history:
        DO[name](raw, begin, argument)
        check(raw, begin, question)
    list(rollups.run())
    assert list(rollups.run()) == []
    check(raw, begin, history[-1][1])


#: Zone, two times (UTC), and the begins (UTC) of their hours and of their days.
CLOCKS: dict[str, tuple[str, list[str], list[str], list[str]]] = {
    "set back": (
        "America/New_York",
        ["2024-11-03T05:30", "2024-11-03T06:30"],
        ["2024-11-03T05:00", "2024-11-03T06:00"],
        ["2024-11-03T04:00", "2024-11-03T04:00"],
    ),
    "set back to UTC": (
        "Europe/London",
        ["2024-10-27T00:30", "2024-10-27T01:30"],
        ["2024-10-27T00:00", "2024-10-27T01:00"],
        ["2024-10-26T23:00", "2024-10-26T23:00"],
    ),
    "set forward": (
        "America/New_York",
        ["2025-03-09T06:59", "2025-03-10T04:00"],
        ["2025-03-09T06:00", "2025-03-10T04:00"],
        ["2025-03-09T05:00", "2025-03-10T04:00"],
    ),
    "by a quarter": (
        "Asia/Kathmandu",
        ["2025-01-01T18:14", "2025-01-01T18:15"],
        ["2025-01-01T17:15", "2025-01-01T18:15"],
        ["2024-12-31T18:15", "2025-01-01T18:15"],
    ),
    "set back by half an hour": (
        "Australia/Lord_Howe",
        ["2024-04-06T14:45", "2024-04-06T15:15"],
        ["2024-04-06T14:00", "2024-04-06T15:00"],
        ["2024-04-06T13:00", "2024-04-06T13:00"],
    ),
    "set forward by half an hour": (
        "Australia/Lord_Howe",
        ["2024-10-05T15:29", "2024-10-05T15:30", "2024-10-05T16:00"],
        ["2024-10-05T14:30", "2024-10-05T15:30", "2024-10-05T16:00"],
        ["2024-10-05T13:30", "2024-10-05T13:30", "2024-10-05T13:30"],
    ),
    "set back by two hours": (
        "Antarctica/Troll",
        ["2025-10-25T23:30", "2025-10-26T00:30", "2025-10-26T01:30", "2025-10-26T02:30"],
        ["2025-10-25T23:00", "2025-10-26T00:00", "2025-10-26T01:00", "2025-10-26T02:00"],
        ["2025-10-25T22:00"] * 4,
    ),
    "set forward by 44 and a half minutes": (
        "Africa/Monrovia",
        ["1972-01-07T00:44:29", "1972-01-07T00:44:30", "1972-01-07T01:00"],
        ["1972-01-06T23:44:30", "1972-01-07T00:44:30", "1972-01-07T01:00"],
        ["1972-01-06T00:44:30", "1972-01-07T00:44:30", "1972-01-07T00:44:30"],
    ),
    "a day left out": (
        "Pacific/Apia",
        ["2011-12-30T09:59", "2011-12-30T10:00", "2011-12-31T10:00"],
        ["2011-12-30T09:00", "2011-12-30T10:00", "2011-12-31T10:00"],
        ["2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"],
    ),
    "the day before comes again": (
        "America/St_Johns",
        ["2006-10-29T02:30", "2006-10-29T02:30:30", "2006-10-29T02:31", "2006-10-29T03:31"],
        ["2006-10-29T02:30", "2006-10-29T02:30", "2006-10-29T02:31", "2006-10-29T03:30"],
        ["2006-10-29T02:30", "2006-10-29T02:30", "2006-10-28T02:30", "2006-10-29T02:30"],
    ),
    "no midnight": (
        "Asia/Beirut",
        ["2025-03-29T21:59", "2025-03-29T22:00"],
        ["2025-03-29T21:00", "2025-03-29T22:00"],
        ["2025-03-28T22:00", "2025-03-29T22:00"],
    ),
    "midnight twice": (
        "America/Havana",
        ["2024-11-03T04:30", "2024-11-03T05:30"],
        ["2024-11-03T04:00", "2024-11-03T05:00"],
        ["2024-11-03T04:00", "2024-11-03T04:00"],
    ),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_hours_and_days_of_other_clocks(raw: Database, name: str) -> None:
    zone, times, hours, days = (
        value if isinstance(value, str) else [datetime.fromisoformat(f"{t}Z") for t in value]
        for value in CLOCKS[name]
    )
    raw.analytics.insert_many([{"timestamp": time, "eventName": "x"} for time in times])
    for bucket, begins in (("hour", hours), ("day", days)):
        series = timeseries.get_timeseries(
            start=times[0] - timedelta(days=5),
            end=times[-1] + timedelta(days=5),
            bucket=bucket,
            time_zone=zone,
        )
        assert [row["time"] for row in series for _ in range(row["count"])] == sorted(begins)


def begin(time: datetime, bucket: str, zone: ZoneInfo) -> datetime:
    """Return when the bucket begins that the time is in."""
    local = time.astimezone(zone)
    if bucket == "hour":
        return _first_moment(time - timedelta(hours=1), zone, _hour(local))
    return _first_day(local.date(), zone)


@functools.cache
def _first_day(day: date, zone: ZoneInfo) -> datetime:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=27)
    return _first_moment(start, zone, day)


def _hour(local: datetime) -> Any:
    return local.replace(tzinfo=None, fold=0, minute=0, second=0, microsecond=0), local.utcoffset()


def _first_moment(start: datetime, zone: ZoneInfo, label: Any) -> datetime:
    """Return the first moment after the start whose hour, or day, of the wall clock it is."""

    def is_in(time: datetime) -> bool:
        local = time.astimezone(zone)
        return label == (local.date() if isinstance(label, date) else _hour(local))

    step, time = timedelta(minutes=5), start
    for _ in range(60 * 60 // 5):
        if is_in(time + step):
            break
        time += step
    else:
        return datetime.max.replace(tzinfo=UTC)
    while step > timedelta(seconds=1):
        step /= 2
        if not is_in(time + step):
            time += step
    return (time + step).replace(microsecond=0)


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the moments from 1970 to 2040 at which the zone changes its offset from UTC."""
    time, step = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1)
    while time.year < 2041:
        before, after = time, time + step
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            while after - before > timedelta(seconds=1):
                middle = before + (after - before) / 2
                same = middle.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset()
                before, after = (before, middle) if same else (middle, after)
            yield after.replace(microsecond=0)
        time += step


@pytest.mark.slow
def test_hours_and_days_of_every_zone_at_each_of_its_changes(
    standalone: str, claim: Claim, long: bool, sampled: Callable[[list[str]], list[str]]
) -> None:
    """The zones of tzdata, compared with plain Python; with --long again in each year."""
    files = resources.files("tzdata.zoneinfo")
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    # Of several names for one zone the last.
    zones = sampled(list({files.joinpath(name).read_bytes(): name for name in names}.values()))
    # What happens at a change: its time, and the offsets before it and since, for a month.
    found: dict[Any, tuple[datetime, ZoneInfo]] = {}
    for zone in map(ZoneInfo, zones):
        last: list[Any] = []
        for change in changes(zone):
            offset = change.astimezone(zone).utcoffset()
            last = [(c, o) for c, o in last if change - c < timedelta(days=35)] + [(change, offset)]
            was = (change - timedelta(days=35)).astimezone(zone).utcoffset()
            kind = last if long else [(c.time(), offset) for c, offset in last]
            found.setdefault((was, *kind), (change, zone))
    near = [timedelta(minutes=15 * number) for number in range(-16, 17)]
    near += [timedelta(seconds=-1), timedelta(seconds=1), timedelta(hours=-26), timedelta(hours=26)]
    times = sorted({change + step for change, _ in found.values() for step in near})
    connection.get_database().analytics.insert_many([{"timestamp": time} for time in times])
    wrong = []
    for change, zone in found.values():
        start, end = change - timedelta(hours=4), change + timedelta(hours=27)
        inside = times[bisect_left(times, start) : bisect_left(times, end)]
        for bucket in ("hour", "day"):
            begins = Counter(begin(time, bucket, zone) for time in inside)
            series = timeseries.get_timeseries(
                start=start, end=end, bucket=bucket, time_zone=zone.key
            )
            if [(row["time"], row["count"]) for row in series] != sorted(begins.items()):
                wrong.append((zone.key, change, bucket))
    claim(
        "hours and days of time zones, 1970 to 2040, are those of plain Python at each change",
        f"{len(zones)} zones, {len(found):,} kinds of changes, {len(wrong)} wrong",
        not wrong,
    )


def test_a_machine_without_files_of_time_zones_knows_them(mongodb: str) -> None:
    paths = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    ZoneInfo.clear_cache()
    try:
        for zone in ("UTC", "Asia/Jerusalem", "America/New_York"):
            assert timeseries.get_timeseries(start=BEGINS[0], end=BEGINS[1], time_zone=zone) == []
    finally:
        zoneinfo.reset_tzpath(to=paths)
        ZoneInfo.clear_cache()
