"""Every figure is what DuckDB counts in the raw documents.

Whatever is stored, corrected, erased, archived, restored, imported and rolled up before, and while
others write; and nothing that is kept shows that a user who was erased was there.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from pyroaring import BitMap
from support import oracle
from support.histories import DAY, DAYS, History, settings

from chabad_auth_django.exceptions import EventsArchived
from chabad_auth_django.models import Analytics, Deletion
from chabad_auth_django.models.counting import start_of_day
from chabad_auth_django.models.rollup import KEYS
from chabad_auth_django.services.analytics import active_users, counts, rollups, timeseries

#: The first month of a history, and zones whose clocks change in it, or are odd.
PLACES = [
    (datetime(2025, 1, 1, tzinfo=UTC), ["America/New_York", "Africa/Casablanca", "Asia/Kathmandu"]),
    (datetime(2025, 9, 1, tzinfo=UTC), ["Australia/Lord_Howe", "Asia/Jerusalem", "UTC"]),
    (datetime(2011, 11, 1, tzinfo=UTC), ["Pacific/Apia", "Asia/Kolkata", "Pacific/Chatham"]),
    (datetime(1971, 11, 1, tzinfo=UTC), ["Africa/Monrovia", "UTC"]),
    (datetime(2006, 9, 1, tzinfo=UTC), ["America/St_Johns", "Asia/Amman"]),
]

Asked = dict[str, Any]


class Checked(History):
    """A history that asks for every figure."""

    zones: list[str]

    def check(self) -> None:
        self.check_erased()
        self.check_counts()
        self.check_series(self.any_range(), self.chance.choice(["day", "week", "month"]), "UTC")
        asked = self.any_range(self.chance.choice([0, 0, 300, 671]) * timedelta(minutes=1))
        zone = self.chance.choice(self.zones)
        bucket = self.chance.choice(["day", "day", "week", "month"])
        hours = {**asked, "end": min(asked["end"], asked["start"] + 31 * DAY)}
        ask: list[Callable[[], None]] = [
            lambda: self.check_series(hours, "hour", zone),
            lambda: self.check_series(asked, bucket, zone),
            lambda: self.check_people({**asked, "bucket": bucket, "time_zone": zone}),
        ]
        try:
            for one in self.chance.sample(ask, 2):
                one()
        except EventsArchived:
            # Also where the users of the archived events have been erased since.
            assert "archive" in self.log, self.log

    def any_range(self, minutes: timedelta = timedelta(0)) -> Asked:
        first, last = sorted(self.chance.sample(range(DAYS), 2))
        return {
            "start": self.first + first * DAY + minutes,
            "end": self.first + last * DAY + minutes,
        }

    @property
    def everything(self) -> list[dict[str, Any]]:
        return [*self.stored.values(), *self.archived.values()]

    def counted(self, asked: Asked) -> list[dict[str, Any]]:
        """Return what totals count: of erased users whole days, without the user."""
        nobody = {"userId": None, "sessionId": None}
        midnights = [self.first + number * DAY for number in range(DAYS)]
        whole = {day for day in midnights if asked["start"] <= day and day + DAY <= asked["end"]}
        erased = [row for row in self.anonymous if start_of_day(row["timestamp"]) in whole]
        return self.everything + [row | nobody for row in erased]

    def check_counts(self) -> None:
        asked = self.any_range()
        user = self.chance.choice(self.users)
        for user_id, rows in ((None, self.counted(asked)), (user.id, self.everything)):
            found = oracle.between(rows, **asked, user_id=user_id)
            expected = oracle.counts(found, "eventName", "eventName")
            assert counts.get_event_counts(**asked, user_id=user_id) == expected, self.log
            assert Analytics.get_event_counts(*asked.values(), user_id) == expected, self.log
            expected = oracle.counts(found, "eventCategory", "category")
            assert counts.get_category_counts(**asked, user_id=user_id) == expected, self.log

    def check_series(self, asked: Asked, bucket: Any, zone: str) -> None:
        by = self.chance.choice([None, *timeseries.BY])
        user_id = self.chance.choice([None, None, self.users[0].id])
        rows = [*self.stored.values()]
        if zone == "UTC" and bucket != "hour":
            rows = self.counted(asked) if user_id is None else self.everything
        series = timeseries.get_timeseries(
            **asked, bucket=bucket, time_zone=zone, by=by, user_id=user_id, distinct=True
        )
        found = oracle.between(rows, **asked, user_id=user_id)
        expected = oracle.timeseries(found, bucket, zone, by)
        context = (asked, bucket, zone, by, user_id, self.log)
        assert sorted(series, key=_order) == sorted(expected, key=_order), context
        assert [row["time"] for row in series] == sorted(row["time"] for row in series), context

    def check_people(self, asked: Asked) -> None:
        living = {user.id for user in self.users}
        rows = [
            row
            for row in self.everything
            if isinstance(row["userId"], ObjectId) and row["userId"] in living
        ]
        by = self.chance.choice(KEYS)
        value = self.chance.choice([*(row[by] for row in rows), "none", None])
        cohort = self.chance.choice(active_users.COHORTS)
        chosen = [row for row in rows if row[by] == value]
        some, events = self.chance.choice([({}, rows), ({"by": by, "value": value}, chosen)])
        found = active_users.get_active_users(**asked, **some, first_time=True)
        assert found == oracle.active_users(events, **asked), (asked, some, self.log)
        found = active_users.get_retention(**asked, **some, cohort=cohort)
        expected = oracle.retention(events, **asked, cohort=cohort)
        assert found == expected, (asked, some, cohort, self.log)

    def check_while_writing(self) -> None:
        """Another program stores, corrects and deletes, and a roll-up runs: as of some moment."""
        # A day stays archived after the users of its events were erased.
        zone = "UTC" if "archive" in self.log else self.chance.choice(self.zones)
        writes: list[Callable[[], Any]] = []
        states = [dict(self.stored)]
        for _ in range(3):
            row, time, state = self.event(), self.time(), dict(states[-1])
            writes.append(lambda row=row: self.raw.analytics.insert_one(row))
            states.append(state | {row["_id"]: row})
            corrected = row | {"timestamp": time}
            writes.append(lambda row=corrected: self.raw.analytics.replace_one(_key(row), row))
            states.append(state | {row["_id"]: corrected})
            gone = self.chance.choice([*states[-1].values()])
            writes.append(lambda row=gone: self.raw.analytics.delete_one(_key(row)))
            states.append({id: row for id, row in states[-1].items() if id != gone["_id"]})
        others = [
            Thread(target=lambda: [write() for write in writes]),
            Thread(target=lambda: list(rollups.run())),
        ]
        for other in others:
            other.start()
        asked = {"start": self.first, "end": self.first + DAYS * DAY}
        is_utc = zone == "UTC"
        rest = [row for row in self.counted(asked) if is_utc and row["_id"] not in self.stored]
        try:
            series = timeseries.get_timeseries(**asked, time_zone=zone, by="eventName")
        finally:
            for other in others:
                other.join()
            self.stored = states[-1]
        found = sorted(series, key=_order)
        assert any(
            found == sorted(map(_without_people, rows), key=_order)
            for rows in (
                oracle.timeseries([*state.values(), *rest], "day", zone, "eventName")
                for state in states
            )
        ), self.log

    def check_erased(self) -> None:
        if Deletion.count_jobs():
            return
        living = {user.id for user in self.users}
        numbers = {row["_id"]: row["userId"] for row in self.raw.analytics_user_numbers.find()}
        assert set(numbers.values()) <= living, self.log
        assert shown(self.raw) <= set(numbers), self.log


def _key(row: dict[str, Any]) -> dict[str, Any]:
    return {"_id": row["_id"]}


def _without_people(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("users", "sessions")}


def _order(row: dict[str, Any]) -> str:
    return str(row)


def shown(raw: Database) -> set[int]:
    """Return the numbers that are in any set."""
    numbers: set[int] = set()
    for document in raw.analytics_quarters.find({"build": {"$exists": True}}):
        parts = [document["all"], *(part for name in KEYS for part in document[name])]
        for part in parts:
            for users in part["users"].values():
                numbers |= set(BitMap.deserialize(users))
    return numbers


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("seed", range(25))
def test_every_figure_is_what_duckdb_counts(
    mongodb: str, raw: Database, tmp_path: Path, seed: int, keep: bool
) -> None:
    """Twenty histories of each seed and setting: 1,000 data sets."""
    chance = random.Random(f"figures {seed} {keep}")
    with settings(mongodb, keep):
        for number in range(20):
            first, zones = chance.choice(PLACES)
            history = Checked(raw, tmp_path / str(number), chance, keep, first)
            history.zones = zones
            history.begin()
            for _ in range(chance.randint(2, 10)):
                history.step()
                history.check()
            history.check_while_writing()
