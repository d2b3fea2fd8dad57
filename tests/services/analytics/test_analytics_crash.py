"""Whatever is killed during a roll-up, an archive run or a restore: every count stays true.

At once, not only when the next run has ended; and that one run ends what the killed one began.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support import jobs, oracle
from support.claims import Claim
from support.fork_server import ForkServer
from support.killer import Killer

from chabad_auth_django.models import User
from chabad_auth_django.services.analytics import archive_files, counts, rollups, timeseries

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)
SETTINGS = {"PURGE_BATCH_SIZE": 20}


@pytest.fixture
def events(raw: Database, user: User) -> Iterator[list[Any]]:
    """The events that must be counted, whether they are stored or archived."""
    rows = [
        {
            "userId": user.id,
            "eventName": f"event{number % 3}",
            "eventCategory": "custom",
            "sessionId": f"session{number % 5}",
            "timestamp": JANUARY + number * timedelta(hours=7),
        }
        for number in range(150)
    ]
    raw.analytics.insert_many(rows)
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, **SETTINGS}):
        yield rows


def check(events: list[Any]) -> None:
    asked = {"start": JANUARY, "end": MARCH}
    assert counts.get_event_counts(**asked) == oracle.counts(events, "eventName", "eventName")
    series = timeseries.get_timeseries(**asked, by="eventName", distinct=True)
    expected = oracle.timeseries(events, "day", "UTC", "eventName")
    assert sorted(series, key=repr) == sorted(expected, key=repr)


@pytest.mark.slow
def test_a_killed_roll_up(
    processes: ForkServer, raw: Database, events: list[Any], trials: int, claim: Claim
) -> None:
    kill = Killer(processes, raw)
    for trial in range(trials):
        kill("roll_up", commands=150, seconds=0.3)
        check(events)
        jobs.roll_up()
        assert rollups.pending() == []
        check(events)
        assert sum(row["count"] for row in raw.analytics_daily.find()) == len(events)
        assert sum(row["count"] for row in raw.analytics_daily_users.find()) == len(events)
        late = [
            {name: value for name, value in row.items() if name != "_id"}
            for row in events[trial % 3 : 150 : 20]
        ]
        raw.analytics.insert_many(late)
        events += late
    claim(
        "Kills: every count is true after a killed roll-up, and complete after one more",
        f"{kill.killed} of {trials} runs killed",
        kill.killed > trials / 2,
    )


@pytest.mark.slow
def test_a_killed_archive_run_and_a_killed_restore(
    processes: ForkServer,
    raw: Database,
    events: list[Any],
    tmp_path: Path,
    trials: int,
    claim: Claim,
) -> None:
    before = {row["_id"]: row for row in raw.analytics.find()}
    there = {"before": FEBRUARY.isoformat(), "folder": str(tmp_path)}
    back = {"month": "2025-01", "folder": str(tmp_path)}
    archiving, restoring = Killer(processes, raw), Killer(processes, raw)
    for trial in range(trials):
        if trial % 5 == 0:
            jobs.roll_up()
        archiving("archive_events", commands=120, seconds=0.4, **there)
        check(events)
        jobs.archive_events(**there)
        check(events)
        assert raw.analytics.count_documents({"timestamp": {"$lt": FEBRUARY}}) == 0
        newest = max(tmp_path.glob("*.gz"), key=lambda path: path.stat().st_mtime_ns)
        archive_files.verify(tmp_path, newest.name.removesuffix(archive_files.SUFFIX))
        assert list(tmp_path.glob(".*")) == []
        restoring("restore_events", commands=120, seconds=0.4, **back)
        check(events)
        if raw.analytics_archives.find_one({"state": {"$ne": "restored"}}):
            jobs.restore_events(**back)
        check(events)
        assert {row["_id"]: row for row in raw.analytics.find()} == before
        assert raw.analytics_daily.count_documents({"build": "archived"}) == 0
    claim(
        "Kills: every count is true after a killed archive run or restore, and one more ends it",
        f"{archiving.killed} and {restoring.killed} of {trials} runs killed",
        archiving.killed > trials / 2 and restoring.killed > trials / 3,
    )
