"""Roll-ups: what is built and kept, together with others, and what an erasure leaves of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pymongo
import pytest
from bson import ObjectId, Timestamp
from django.test import override_settings
from pymongo.database import Database
from pymongo.errors import OperationFailure, WTimeoutError
from support import oracle
from support.clients import recording
from support.commands import CommandCounter
from support.interleave import Pause
from support.threads import together

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import ReplicaSetRequired, ValidationError
from chabad_auth_django.models import Analytics, User, counting
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import changes, counts, rollups, timeseries
from chabad_auth_django.services.lifecycle import purging

DAY = timedelta(days=1)
FIRST = datetime(2025, 3, 1, tzinfo=UTC)
DAYS = 10


def store(raw: Database, user_id: Any, *, days: int = DAYS, each: int = 5) -> None:
    raw.analytics.insert_many(
        [
            {
                "userId": user_id,
                "eventName": f"event{number % 3}",
                "eventCategory": "custom",
                "appId": "cteen",
                "sessionId": f"{user_id}-{day}",
                "timestamp": FIRST + day * DAY + number * timedelta(hours=3),
            }
            for day in range(days)
            for number in range(each)
        ]
    )


def ask(start: datetime = FIRST, end: datetime = FIRST + DAYS * DAY) -> list[dict[str, Any]]:
    return counts.get_event_counts(start=start, end=end)


def truth(raw: Database) -> list[dict[str, Any]]:
    return oracle.counts(raw.analytics.find(), "eventName", "eventName")


def test_a_day_is_counted_once_and_only_when_it_is_over(raw: Database, user: User) -> None:
    store(raw, user.id)
    Analytics.create_analytics(user_id=user.id, event_name="now", event_category="custom")
    assert [(rolled.day, rolled.events) for rolled in rollups.run()] == [
        (FIRST + day * DAY, 5) for day in range(DAYS)
    ]
    assert list(rollups.run()) == []
    assert sum(row["count"] for row in raw.analytics_daily.find()) == 5 * DAYS


def test_rolled_up_days_are_not_read_again(mongodb: str, raw: Database, user: User) -> None:
    store(raw, user.id)
    list(rollups.run())
    with recording(mongodb) as commands:
        assert ask() == truth(raw)
        [pipeline] = [
            sent["pipeline"]
            for _, sent in commands.sent
            if sent.get("aggregate") == "analytics_daily"
        ]
    assert not any("$unionWith" in stage for stage in pipeline)
    assert [name for name, _ in commands.sent if name in ("insert", "update", "delete")] == []


def test_the_log_is_read_on_from_where_it_was_left(
    raw: Database, user: User, commands: CommandCounter
) -> None:
    store(raw, user.id)
    list(rollups.run())
    starts = []
    for number in range(3):
        # Elsewhere, late, corrected and deleted: each change is seen, and none is read twice.
        raw.elsewhere.insert_many([{"number": each} for each in range(100)])
        day = {"timestamp": {"$gte": FIRST + 3 * number * DAY}}
        raw.analytics.update_one(day, {"$set": {"eventName": f"renamed{number}"}})
        raw.analytics.delete_one({"timestamp": {"$gte": FIRST + (3 * number + 1) * DAY}})
        store(raw, ObjectId(), days=1, each=1)
        commands.clear()
        assert ask() == truth(raw)
        starts += [
            stage["$changeStream"]["startAtOperationTime"]
            for name, command in commands.sent
            if name == "aggregate"
            for stage in command["pipeline"]
            if "$changeStream" in stage
        ]
        assert ask() == truth(raw)
    assert starts == sorted(set(starts))
    assert len(starts) == 3


@pytest.mark.parametrize("day", [0, 4, DAYS - 1])
def test_a_late_event_counts_at_once_and_its_day_alone_is_built_again(
    raw: Database, user: User, day: int
) -> None:
    store(raw, user.id)
    list(rollups.run())
    time = FIRST + day * DAY + timedelta(hours=1)
    Analytics.create_analytics(
        user_id=user.id, event_name="late", event_category="custom", timestamp=time
    )
    assert {"eventName": "late", "count": 1} in ask()
    assert rollups.pending() == [FIRST + day * DAY]
    assert [rolled.day for rolled in rollups.run()] == [FIRST + day * DAY]
    assert ask() == truth(raw)
    # What was replaced is gone.
    assert sum(row["count"] for row in raw.analytics_daily.find()) == 5 * DAYS + 1
    assert sum(row["count"] for row in raw.analytics_daily_users.find()) == 5 * DAYS + 1


def test_a_few_days_without_events_are_counted_with_those_around_them(
    raw: Database, user: User, commands: CommandCounter
) -> None:
    times = [FIRST + number * DAY for number in (0, 3, 100)]
    raw.analytics.insert_many([{"userId": user.id, "timestamp": time} for time in times])
    days = [(rolled.day - FIRST).days for rolled in rollups.run()]
    assert days == [0, 1, 2, 3, 100]
    commands.clear()
    assert rollups.pending() == []
    # Where the days begin, in the long gap, and until today.
    looks = [sent for name, sent in commands.sent if sent.get(name) == "analytics"]
    assert [sent["filter"]["timestamp"]["$gte"] for sent in looks if "find" in sent] == [
        counting.FIRST,
        FIRST + 4 * DAY,
        FIRST + 101 * DAY,
    ]


def test_in_a_transaction_the_model_counts(raw: Database, user: User) -> None:
    store(raw, user.id)

    @atomic
    def write() -> Any:
        Analytics.create_analytics(
            user_id=user.id, event_name="late", event_category="custom", timestamp=FIRST
        )
        with pytest.raises(RuntimeError):
            ask()
        return Analytics.get_event_counts(FIRST, now())

    assert {"eventName": "late", "count": 1} in write()


@pytest.mark.parametrize("loss", ["log", "collection", "clock"])
def test_where_the_log_cannot_tell_the_events_are_counted(
    raw: Database, user: User, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(raw, user.id)
    list(rollups.run())
    if loss == "log":
        too_old = OperationFailure("the resume point may no longer be in the oplog", code=286)
        monkeypatch.setattr(changes, "_pipeline", Mock(side_effect=too_old))
        raw.analytics.insert_one({"timestamp": FIRST, "eventName": "late"})
    elif loss == "clock":
        # As a dump says it that a server whose clock is ahead has made.
        for row in raw.analytics_rollups.find():
            ahead = {
                name: Timestamp(value.time + 3600, value.inc)
                for name, value in row.items()
                if isinstance(value, Timestamp)
            }
            raw.analytics_rollups.update_one({"_id": row["_id"]}, {"$set": ahead})
        raw.analytics.update_many({}, {"$set": {"eventName": "renamed"}})
    else:
        indexes = raw.analytics.index_information()
        raw.analytics.rename("analytics_before")
        raw.analytics_before.rename("analytics")
        assert raw.analytics.index_information() == indexes
        raw.analytics.update_many({}, {"$set": {"eventName": "renamed"}})
    assert ask() == truth(raw)
    assert len(rollups.pending()) == DAYS
    rollups.catch_up()
    monkeypatch.undo()
    assert len(list(rollups.run())) == DAYS
    assert list(rollups.run()) == []
    assert ask() == truth(raw)


def test_without_pre_images_a_deletion_makes_every_day_be_counted_again(
    raw: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "keep_pre_images", lambda: False)
    raw.analytics_rollups.delete_many({})
    store(raw, user.id)
    list(rollups.run())
    raw.analytics.delete_one({})
    assert ask() == truth(raw)
    assert len(list(rollups.run())) == DAYS
    assert ask() == truth(raw)


def test_a_day_may_take_longer_than_other_transactions(
    mongodb: str, raw: Database, user: User
) -> None:
    """As one with very many users does."""
    store(raw, user.id, days=1)
    pause = Pause()
    pause.before(
        lambda name, sent: sent.get(name) == "analytics_quarters" and "autocommit" in sent,
        lambda: time.sleep(1.5),
    )
    options = {"MONGODB_OPTIONS": {"event_listeners": [pause]}, "TRANSACTION_TIMEOUT": 1}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, **options}):
        assert [rolled.events for rolled in rollups.run()] == [5]
    assert pause.done


def test_runs_at_once_give_one_result(raw: Database, user: User) -> None:
    store(raw, user.id)
    assert together([lambda: list(rollups.run())] * 4).count([]) <= 4
    assert ask() == truth(raw)
    list(rollups.run())
    list(rollups.run())
    assert sum(row["count"] for row in raw.analytics_daily.find()) == 5 * DAYS
    assert rollups.pending() == []


def test_a_build_that_lost_its_day_is_dropped(
    raw: Database, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(raw, user.id, days=1)
    rollups.catch_up()
    sum_keys = rollups._count

    def overtaken(*args: Any) -> Any:
        monkeypatch.setattr(rollups, "_count", sum_keys)
        assert rollups.build(day=FIRST) is not None
        return sum_keys(*args)

    monkeypatch.setattr(rollups, "_count", overtaken)
    # The other build began later, and ended before this one.
    with_session = rollups.build(day=FIRST)
    assert with_session is None
    assert ask() == truth(raw)
    list(rollups.run())
    assert len(raw.analytics_daily.distinct("build")) == 1


def test_a_standalone_server_counts_the_events(standalone: str) -> None:
    user = User.create_user(email="ann@example.org")
    store(connection.get_database(), user.id)
    assert ask() == Analytics.get_event_counts(FIRST, FIRST + DAYS * DAY)
    assert len(timeseries.get_timeseries(start=FIRST, end=FIRST + DAYS * DAY, bucket="day")) == DAYS
    with pytest.raises(ReplicaSetRequired):
        list(rollups.run())
    user.delete()
    assert ask() == []


def people(raw: Database) -> tuple[User, User]:
    ann = User.create_user(email="ann@example.org")
    bob = User.create_user(email="bob@example.org")
    for person in (ann, bob):
        store(raw, person.id)
    return ann, bob


@pytest.mark.parametrize("rolled_up", ["before", "after", "both"])
def test_the_counts_of_an_erased_user_stay_without_the_user(raw: Database, rolled_up: str) -> None:
    ann, bob = people(raw)
    before = ask()
    rollups.catch_up()
    if rolled_up != "after":
        list(rollups.run())
    ann.delete()
    assert ask() == before
    if rolled_up != "before":
        list(rollups.run())
        list(rollups.run())
    assert ask() == before
    assert purging.is_purged(user_id=ann.id)
    assert counts.get_event_counts(start=FIRST, end=now(), user_id=ann.id) == []
    series = timeseries.get_timeseries(start=FIRST, end=FIRST + DAYS * DAY, distinct=True)
    assert {(row["count"], row["users"]) for row in series} == {(10, 1)}
    # The audit trail tells of the erasure by the id, until it expires.
    for name in set(raw.list_collection_names()) - {"audit_log"}:
        assert raw[name].find_one({"userId": ann.id}) is None
    for row in raw.analytics_daily.find():
        assert str(ann.id) not in str(row)
    assert Analytics.get_event_counts(FIRST, FIRST + DAYS * DAY) == before
    # The events themselves are gone, and a part of a day is counted from them alone.
    assert sum(row["count"] for row in ask(start=FIRST + timedelta(minutes=1))) == 4 + 90


def test_a_project_without_roll_ups_keeps_nothing(raw: Database) -> None:
    ann, bob = people(raw)
    raw.analytics_rollups.delete_many({})
    ann.delete()
    assert raw.analytics_daily.count_documents({}) == 0
    assert ask() == truth(raw)


def scans(plan: Any) -> set[str]:
    """Return the names of the scans in a query plan."""
    if isinstance(plan, dict):
        found = {plan["stage"]} if "SCAN" in str(plan.get("stage")) else set()
        return found.union(*(scans(value) for value in plan.values()))
    if isinstance(plan, list):
        return set().union(*map(scans, plan))
    return set()


ROLL_UPS = {"analytics_rollups", "analytics_daily", "analytics_daily_users"}


def names(command: Any) -> set[str]:
    """Return the texts in a command, among which are the names of its collections."""
    if isinstance(command, str):
        return {command}
    parts = command.values() if isinstance(command, dict) else command
    return set().union(*map(names, parts)) if isinstance(command, dict | list) else set()


@pytest.mark.parametrize("own", [False, True])
def test_every_read_uses_an_index(mongodb: str, raw: Database, user: User, own: bool) -> None:
    store(raw, user.id)
    store(raw, ObjectId(), each=20)
    list(rollups.run())
    asked = {"start": FIRST + DAY / 2, "end": FIRST + 8.5 * DAY}
    with recording(mongodb) as commands:
        user_id = user.id if own else None
        timeseries.get_timeseries(**asked, user_id=user_id, distinct=True)
        sent = [dict(command) for name, command in commands.sent if name in ("find", "aggregate")]
    collections = set()
    for command in sent:
        if "$changeStream" in str(command):
            continue
        collections |= ROLL_UPS & names(command)
        plain = {key: value for key, value in command.items() if key[0] != "$" and key != "lsid"}
        plain.pop("readConcern", None)
        plan = raw.command("explain", plain, verbosity="queryPlanner")
        assert "COLLSCAN" not in scans(plan), command
        assert "IXSCAN" in scans(plan), command
    assert collections == ROLL_UPS


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket": "year"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "localtime"},
        {"time_zone": "asia/jerusalem"},
        {"time_zone": "../etc/passwd"},
        {"by": "userId"},
        {"user_id": "x"},
        {"start": "2025"},
        {"bucket": "hour", "end": FIRST + 40 * DAY},
        {"time_zone": "Asia/Kolkata", "end": FIRST + 400 * DAY},
        {"time_zone": "Asia/Kolkata", "start": datetime.max, "end": datetime.max},
    ],
)
def test_a_wrong_question_is_refused(mongodb: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        timeseries.get_timeseries(**{"start": FIRST, "end": FIRST + DAY, **wrong})


def test_dates_that_python_cannot_hold_break_nothing(raw: Database, user: User) -> None:
    store(raw, user.id)
    list(rollups.run())
    raw.command(
        "update",
        "analytics",
        updates=[{"q": {}, "u": [{"$set": {"timestamp": {"$toDate": 2**59}}}]}],
    )
    raw.analytics.insert_many([{"timestamp": "yesterday"}, {}])
    assert sum(row["count"] for row in ask()) == 5 * DAYS - 1
    assert len(list(rollups.run())) == 1
    assert counting.start_of_day(FIRST) == FIRST


def test_the_log_is_read_up_to_the_moment_that_is_asked_for(raw: Database) -> None:
    store(raw, ObjectId(), days=1)
    since = changes.server_time()

    def write() -> None:
        # The second one moves the log beyond the moment.
        for pause in (0.1, 4.0):
            time.sleep(pause)
            raw.analytics.insert_one({"timestamp": FIRST + DAY})

    with ThreadPoolExecutor() as pool:
        pool.submit(write)
        until = Timestamp(since.time + 4, 0)
        found = changes.changed_days(since=since, until=until, pre_images=False)
    assert found is not None
    assert FIRST + DAY in found


def test_a_log_that_no_majority_writes_is_an_outage(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "STANDSTILL_TIMEOUT", 0.2)
    since = changes.server_time()
    never = Timestamp(2**32 - 1, 1)
    with pymongo.timeout(60), pytest.raises(WTimeoutError):
        changes.changed_days(since=since, until=never, pre_images=True)
