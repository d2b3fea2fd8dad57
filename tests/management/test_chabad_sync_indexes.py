from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from pymongo.database import Database
from support.clients import fresh_database
from support.management import NOBODY, interrupted
from support.management import run as command
from support.processes import django_admin

from chabad_auth_django.db import connection
from chabad_auth_django.management.commands.chabad_sync_indexes import Command
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes


@pytest.fixture
def uri(replica_set_uri: str) -> Iterator[str]:
    with fresh_database(replica_set_uri) as fresh:
        yield fresh


@pytest.fixture
def database(uri: str) -> Database:
    indexes.create()
    return connection.get_database()


def run(*arguments: str) -> tuple[int, list[str], str]:
    """Return the exit code, the lines of the output and the error."""
    output = StringIO()
    code, error = 0, ""
    try:
        call_command("chabad_sync_indexes", *arguments, stdout=output)
    except CommandError as caught:
        code, error = caught.returncode, str(caught)
    return code, output.getvalue().splitlines(), error


def clean() -> str:
    return f"All {len(indexes.declared_indexes())} indexes are as declared."


def test_on_an_empty_database_every_index_is_created(uri: str) -> None:
    code, lines, _ = run()
    assert code == 0
    assert len(lines) == len(indexes.declared_indexes()) + 1
    assert "created    users {email: 1} unique=True" in lines
    assert "created    activities {timestamp: 1} expireAfterSeconds=7776000" in lines
    assert lines[-1] == clean()


@pytest.mark.parametrize("arguments", [[], ["--check"], ["--fix"], ["--fix", "--drop-extra"]])
def test_where_all_is_as_declared_nothing_is_done(database: Database, arguments: list[str]) -> None:
    assert run(*arguments) == (0, [clean()], "")


def test_an_index_that_something_else_drops_meanwhile_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = indexes.create

    def create_and_drop(*args: Any) -> None:
        create(*args)
        database.users.drop_index("valuUserId_1")

    monkeypatch.setattr(indexes, "create", create_and_drop)
    code, lines, error = run()
    assert (code, lines[-1].partition(" ")[0]) == (1, "missing")
    assert error == "Something else dropped indexes meanwhile. Run the same command again."


def test_check_lists_what_is_amiss_exits_with_one_and_changes_nothing(
    database: Database,
) -> None:
    database.users.drop_index("valuUserId_1")
    database.users.create_index("name")
    database.activities.drop_index("timestamp_1")
    database.activities.create_index("timestamp")
    before = [database[name].index_information() for name in ("users", "activities")]
    code, lines, error = run("--check")
    assert (code, error) == (1, "The indexes differ from the declared ones.")
    assert lines == [
        "missing    users {valuUserId: 1} sparse=True",
        "differing  activities {timestamp: 1} expireAfterSeconds=7776000, "
        "but found activities {timestamp: 1}",
        "extra      users {name: 1}",
    ]
    assert [database[name].index_information() for name in ("users", "activities")] == before


def test_without_an_option_what_differs_is_left_and_told(database: Database) -> None:
    database.users.drop_index("email_1")
    database.users.create_index("email")
    database.users.drop_index("valuUserId_1")
    code, lines, error = run()
    assert (code, error) == (1, "Some indexes differ; --fix mends them.")
    assert lines == [
        "created    users {valuUserId: 1} sparse=True",
        "differing  users {email: 1} unique=True, but found users {email: 1}",
    ]


def test_fix_mends_what_differs_and_keeps_what_is_extra(database: Database) -> None:
    for collection, key in (("users", "email"), ("activities", "timestamp")):
        database[collection].drop_index(f"{key}_1")
        database[collection].create_index(key)
    database.users.create_index("name")
    code, lines, _ = run("--fix")
    assert code == 0
    assert lines == [
        "fixed      activities {timestamp: 1} expireAfterSeconds=7776000: "
        "TTL changed in place (was none)",
        "fixed      users {email: 1} unique=True: dropped and created (was users {email: 1})",
        "extra      users {name: 1}",
    ]


def test_drop_extra_drops_what_is_not_declared(database: Database) -> None:
    database.users.create_index("name")
    assert run("--fix", "--drop-extra") == (0, ["dropped    users {name: 1}", clean()], "")


