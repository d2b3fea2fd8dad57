from datetime import timedelta
from pathlib import Path

import pytest
from pymongo.database import Database
from support.clients import fresh_database
from support.management import run

from chabad_auth_django.models import Activity, Analytics, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import archive
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.lifecycle import deletion

COMMAND = "chabad_stats"


@pytest.fixture
def busy(user: User) -> User:
    for number, days in enumerate((0, 3, 20, 60)):
        one = User.create_user(email=f"user{number}@example.org")
        for _ in range(2):
            time = now() - timedelta(days=days)
            Activity.create_activity(user_id=one.id, event_type="x", timestamp=time)
    Analytics.create_analytics(user_id=user.id, event_name="x", event_category="custom")
    return user


def test_the_figures(busy: User, raw: Database) -> None:
    deletion.delete_user(user_id=busy.id, seconds=0)
    result = run(COMMAND, "--json")
    assert (result.code, result.err) == (0, "")
    figures = result.json
    assert figures["users"] == 4
    assert figures["activeUsers"] == {"1": 1, "7": 2, "30": 3}
    assert figures["figures"] == {"users": 0, "week": 0, "month": 0, "stickiness": 0}
    days = list(figures["eventsPerDay"])
    assert (len(days), days[-1]) == (14, f"{now():%Y-%m-%d}")
    assert list(figures["eventsPerDay"].values()) == [*[0] * 10, 2, 0, 0, 3]
    assert figures["collections"]["activities"]["documents"] == 8
    assert figures["collections"]["activities"]["indexBytes"] > 0
    assert figures["ttl"] == {
        "retentionDays": 90.0,
        "settingDays": 90,
        "overdue": 0,
        "lagSeconds": 0,
    }
    assert figures["deletions"]["open"] == 1
    assert figures["deletions"]["oldest"].endswith("Z")
    # But for the sizes, which the server changes by itself.
    again = run(COMMAND, "--json").json
    assert {**again, "collections": None} == {**figures, "collections": None}


def test_archived_events_stay_in_the_chart(user: User, raw: Database, tmp_path: Path) -> None:
    last_month = now().replace(day=1) - timedelta(days=1)
    raw.analytics.insert_one({"userId": user.id, "eventName": "x", "timestamp": last_month})
    list(archive.archive(before=now(), folder=tmp_path))
    assert raw.analytics.count_documents({}) == 0
    events = run(COMMAND, "--json", "--days", 62).json["eventsPerDay"]
    assert events[f"{last_month:%Y-%m-%d}"] == 1


def test_for_people_there_is_a_chart_and_progress(busy: User) -> None:
    result = run(COMMAND, "--days", 5, bar=True)
    assert result.code == 0
    assert result.lines[0].endswith("active: 1 in 1 d, 2 in 7 d, 3 in 30 d")
    assert result.lines[1].startswith("Active by analytics until yesterday: 0 in 1 d, 0 in 7 d")
    assert [line.count("#") for line in result.lines[3:8]] == [0, 16, 0, 0, 24]
    assert result.lines[-4:-2] == [
        "Activities expire after 90 days; 0 are overdue, the oldest by 0 s.",
        "Open deletions: 0",
    ]
    assert "counting" in result.err


def test_an_overdue_activity_is_the_lag(our_server: None, raw: Database) -> None:
    # A TTL that the server does not act on.
    raw.activities.drop_index("timestamp_1")
    try:
        assert run(COMMAND, "--json").json["ttl"]["retentionDays"] is None
        assert "never expire" in run(COMMAND).out
    finally:
        indexes.create()
    raw.client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
    try:
        raw.activities.insert_one({"timestamp": now() - timedelta(days=90, seconds=100)})
        ttl = run(COMMAND, "--json").json["ttl"]
    finally:
        raw.client.admin.command("setParameter", 1, ttlMonitorEnabled=True)
    assert ttl["overdue"] == 1
    assert 100 <= ttl["lagSeconds"] < 110


@pytest.mark.parametrize("days", [0, -1, 367, "x"])
def test_other_lengths_are_refused(mongodb: str, days: object) -> None:
    assert run(COMMAND, f"--days={days}").code == 2


def test_an_empty_database_has_no_active_users(replica_set_uri: str) -> None:
    with fresh_database(replica_set_uri):
        assert run(COMMAND, "--json").json["activeUsers"] == {"1": 0, "7": 0, "30": 0}
