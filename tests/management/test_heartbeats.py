"""That cron runs, and which retention holds."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.test import override_settings
from pymongo.database import Database
from rest_framework.test import APIClient
from support.management import interrupted, run

from chabad_auth_django.conf.rules import RECORDED_COMMANDS
from chabad_auth_django.models import Deletion, Heartbeat, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import heartbeats, indexes, readiness, retention

LONG_AGO = now() - timedelta(days=2)


def beats() -> dict[str, heartbeats.Beat]:
    return {beat.command: beat for beat in heartbeats.read()}


def test_each_scheduled_command_leaves_one(mongodb: str, tmp_path: Path) -> None:
    started = now()
    assert beats()["chabad_purge_deleted"].is_late
    for arguments in (
        ["chabad_purge_deleted"],
        ["chabad_rollup_analytics", "-v", 0],
        ["chabad_archive_analytics", "--before", "2020-01-01", "--to", tmp_path],
    ):
        assert run(*arguments, "--dry-run").code == 0
        assert Heartbeat.read(_id=arguments[0]) is None, "a rehearsal is no run"
        assert run(*arguments).code == 0
        beat = beats()[str(arguments[0])]
        assert (beat.status, beat.is_late) == (0, False)
        assert beat.ended_at == beat.succeeded_at
        assert beat.ended_at and beat.ended_at >= started
    assert run("chabad_stats").code == 0
    assert Heartbeat.read(_id="chabad_stats") is None


def test_the_setting_takes_each_command_that_leaves_one() -> None:
    names = [name for name, app in get_commands().items() if app == "chabad_auth_django"]
    scheduled = [
        name for name in names if load_command_class("chabad_auth_django", name).is_scheduled
    ]
    assert sorted(scheduled) == sorted(RECORDED_COMMANDS)


def test_a_restore_is_no_run_of_cron(mongodb: str, tmp_path: Path) -> None:
    assert run("chabad_archive_analytics", "--restore", "2020-01", "--to", tmp_path).code == 2
    assert Heartbeat.read(_id="chabad_archive_analytics") is None


def test_a_run_that_fails_is_no_success(mongodb: str, raw: Database) -> None:
    run("chabad_purge_deleted")
    raw.heartbeats.update_one({}, {"$set": {"succeededAt": LONG_AGO}})
    with interrupted(Deletion, "count_jobs"):
        assert run("chabad_purge_deleted").code == 130
    beat = beats()["chabad_purge_deleted"]
    assert (beat.status, beat.succeeded_at, beat.is_late) == (130, LONG_AGO, True)
    [line] = [line for line in run("chabad_stats").lines if line.startswith("chabad_purge")]
    assert "which ended with 130  LATE: it fails" in line, "cron does run it"


def test_ctrl_c_after_the_work_is_too_late(mongodb: str) -> None:
    with interrupted(Heartbeat, "collection"):
        assert run("chabad_purge_deleted").code == 0


def test_operators_see_that_cron_stopped(mongodb: str, raw: Database) -> None:
    run("chabad_purge_deleted")
    run("chabad_rollup_analytics")
    raw.heartbeats.update_one({"_id": "chabad_purge_deleted"}, {"$set": {"succeededAt": LONG_AGO}})
    late = [
        row["command"] for row in run("chabad_stats", "--json").json["scheduled"] if row["late"]
    ]
    assert late == ["chabad_purge_deleted"]
    [line] = [line for line in run("chabad_stats").lines if line.startswith("chabad_purge")]
    assert "LATE" in line
    readiness.forget()
    answer = APIClient().get("/api/health/ready/")
    assert answer.status_code == 200, "cron takes no server out of service"
    assert [row["command"] for row in answer.json()["scheduled"] if row["late"]] == late
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "SCHEDULED_COMMANDS": {}}):
        assert not any(beat.is_late for beat in beats().values())


def test_a_collection_of_another_program_with_that_name_does_no_harm(
    mongodb: str, raw: Database
) -> None:
    run("chabad_purge_deleted")
    foreign = [{"at": now()} for _ in range(200)]
    raw.heartbeats.insert_many([{"_id": "pump", "succeededAt": "x"}, *foreign])
    raw.heartbeats.delete_one({"_id": "chabad_purge_deleted"})
    run("chabad_purge_deleted")
    assert not beats()["chabad_purge_deleted"].is_late
    assert run("chabad_stats").code == 0
    readiness.forget()
    assert APIClient().get("/api/health/ready/").status_code == 200


@pytest.fixture
def old(user: User, raw: Database) -> Database:
    times = [now() - timedelta(days=days) for days in (0, 40, 80)]
    raw.activities.insert_many([{"userId": user.id, "timestamp": time} for time in times])
    return raw


def test_the_setting_decides_on_the_retention(old: Database) -> None:
    refused = run("chabad_set_retention", 30, "--yes")
    assert (refused.code, refused.out) == (2, "")
    assert 'CHABAD_AUTH["ACTIVITY_RETENTION_DAYS"] is 90' in refused.err
    assert retention.current_days() == 90
    assert run("chabad_set_retention", 30, "--dry-run", "--json").json["expired"] == 2
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ACTIVITY_RETENTION_DAYS": 85}):
        stats = run("chabad_stats", "--json").json["ttl"]
        assert (stats["retentionDays"], stats["settingDays"]) == (90, 85)
        assert any("The settings say 85 days" in line for line in run("chabad_stats").lines)
        for arguments in ([], [85]):
            assert run("chabad_set_retention", *arguments).code == 0
            assert retention.current_days() == 85
        assert run("chabad_sync_indexes", "--check").code == 0
        assert indexes.compare().is_clean, "a deployment puts nothing back"
        assert not any("settings say" in line for line in run("chabad_stats").lines)
    indexes.fix()
