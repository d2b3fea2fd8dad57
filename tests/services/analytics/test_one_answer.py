"""The model and the service count alike, whatever is archived, erased or under way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from django.test import override_settings
from pymongo.database import Database
from support import oracle

from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import EventsArchived
from chabad_auth_django.models import Analytics, User
from chabad_auth_django.services.analytics import (
    active_users,
    archive,
    counts,
    rollups,
    timeseries,
)

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)

Count = Callable[..., list[dict[str, Any]]]

COUNTS: dict[str, list[Count]] = {
    name: [
        getattr(Analytics, name),
        atomic(getattr(Analytics, name)),
        lambda start, end, user_id=None, name=name: getattr(counts, name)(
            start=start, end=end, user_id=user_id
        ),
    ]
    for name in ("get_event_counts", "get_category_counts")
}

FIELDS = {
    "get_event_counts": ("eventName", "eventName"),
    "get_category_counts": ("eventCategory", "category"),
}


@pytest.fixture
def events(raw: Database, user: User) -> list[dict[str, Any]]:
    """Two months with events of two users, some of them with odd names."""
    other = User.create_user(email="bob@example.org")
    names = ["click", "view", "buy", None, "", "Ж"]
    rows = [
        {
            "userId": (user, other)[number % 2].id,
            "eventName": names[number % 5 if number % 7 else 5],
            "eventCategory": ("custom", "error")[number % 3 == 0],
            "timestamp": JANUARY + number * timedelta(hours=11),
        }
        for number in range(120)
    ]
    raw.analytics.insert_many(rows)
    return rows


def check(events: list[dict[str, Any]], *users: User) -> None:
    for name, ways in COUNTS.items():
        for user_id in (None, *(user.id for user in users)):
            for start, end in ((JANUARY, MARCH), (JANUARY + timedelta(days=3), FEBRUARY)):
                expected = oracle.counts(oracle.between(events, start, end, user_id), *FIELDS[name])
                for way in ways:
                    assert way(start, end, user_id) == expected, (name, way)


def test_archived_months_count_alike(
    raw: Database, user: User, events: list[dict[str, Any]], tmp_path: Path
) -> None:
    check(events, user)
    list(archive.archive(before=FEBRUARY, folder=tmp_path))
    assert raw.analytics.count_documents({"timestamp": {"$lt": FEBRUARY}}) == 0
    check(events, user)
    late = {"userId": user.id, "eventName": "late", "timestamp": JANUARY}
    raw.analytics.insert_one(late)
    check([*events, late], user)
    list(archive.restore(month="2025-01", folder=tmp_path))
    check([*events, late], user)


def test_what_erased_users_leave_counts_alike(
    mongodb: str, user: User, events: list[dict[str, Any]], tmp_path: Path
) -> None:
    list(rollups.run())
    list(archive.archive(before=FEBRUARY, folder=tmp_path))
    bob = User.objects.get(email="bob@example.org")
    bob.delete()
    check(events, user)
    with override_settings(
        CHABAD_AUTH={"MONGODB_URI": mongodb, "ANALYTICS_KEEP_ANONYMOUS_COUNTS": False}
    ):
        user.delete()
    check([event for event in events if event["userId"] == bob.id])


def test_a_part_of_an_archived_day_is_refused_alike(
    events: list[dict[str, Any]], user: User, tmp_path: Path
) -> None:
    list(archive.archive(before=FEBRUARY, folder=tmp_path))
    for ways in COUNTS.values():
        for way in ways:
            for user_id in (None, user.id):
                with pytest.raises(EventsArchived):
                    way(JANUARY + timedelta(hours=1), MARCH, user_id)


def test_numbers_that_are_one_to_mongodb_are_one_name(raw: Database) -> None:
    names = [1, 1.0, Int64(1), Decimal128("1.00")]
    events = [
        {
            "userId": ObjectId(),
            "sessionId": str(at),
            "eventName": names[at % 4],
            "timestamp": JANUARY,
        }
        for at in range(20)
    ]
    raw.analytics.insert_many([{**event, "eventCategory": "custom"} for event in events])
    rows = timeseries.get_timeseries(start=JANUARY, end=FEBRUARY, by="eventName", distinct=True)
    assert [(row["count"], row["users"], row["sessions"]) for row in rows] == [(20, 20, 20)]


def test_an_event_with_several_times_stops_no_figure(raw: Database, user: User) -> None:
    event = {"userId": user.id, "eventName": "click", "eventCategory": "custom"}
    raw.analytics.insert_many([{**event, "timestamp": time} for time in (JANUARY, [JANUARY] * 2)])
    between = {"start": JANUARY, "end": JANUARY + timedelta(days=1)}
    for bucket in ("hour", "day"):
        rows = timeseries.get_timeseries(**between, bucket=bucket, distinct=True)
        assert rows == [{"time": JANUARY, "count": 1, "users": 1, "sessions": 0}]
    for first_time in (True, False):
        rows = active_users.get_active_users(**between, first_time=first_time)
        assert [row["users"] for row in rows] == [1]
