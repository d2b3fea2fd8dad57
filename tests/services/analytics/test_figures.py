"""Active users, retention and series of any time zone are what plain Python counts.

Whatever is stored, changed, erased, archived, restored and rolled up before; and no set shows a
user who is gone.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId
from pymongo.database import Database
from pyroaring import BitMap
from support import naive
from support.histories import DAY, DAYS, History, settings

from chabad_auth_django.exceptions import EventsArchived
from chabad_auth_django.models import Deletion
from chabad_auth_django.services.analytics import active_users, timeseries

#: The first month of a history, and zones whose clocks change in it, or are odd.
PLACES = [
    (datetime(2025, 1, 1, tzinfo=UTC), ["America/New_York", "Africa/Casablanca", "Asia/Kathmandu"]),
    (datetime(2025, 9, 1, tzinfo=UTC), ["Australia/Lord_Howe", "Asia/Jerusalem", "UTC"]),
    (datetime(2011, 11, 1, tzinfo=UTC), ["Pacific/Apia", "Asia/Kolkata", "Pacific/Chatham"]),
    (datetime(1971, 11, 1, tzinfo=UTC), ["Africa/Monrovia", "UTC"]),
    (datetime(2006, 9, 1, tzinfo=UTC), ["America/St_Johns", "Asia/Amman"]),
]


def dates_of(bucket: str, start: datetime, end: datetime) -> list[date]:
    """Return the first date of each bucket around the range."""
    days = [start.date() + number * DAY for number in range(-40, (end - start) // DAY + 40)]
    return [
        day
        for day in days
        if bucket == "day"
        or (bucket == "week" and day.weekday() == 0)
        or (bucket == "month" and day.day == 1)
    ]


class Truth:
    """What plain Python knows of the users of some events."""

    def __init__(self, rows: Iterable[Any], bucket: str, zone: str) -> None:
        self.bucket, self.zone = bucket, ZoneInfo(zone)
        self.users: dict[date, set[Any]] = defaultdict(set)
        self.users_of_day: dict[date, set[Any]] = defaultdict(set)
        for row in rows:
            day = row["timestamp"].astimezone(self.zone).date()
            self.users_of_day[day].add(row["userId"])
            self.users[self._first(day)].add(row["userId"])

    def _first(self, day: date) -> date:
        if self.bucket == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.bucket == "month" else day

    def buckets(self, start: datetime, end: datetime) -> list[tuple[date, datetime]]:
        begins = [
            (day, naive._first_day(day, self.zone, self.bucket))
            for day in dates_of(self.bucket, start, end)
        ]
        return [(day, begin) for day, begin in begins if start <= begin < end]

    def trailing(self, day: date, days: int) -> int:
        return len(set().union(*(self.users_of_day[day - age * DAY] for age in range(days))))

    def new(self, day: date) -> set[Any]:
        before = set().union(*(users for other, users in self.users.items() if other < day))
        return self.users[day] - before

    def active_users(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        rows = []
        for day, begin in self.buckets(start, end):
            row: dict[str, Any] = {"time": begin, "users": len(self.users[day])}
            if self.bucket == "day":
                week, month = self.trailing(day, 7), self.trailing(day, 30)
                stickiness = row["users"] / month if month else 0.0
                row |= {"week": week, "month": month, "stickiness": stickiness}
            new = len(self.new(day))
            rows.append({**row, "firstTime": new, "returning": row["users"] - new})
        return rows

    def retention(self, start: datetime, end: datetime, cohort: str) -> list[dict[str, Any]]:
        buckets = self.buckets(start, end)
        rows = []
        for index, (day, begin) in enumerate(buckets):
            users = self.new(day) if cohort == "firstTime" else self.users[day]
            later = [len(users & self.users[other]) for other, _ in buckets[index + 1 :][:30]]
            rows.append({"time": begin, "users": len(users), "retained": later})
        return rows


class FiguresHistory(History):
    """A history that asks for figures."""

    zones: list[str]

    def check(self) -> None:
        self.check_sets()
        zone = self.chance.choice(self.zones)
        bucket = self.chance.choice(["day", "day", "week", "month"])
        first, last = sorted(self.chance.sample(range(DAYS), 2))
        minutes = self.chance.choice([0, 0, 300, 671]) * timedelta(minutes=1)
        start, end = self.first + first * DAY + minutes, self.first + last * DAY + minutes
        asked: dict[str, Any] = {"start": start, "end": end, "bucket": bucket, "time_zone": zone}
        living = {user.id for user in self.users}
        everything = [*self.stored.values(), *self.archived.values()]
        rows = [
            row
            for row in everything
            if isinstance(row["userId"], ObjectId) and row["userId"] in living
        ]
        try:
            self.check_series(asked)
            self.check_people(asked, rows)
            name = self.chance.choice(["click", "view", "renamed", "none"])
            named = [row for row in rows if row["eventName"] == name]
            self.check_people({**asked, "by": "eventName", "value": name}, named)
        except EventsArchived:
            # Also where the users of the archived events have been erased since.
            assert "archive" in self.log and (zone != "UTC" or minutes), self.log

    def check_series(self, asked: dict[str, Any]) -> None:
        bucket, zone = asked["bucket"], asked["time_zone"]
        if zone == "UTC":
            return
        found = naive.between(self.stored.values(), asked["start"], asked["end"])
        by = self.chance.choice([None, "eventName", "appId"])
        hashable = [{**row, "userId": str(row["userId"])} for row in found]
        expected = [
            {name: value for name, value in row.items() if name not in ("users", "sessions")}
            for row in naive.timeseries(hashable, bucket, zone, by)
        ]
        series = timeseries.get_timeseries(**asked, by=by)
        assert sorted(series, key=repr) == sorted(expected, key=repr), (asked, self.log)

    def check_people(self, asked: dict[str, Any], rows: list[Any]) -> None:
        truth = Truth(rows, asked["bucket"], asked["time_zone"])
        start, end = asked["start"], asked["end"]
        found = active_users.get_active_users(**asked, first_time=True)
        assert found == truth.active_users(start, end), (asked, self.log)
        cohort = self.chance.choice(active_users.COHORTS)
        found = active_users.get_retention(**asked, cohort=cohort)
        assert found == truth.retention(start, end, cohort), (asked, cohort, self.log)

    def check_sets(self) -> None:
        if Deletion.count_jobs():
            return
        living = {user.id for user in self.users}
        numbers = {row["_id"]: row["userId"] for row in self.raw.analytics_user_numbers.find()}
        assert set(numbers.values()) <= living, self.log
        assert shown(self.raw) <= set(numbers), self.log


def shown(raw: Database) -> set[int]:
    """Return the numbers that are in any set."""
    numbers: set[int] = set()
    for document in raw.analytics_quarters.find({"build": {"$exists": True}}):
        parts = [document["all"], *document["eventName"], *document["appId"]]
        for part in [*parts, *document["eventCategory"]]:
            for users in part["users"].values():
                numbers |= set(BitMap.deserialize(users))
    return numbers


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_figures_of_histories(
    mongodb: str, raw: Database, tmp_path: Path, seed: int, keep: bool
) -> None:
    """Twenty of them."""
    chance = random.Random(f"figures {seed} {keep}")
    with settings(mongodb, keep):
        for number in range(20):
            first, zones = chance.choice(PLACES)
            history = FiguresHistory(raw, tmp_path / str(number), chance, keep, first)
            history.zones = zones
            history.begin()
            for _ in range(chance.randint(2, 10)):
                history.step()
                history.check()
