"""What pages for operators show: each answer with few commands, and no secret in any of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.commands import CommandCounter

from chabad_auth_django.contrib.admin.reads import calendar, configuration, server, state, summary
from chabad_auth_django.models import Analytics, AnalyticsDaily, User
from chabad_auth_django.models.counting import DAY, start_of_day
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import rollups
from chabad_auth_django.services.deployment import heartbeats, index_usage, indexes, statistics


def event(user: User, age: float, name: str = "read", category: str = "custom") -> None:
    Analytics(
        user_id=user.id,
        event_name=name,
        event_category=category,
        app_id="app",
        timestamp=now() - timedelta(days=age),
    ).save()


def test_the_state_takes_few_commands_and_says_what_differs(
    commands: CommandCounter, user: User, raw: Database[Any], fresh_indexes: None
) -> None:
    raw.audit_log.drop_index("actorId_1_timestamp_-1")
    raw.analytics.create_index("extra", collation={"locale": "he"})
    raw.activities.insert_one({"userId": user.id, "timestamp": now() - timedelta(days=91)})
    raw.activities.insert_one({"userId": user.id, "timestamp": None})
    raw.deletions.insert_one({"state": "deleting", "since": now() - timedelta(minutes=11)})
    heartbeats.record(command="chabad_purge_deleted", started_at=now(), status=0)
    commands.clear()
    found = state.read()
    assert commands.names == ["aggregate", "listCollections", "aggregate"], "one for a collation"
    expected = indexes.compare()
    assert found.comparison == expected
    assert [index.keys for index in found.comparison.missing] == [
        (("actorId", 1), ("timestamp", -1))
    ]
    assert [index.options["collation"]["locale"] for index in found.comparison.extra] == ["he"]
    assert (found.open_deletions, found.has_late_deletion) == (1, True)
    assert found.retention_days == 90
    # The server removes it while we look.
    assert found.lag_seconds == pytest.approx(86_400, abs=3_600) or found.lag_seconds == 0
    late = {beat.command: beat.is_late for beat in found.beats}
    assert late == {"chabad_purge_deleted": False, "chabad_rollup_analytics": True}


def test_the_state_of_an_empty_database_has_nothing_to_tell(either_server: str) -> None:
    found = state.read()
    assert found.comparison.is_clean
    assert (found.open_deletions, found.last_rollup, found.lag_seconds) == (0, None, 0)
    assert not found.has_late_deletion


def test_sizes_take_two_commands_and_a_collection_that_is_not_there_has_none(
    commands: CommandCounter, user: User, raw: Database[Any], fresh_indexes: None
) -> None:
    raw.drop_collection("blocks")
    sizes = statistics.collection_sizes()
    assert commands.names[-2:] == ["listCollections", "aggregate"]
    assert sizes["blocks"] == dict.fromkeys(sizes["blocks"], 0)
    assert sizes["users"]["documents"] == 1 and sizes["users"]["indexBytes"] > 0
    names = {usage.index.collection for usage in index_usage.read()}
    assert "users" in names and "blocks" not in names


def test_the_calendar_knows_what_is_counted_changed_archived_missing_and_empty(
    commands: CommandCounter, user: User
) -> None:
    today = start_of_day(now())
    first = today - 6 * DAY
    event(user, 2)
    event(user, 3)
    list(rollups.run())
    event(user, 3)
    rollups.catch_up()
    event(user, 4)
    archived = {"build": "archived", "day": today - 5 * DAY, "count": 3}
    AnalyticsDaily.collection().insert_one(archived)
    commands.clear()
    found = calendar.read(first=first, last=today + DAY)
    assert commands.names == ["aggregate"]
    days = calendar.find_missing(found.days)
    assert commands.names == ["aggregate"] * 2
    assert list(days.values()) == [
        *("empty", "archived", "missing", "changed", "counted", "empty", "open")
    ]
    assert found.seen is not None and abs((now() - found.seen).total_seconds()) < 600


def test_the_summary_is_what_counting_each_by_itself_gives(
    commands: CommandCounter, user: User
) -> None:
    for age, name, category in ((0, "a", "custom"), (1, "a", "error"), (2, "b", "error")):
        event(user, age, name, category)
        event(user, age, "a", "custom")
    list(rollups.run())
    commands.clear()
    end = now() + timedelta(minutes=1)
    start = start_of_day(end) - 3 * DAY
    found = summary.summarize(start=start, end=end)
    assert len(commands.names) <= 5
    by_day: dict[datetime, int] = {}
    for row in found.days:
        by_day[row["time"]] = by_day.get(row["time"], 0) + row["count"]
    assert by_day == {start_of_day(end) - age * DAY: 2 for age in range(3)}
    assert found.common["eventName"] == [
        {"eventName": "a", "count": 5},
        {"eventName": "b", "count": 1},
    ]
    assert found.common["appId"] == [{"appId": "app", "count": 6}]
    assert {row["eventCategory"] for row in found.days} == {"custom", "error"}


def test_the_summary_has_names_of_any_kind(user: User, raw: Database[Any]) -> None:
    time = now() - timedelta(minutes=5)
    rows: list[Any] = [None, {"$gt": 1}, ["a"], 7, ObjectId(), "\u202e"]
    raw.analytics.insert_many({"eventName": name, "timestamp": time} for name in rows)
    found = summary.summarize(start=time - DAY, end=now())
    assert sum(row["count"] for row in found.common["eventName"]) == len(rows)
    assert found.common["appId"] == [{"appId": None, "count": len(rows)}]
    assert [row["eventCategory"] for row in found.days] == [None]


def test_the_summary_passes_over_an_event_with_several_times(
    user: User, raw: Database[Any]
) -> None:
    time = now() - timedelta(minutes=5)
    raw.analytics.insert_many([{"timestamp": time}, {"timestamp": [time, time]}])
    found = summary.summarize(start=time - DAY, end=now())
    assert [row["count"] for row in found.days] == [1]


def test_the_server_tells_of_its_members_and_its_log(
    commands: CommandCounter, standalone_uri: str
) -> None:
    found = server.read()
    assert len(commands.names) == 3
    assert found.members and found.members[0].is_healthy and not found.members[0].lag_seconds
    assert found.log_since is not None and found.log_since < datetime.now(UTC)
    with override_settings(CHABAD_AUTH={"MONGODB_URI": standalone_uri}):
        alone = server.read()
    assert (alone.set_name, alone.members, alone.log_since) == (None, None, None)
    assert alone.version


def test_no_secret_is_shown() -> None:
    secret = "s3cr3t" * 8
    given: dict[str, Any] = {
        "MONGODB_URI": f"mongodb://ann:{secret}@db.example.org/site?authSource={secret}",
        "MONGODB_OPTIONS": {
            "password": secret,
            "tlsCertificateKeyFilePassword": secret,
            "authMechanismProperties": {"AWS_SESSION_TOKEN": secret},
            "auto_encryption_opts": object(),
            "maxPoolSize": 7,
            "tlsCAFile": Path("ca.pem"),
        },
        "SIGNING_KEY": secret,
        "SIGNING_KEY_FALLBACKS": [secret, secret.encode()],
        "METRICS_TOKEN": secret,
        "ISSUERS": [
            {"ISSUER": "https://id.example.org", "KEY": [secret]},
            {"ISSUER": "b", "JWKS_URL": f"https://ann:{secret}@id.example.org/keys?key={secret}"},
        ],
        "ACCESS_TOKEN_SECONDS": 60,
    }
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, **given}):
        found = {item.name: item for item in configuration.read()}
    assert secret not in str(found) and "ann" not in str(found)
    assert found["MONGODB_URI"].value == "'mongodb://db.example.org/site'"
    assert "'maxPoolSize': 7" in found["MONGODB_OPTIONS"].value
    assert "'tlsCAFile': 'ca.pem'" in found["MONGODB_OPTIONS"].value
    assert "id.example.org/keys" in found["ISSUERS"].value
    assert found["SIGNING_KEY"].value == configuration.MASK
    assert (found["ACCESS_TOKEN_SECONDS"].value, found["ACCESS_TOKEN_SECONDS"].is_default) == (
        "60",
        False,
    )
    assert found["TOKEN_MAX_BYTES"].is_default
