"""What all commands have in common."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import ObjectId
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.test import override_settings
from support.cases import each
from support.management import NOBODY, Stream, interrupted, run
from support.processes import django_admin, python, python_path

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.management import output
from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.management.terminal import Terminal
from chabad_auth_django.models import User
from chabad_auth_django.services.lifecycle import creation, export_file

NAMES = sorted(name for name, app in get_commands().items() if app == "chabad_auth_django")

EMPTY_EXPORT = "the file of a user"

RECEIPT = "the receipt of a user"

#: Command -> arguments with which it gets to the server.
ARGUMENTS: dict[str, list[str]] = {
    "chabad_archive_analytics": ["--before", "2020-01-01", "--to", "archives"],
    "chabad_block_user": ["ann@example.org", "--reason", "abuse"],
    "chabad_create_admin": ["--email", "ann@example.org"],
    "chabad_create_user": ["--email", "ann@example.org"],
    "chabad_delete_user": ["ann@example.org", "--yes"],
    "chabad_erase_user": ["ann@example.org", "--yes"],
    "chabad_export_user": ["ann@example.org"],
    "chabad_grant": ["ann@example.org", "--role", "admin"],
    "chabad_import_user": [EMPTY_EXPORT],
    "chabad_issue_token": ["ann@example.org"],
    "chabad_link_host_account": ["ann@example.org", "1"],
    "chabad_replay_receipts": [RECEIPT],
    "chabad_revoke": ["ann@example.org", "--role", "admin"],
    "chabad_revoke_sessions": ["ann@example.org"],
    "chabad_set_retention": ["90"],
    "chabad_show_user": ["ann@example.org"],
    "chabad_unblock_user": ["ann@example.org"],
    "chabad_verify_erasure": ["ann@example.org"],
}


def command(name: str) -> OperatorCommand:
    found = load_command_class("chabad_auth_django", name)
    assert isinstance(found, OperatorCommand)
    return found


@each("name", NAMES)
def test_a_bad_argument_ends_in_two_with_one_line(name: str) -> None:
    result = run(name, *ARGUMENTS.get(name, []), "--nonsense")
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert "--nonsense" in result.err and "--help" in result.err


# Without accounts there is nothing to ask the server for.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "chabad_sync_django_users"])
def test_without_a_server_it_ends_in_two_with_one_line(name: str, tmp_path: Path) -> None:
    arguments = {EMPTY_EXPORT: tmp_path / "file", RECEIPT: tmp_path / "receipt"}
    receipt = {"userId": str(ObjectId()), "requestedAt": "2026-01-31T12:00:00Z"}
    arguments[RECEIPT].write_text(json.dumps(receipt))
    with (tmp_path / "file").open("wb") as file:
        writer = export_file.Writer(file, user_id=(id := ObjectId()))
        writer.write("users", bson.encode({"_id": id}))
        writer.close()
    with override_settings(CHABAD_AUTH={"MONGODB_URI": NOBODY}):
        result = run(name, *(arguments.get(item, item) for item in ARGUMENTS.get(name, [])))
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("CommandError: MongoDB did not answer: ")
    assert "run the same command again" in result.err
    assert len(result.err.splitlines()) == 1


@each("name", NAMES)
def test_a_process_tells_what_it_did_or_why_not_in_one_line(
    user: User, mongodb: str, tmp_path: Path, name: str
) -> None:
    result = django_admin(name, *ARGUMENTS.get(name, []), cwd=tmp_path, MONGODB_URI=mongodb)
    assert result.returncode in (0, 1, 2)
    assert len(result.stderr.splitlines()) == (result.returncode > 0)
    assert result.stderr.startswith("CommandError: ") or not result.returncode


@each("name", NAMES)
def test_its_help_has_the_exit_statuses_and_the_keys(name: str) -> None:
    text = " ".join(command(name).create_parser("manage.py", name).format_help().split())
    assert "Exit status: 0 " in text
    assert "; 2 " in text and "; 130 " in text
    for key in command(name).all_json_keys():
        assert key in text
    source = Path(inspect.getfile(type(command(name)))).read_text()
    assert ("; 1 " in text) is ("raise Found" in source)


@each("name", NAMES)
def test_its_arguments_and_keys_are_explained(name: str) -> None:
    found = command(name)
    assert found.help.endswith(".")
    assert all(found.json_keys.values())
    for action in found.create_parser("manage.py", name)._actions:
        assert action.help, action


def test_a_primary_that_stepped_down_is_told_in_one_line(our_server: None, mongodb: str) -> None:
    connection.get_client().admin.command("replSetStepDown", 2, force=True)
    try:
        with override_settings(CHABAD_AUTH={"MONGODB_URI": f"{mongodb}&timeoutMS=500"}):
            result = run("chabad_purge_deleted")
    finally:
        connection.ping(timeout=20)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert "Check that it runs." in result.err


def test_ctrl_c_ends_a_process_with_130_and_one_line(user: User, mongodb: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "chabad_grant", "-", "--role", "admin"],
        env=os.environ
        | {
            "PYTHONPATH": python_path(),
            "DJANGO_SETTINGS_MODULE": "support.settings",
            "MONGODB_URI": mongodb,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(f"{user.email}\n")
    process.stdin.flush()
    while not user.has_role("admin"):
        assert process.poll() is None
        time.sleep(0.02)
        user.refresh()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "CommandError: Interrupted. The same command goes on from here.\n"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("chabad_delete_user", ["--yes"]),
        ("chabad_grant", ["--role", "admin"]),
        ("chabad_revoke_sessions", []),
    ],
)
def test_each_user_is_told_before_the_next_one_is_looked_for(
    user: User, name: str, arguments: list[str]
) -> None:
    with interrupted(creation, "find_user", after=1):
        result = run(name, "-", *arguments, stdin=f"{user.email}\nbob@example.org\n")
    assert (result.code, len(result.lines)) == (130, 1)
    assert user.email in result.lines[0]


def test_a_bad_argument_of_a_process_is_told_in_one_line(tmp_path: Path) -> None:
    result = python("-m", "django", "chabad_show_user", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("CommandError: the following arguments are required: USER.")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "error"), [(b"", "no such table"), (b"x" * 5000, "file is not a database")]
)
def test_a_database_of_the_project_that_cannot_be_read_is_told_in_one_line(
    mongodb: str, tmp_path: Path, content: bytes, error: str
) -> None:
    path = tmp_path / "sqlite3"
    path.write_bytes(content)
    result = python(
        "-m",
        "django",
        "chabad_sync_django_users",
        cwd=tmp_path,
        HOST_DATABASE=str(path),
        MONGODB_URI=mongodb,
        DJANGO_SETTINGS_MODULE="support.host_settings",
    )
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert error in result.stderr


def test_settings_that_the_checks_refuse_are_told_in_one_line(tmp_path: Path) -> None:
    result = django_admin(
        "chabad_show_user", "x", cwd=tmp_path, MONGODB_URI="mongodb://127.0.0.1:1/?w=1"
    )
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert "manage.py check" in result.stderr


class TestOutput:
    def test_a_table_aligns_numbers_to_the_right(self) -> None:
        assert list(output.Table([["a", 1], ["bb", 1000]], ["name", "count"]).lines()) == [
            "name  count",
            "a         1",
            "bb    1,000",
        ]
        assert list(output.Table([]).lines()) == []

    def test_a_chart_is_in_proportion(self) -> None:
        lines = list(output.Chart({"a": 4, "b": 2, "c": 0}).lines())
        assert [line.count("#") for line in lines] == [24, 12, 0]
        assert "#" not in "".join(output.Chart({"a": 0}).lines())

    @pytest.mark.parametrize("total", [0, 3, 100])
    def test_progress_survives_every_total(self, total: int) -> None:
        stream: Any = Terminal(Stream(terminal=True))
        with output.Progress(stream, "label", total) as bar:
            for _ in range(5):
                bar.advance()
        assert stream.getvalue().endswith("\n")
        assert f"5 of {total}" in stream.getvalue()

    def test_in_a_pipe_there_is_none(self) -> None:
        stream: Any = Terminal(StringIO())
        with output.Progress(stream, "label", 5) as bar:
            bar.advance()
        assert stream.getvalue() == ""


class TestFindUser:
    def test_an_address_that_was_stored_unnormalised_is_found(self, raw: Any) -> None:
        raw.users.insert_one({"email": "Ann@Example.org"})
        assert creation.find_user(name="Ann@Example.org").email == "Ann@Example.org"

    @pytest.mark.parametrize("name", ["", " ", "\n"])
    def test_an_empty_name_is_nobody(self, raw: Any, name: str) -> None:
        raw.users.insert_one({"email": "", "valuUserId": ""})
        with pytest.raises(ValidationError, match="empty"):
            creation.find_user(name=name)
        assert run("chabad_delete_user", name, "--yes").code == 2
        assert raw.users.count_documents({}) == 1

    def test_an_id_comes_before_an_external_id(self, user: User) -> None:
        User.create_user(email="bob@example.org", valu_user_id=str(user.id))
        assert creation.find_user(name=str(user.id)) == user

    def test_an_id_may_be_an_external_one(self, mongodb: str) -> None:
        bob = User.create_user(email="bob@example.org", merkos_user_id="a" * 24)
        assert creation.find_user(name="a" * 24) == bob


def test_keywords_of_call_command_are_taken_as_on_the_command_line(
    user: User, tmp_path: Path
) -> None:
    call_command("chabad_grant", user.email, role="admin", stdout=StringIO())
    user.refresh()
    assert user.roles == ["user", "admin"]
    call_command("chabad_archive_analytics", before="2020-01-01", to=str(tmp_path / "new"))
    assert (tmp_path / "new").is_dir()
    call_command("chabad_list_audit", since="2020-01-01", as_json=True, stdout=(out := StringIO()))
    assert json.loads(out.getvalue())["entries"]
    for keywords in ({"since": "x"}, {"limit": "0"}, {"action": "nonsense"}):
        with pytest.raises(CommandError, match="argument --") as raised:
            call_command("chabad_list_audit", **keywords)
        assert raised.value.returncode == 2
