"""``manage.py demo`` as a real process."""

import os
import re
import signal
import subprocess
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId

from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity, AppData, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes

SUMMARY = re.compile(
    r"^Everything is as specified: \d+ checks on 20,\d{3} documents in \d+\.\d seconds\.$",
    re.MULTILINE,
)


def _assert_readable(output: str) -> None:
    for line in output.splitlines():
        assert len(line) <= 80, line
        assert not any(unicodedata.category(character) == "Cc" for character in line), line


@pytest.mark.slow
def test_demo_on_the_embedded_server_and_again(
    manage: Callable[..., Any], mongod_runs: Callable[[], bool]
) -> None:
    first = manage("demo")
    assert (first.returncode, first.stderr) == (0, "")
    assert SUMMARY.search(first.stdout)
    assert "http://127.0.0.1:8000/admin/" in first.stdout
    assert re.search(r"(\d+) indexes in place, \1 of them new", first.stdout)
    assert "\N{CHECK MARK}" in first.stdout
    _assert_readable(first.stdout)
    assert not mongod_runs()

    second = manage("demo", PYTHONIOENCODING="ascii")
    assert (second.returncode, second.stderr) == (0, "")
    assert SUMMARY.search(second.stdout)
    assert "49 users removed" in second.stdout
    assert "  ok User.create_user" in second.stdout
    _assert_readable(second.stdout)
    assert not mongod_runs()


@pytest.mark.slow
def test_demo_leaves_other_data_alone(manage: Callable[..., Any], either_server: str) -> None:
    # Near misses: the domain as a part of another one, the demo's application and role.
    for email in ("chana.levin@demo.example.org", "a@sub.demo.example", "demo@example.com"):
        user = User.create_user(email=email, roles=["admin"], auth_methods=["google"])
        Activity.create_activity(user_id=user.id, app_id="cteen", event_type="login")
        AppData.upsert_app_data(user.id, "cteen", "settings", {"volume": 1})
        AppData.delete_app_data(user.id, "cteen", "settings")
        AppData.upsert_app_data(user.id, "cteen", "settings", {"volume": 2})
    deleted = ObjectId()
    database = connection.get_database()
    database.deletions.insert_one({"_id": deleted, "state": "deleting", "since": now()})
    database.activities.insert_one({"userId": deleted, "timestamp": now()})
    before = {
        name: list(database[name].find())
        for name in database.list_collection_names()
        if not name.startswith("system.")
    }

    for _ in range(2):
        result = manage("demo", MONGODB_URI=either_server)
        assert (result.returncode, result.stderr) == (0, "")

    assert len(before["users"]) == 3
    for name, documents in before.items():
        ids = [document["_id"] for document in documents]
        found = {str(row["_id"]): row for row in database[name].find({"_id": {"$in": ids}})}
        assert found == {str(document["_id"]): document for document in documents}


@pytest.mark.slow
def test_demo_can_be_interrupted_and_run_again(
    manage: Callable[..., Any],
    command: list[str],
    environment: dict[str, str],
    mongod_runs: Callable[[], bool],
) -> None:
    with subprocess.Popen(
        [*command, "demo"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        while "People and events" not in process.stdout.readline():
            assert process.poll() is None
        # As Ctrl-C does: to the whole group in the foreground.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("CommandError: Interrupted.")
    assert not mongod_runs()

    again = manage("demo")
    assert (again.returncode, again.stderr) == (0, "")
    assert not mongod_runs()


def test_demo_fails_when_something_is_not_as_specified(
    manage: Callable[..., Any], mongodb: str
) -> None:
    change = {"keyPattern": {"timestamp": 1}, "expireAfterSeconds": 3600}
    connection.get_database().command("collMod", "activities", index=change)
    try:
        result = manage("demo", MONGODB_URI=mongodb)
    finally:
        indexes.fix()
    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: Some indexes differ: run manage.py chabad_sync_indexes --fix first.\n"
    )


def test_demo_says_in_one_line_that_there_is_no_server(manage: Callable[..., Any]) -> None:
    uri = "mongodb://127.0.0.1:1/demo?serverSelectionTimeoutMS=200"
    result = manage("demo", MONGODB_URI=uri)
    assert result.returncode == 2
    assert result.stderr.startswith("CommandError: MongoDB did not answer:")
    assert result.stderr.count("\n") == 1