def test_what_another_run_has_dropped_already_is_no_error(database: Database) -> None:
    for collection in ("users", "profiles"):
        database[collection].drop_indexes()
        database[collection].create_index("name")
    database.users.create_index("email", name="old")
    seen = indexes.compare()
    for _ in ("this run", "the other"):
        indexes.fix(seen)
        indexes.drop_extra(seen)
    assert indexes.compare().differing == indexes.compare().extra == []


@pytest.mark.parametrize("arguments", [["--drop-extra"], ["--check", "--drop-extra"]])
def test_drop_extra_without_fix_is_refused(database: Database, arguments: list[str]) -> None:
    database.users.create_index("name")
    assert run(*arguments) == (2, [], "--drop-extra goes with --fix.")
    assert "name_1" in database.users.index_information()


def test_duplicates_are_told_in_one_line_and_the_old_index_is_there(database: Database) -> None:
    database.users.drop_index("email_1")
    database.users.create_index("email")
    database.users.insert_many([{"email": "ann@example.org"} for _ in range(2)])
    code, _, error = run("--fix")
    assert code == 2
    assert error.startswith("users {email: 1} unique=True cannot be created: several documents")
    assert len(error.splitlines()) == 1
    assert database.users.index_information()["email_1"]["key"] == [("email", 1)]


def test_what_mongodb_refuses_is_told_in_one_line(database: Database) -> None:
    database.activities.drop()
    database.command("create", "activities", viewOn="users", pipeline=[])
    code, _, error = run()
    assert code == 2
    assert error.startswith("activities {userId: 1} cannot be created: ")
    assert len(error.splitlines()) == 1


def test_without_a_uri_the_exit_code_is_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    with override_settings(CHABAD_AUTH={}):
        connection.close()
        code, lines, error = run()
    assert (code, lines) == (2, [])
    assert "MONGODB_URI" in error


def test_the_exit_codes_of_a_process(uri: str, tmp_path: Path) -> None:
    def check(**environment: Any) -> tuple[int, str]:
        result = django_admin("chabad_sync_indexes", "--check", cwd=tmp_path, **environment)
        assert "Traceback" not in result.stderr
        return result.returncode, result.stderr

    assert check(MONGODB_URI=uri) == (
        1,
        "CommandError: The indexes differ from the declared ones.\n",
    )
    indexes.create()
    assert check(MONGODB_URI=uri) == (0, "")
    code, error = check(MONGODB_URI=NOBODY)
    assert (code, len(error.splitlines())) == (2, 1)


def test_json_and_a_dry_run(database: Database) -> None:
    database.users.drop_index("email_1")
    database.users.create_index("name")
    email, name = "users {email: 1} unique=True", "users {name: 1}"
    nothing = {"created": [], "fixed": [], "dropped": [], "missing": [], "differing": []}
    result = command("chabad_sync_indexes", "--dry-run", "--json")
    assert (result.code, result.json) == (1, {**nothing, "missing": [email], "extra": [name]})
    result = command("chabad_sync_indexes", "--json")
    assert (result.code, result.json) == (0, {**nothing, "created": [email], "extra": [name]})


def test_after_an_interruption_the_same_command_goes_on(uri: str) -> None:
    with interrupted(indexes, "_create", after=3):
        assert command("chabad_sync_indexes").code == 130
    result = command("chabad_sync_indexes", "--json")
    assert len(result.json["created"]) == len(indexes.declared_indexes()) - 3


@pytest.mark.parametrize("stored", ["missing", "plain"])
def test_before_a_ttl_index_removes_documents_the_command_asks(
    database: Database, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    database.activities.drop_index("timestamp_1")
    if stored == "plain":
        database.activities.create_index("timestamp")
    database.activities.insert_many([{"timestamp": now() - timedelta(days=91)} for _ in range(3)])
    before = database.activities.index_information()
    arguments = ["--fix"] if stored == "plain" else []
    code, _, error = run(*arguments)
    assert (code, database.activities.index_information()) == (2, before)
    assert "--yes" in error or "terminal" in error
    asked: list[str] = []
    monkeypatch.setattr(Command, "ask", lambda self, question: asked.append(question) or "4")
    assert run(*arguments)[0] == 2
    assert "3 of activities" in asked[0]
    assert database.activities.index_information() == before
    assert run(*arguments, "--yes")[0] == 0
    assert indexes.compare().is_clean
