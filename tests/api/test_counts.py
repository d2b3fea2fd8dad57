"""Counts through the API: what the stored events give, from roll-ups where there are any."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from pymongo.database import Database
from rest_framework.test import APIClient
from support import oracle
from support.commands import CommandCounter
from support.requests import check_error

from chabad_auth_django.models import User
from chabad_auth_django.services.analytics import archive, counts, rollups

Ask = Callable[..., Any]

DAY = timedelta(days=1)
JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)

#: Midnights, and times within days.
RANGES = [
    (JANUARY, FEBRUARY),
    (JANUARY + DAY / 2, FEBRUARY + DAY / 3),
    (JANUARY + DAY / 4, JANUARY + DAY / 2),
    (FEBRUARY, JANUARY),
]


def stored(*users: User) -> list[dict[str, Any]]:
    """Return what another program stores for the users in two months."""
    return [
        {
            "userId": users[number % len(users)].id,
            "eventName": f"event{number % 3}",
            "eventCategory": ("custom", "error")[number % 2],
            "timestamp": JANUARY + number * timedelta(hours=7),
        }
        for number in range(200)
    ]


@pytest.fixture
def ask(login: Any, admin: User) -> Ask:
    """Ask for counts of all users, or of one, as an administrator."""
    client: APIClient = login(admin)

    def get(
        name: str, start: datetime, end: datetime, user: User | None = None, **query: str
    ) -> Any:
        below = f"users/{user.id}/" if user else ""
        query |= {"start": start.isoformat(), "end": end.isoformat()}
        return client.get(f"/api/{below}analytics/{name}/", query)

    return get


def check(ask: Ask, events: list[dict[str, Any]], *users: User) -> None:
    for start, end in RANGES:
        for user in (None, *users):
            found = oracle.between(events, start, end, user and user.id)
            for path, field, name in (
                ("event-counts", "eventName", "eventName"),
                ("category-counts", "eventCategory", "category"),
            ):
                assert ask(path, start, end, user).json() == oracle.counts(found, field, name)


def test_counts_are_exact_before_and_after_a_roll_up_and_late_events(
    raw: Database, ask: Ask, owner: User, admin: User
) -> None:
    events = stored(owner, admin)
    raw.analytics.insert_many(events)
    check(ask, events, owner)
    list(rollups.run())
    check(ask, events, owner)
    late = {**events[0], "eventName": "late", "timestamp": JANUARY + 3 * DAY}
    late.pop("_id")
    raw.analytics.insert_one(late)
    check(ask, [*events, late], owner)


def test_a_whole_day_costs_no_look_at_its_events(
    raw: Database, owner: User, login: Any, commands: CommandCounter
) -> None:
    raw.analytics.insert_many(stored(owner))
    list(rollups.run())
    client = login(owner)
    query = {"start": JANUARY.isoformat(), "end": FEBRUARY.isoformat()}
    commands.clear()
    few = client.get("/api/users/me/analytics/event-counts/", query)
    # The caller; few events are counted at once.
    assert commands.names == ["aggregate", "aggregate"]
    commands.clear()
    with patch.object(counts, "FEW", 0), patch.object(counts, "_many", set()):
        many = client.get("/api/users/me/analytics/event-counts/", query)
    assert many.json() == few.json()
    # Of the log only what the majority has is read: where that is not all yet, once more.
    names = [name for name in commands.names if name != "getMore"]
    # The caller; a look whether there are few; the roll-ups; the log of what changed since; the
    # rows of the days.
    assert names == ["aggregate", "aggregate", "find", "aggregate", "killCursors", "aggregate"]
    name, command = commands.sent[-1]
    assert command[name] == "analytics_daily_users"
    assert not any("$unionWith" in stage for stage in command["pipeline"])


@pytest.mark.parametrize("by", [None, "eventName", "eventCategory", "appId"])
@pytest.mark.parametrize(
    ("bucket", "zone"),
    [("hour", "Asia/Kathmandu"), ("day", "UTC"), ("week", "America/New_York"), ("month", "UTC")],
)
def test_a_time_series_is_exact(
    raw: Database, ask: Ask, owner: User, admin: User, bucket: str, zone: str, by: str | None
) -> None:
    events = stored(owner, admin)
    raw.analytics.insert_many(events)
    list(rollups.run())
    query = {"bucket": bucket, "timeZone": zone, "distinct": "true", **({"by": by} if by else {})}
    for user in (None, owner):
        start, end = JANUARY + DAY / 2, FEBRUARY
        found = oracle.between(events, start, end, user and user.id)
        expected = oracle.timeseries(found, bucket, zone, by)
        for row in expected:
            row["time"] = row["time"].strftime("%Y-%m-%dT%H:%M:%S.000Z")
        series = ask("timeseries", start, end, user, **query).json()
        assert sorted(series, key=repr) == sorted(expected, key=repr)
        assert [row["time"] for row in series] == sorted(row["time"] for row in series)


def test_a_time_series_is_by_days_in_utc_without_users_by_default(
    raw: Database, ask: Ask, owner: User
) -> None:
    raw.analytics.insert_many(stored(owner)[:4])
    assert ask("timeseries", JANUARY, FEBRUARY).json() == [
        {"time": "2025-01-01T00:00:00.000Z", "count": 4}
    ]


def test_a_time_series_of_archived_days_is_by_utc_days_only(
    raw: Database, ask: Ask, owner: User, tmp_path: Path
) -> None:
    raw.analytics.insert_many(stored(owner))
    list(archive.archive(before=FEBRUARY, folder=tmp_path))
    assert ask("timeseries", JANUARY, FEBRUARY, bucket="week").status_code == 200
    for query in ({"bucket": "hour"}, {"timeZone": "Asia/Tokyo"}):
        check_error(ask("timeseries", JANUARY, FEBRUARY, **query), 409, "events_archived")


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
@pytest.mark.parametrize("bucket", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("time", [datetime.min, datetime.max - DAY / 2])
def test_the_ends_of_the_calendar_are_counted_or_refused(
    raw: Database, ask: Ask, time: datetime, bucket: str, zone: str
) -> None:
    start = time.replace(tzinfo=UTC)
    raw.analytics.insert_one({"timestamp": start + DAY / 4, "eventName": "x"})
    end = start + DAY / 2 if time == datetime.min else datetime.max.replace(tzinfo=UTC)
    answer = ask("timeseries", start, end, bucket=bucket, timeZone=zone)
    if answer.status_code != 200:
        check_error(answer, 400, "invalid")
    else:
        assert [row["count"] for row in answer.json()] == [1]


def test_a_time_series_has_a_bounded_number_of_rows(raw: Database, ask: Ask) -> None:
    names = [{"timestamp": JANUARY, "eventName": str(number)} for number in range(10_001)]
    raw.analytics.insert_many(names)
    assert ask("timeseries", JANUARY, FEBRUARY).json()[0]["count"] == 10_001
    check_error(ask("timeseries", JANUARY, FEBRUARY, by="eventName"), 400, "invalid")
