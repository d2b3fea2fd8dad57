"""What operators read: it fits their terminal, is plain, and harms no terminal."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.command_reference import command_names, load
from support.management import NOBODY, run
from support.processes import python, python_path

from chabad_auth_django.management import output
from chabad_auth_django.management.terminal import Terminal
from chabad_auth_django.models import Activity, Analytics, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion

LONG_AGO = now() - timedelta(days=400)

DJANGO = {"PYTHONPATH": python_path(), "DJANGO_SETTINGS_MODULE": "support.settings"}


@pytest.fixture
def busy(user: User) -> User:
    Activity.create_activity(user_id=user.id, event_type="x")
    Analytics.create_analytics(user_id=user.id, event_name="x", event_category="custom")
    return user


def fits(text: str, width: int) -> None:
    """Fail for a line that the terminal would break: only a single word may be as long."""
    for line in text.replace("\r", "\n").splitlines():
        assert len(line) <= width or len(line.split()) == 1, line


@pytest.mark.parametrize("width", [80, 40])
def test_what_is_shown_fits_the_terminal(busy: User, width: int, tmp_path: Path) -> None:
    name = busy.email
    for arguments in (
        ["chabad_index_usage"],
        ["chabad_shard_plan"],
        ["chabad_find_users"],
        ["chabad_list_sessions", "--user", name],
        ["chabad_list_deletions"],
        ["chabad_delete_user", name, "--dry-run"],
        ["chabad_show_user", name],
        ["chabad_stats"],
        ["chabad_list_audit"],
        ["chabad_check_integrity"],
        ["chabad_verify_erasure", name],
        ["chabad_sync_indexes", "--check"],
        ["chabad_erase_user", name, "--dry-run"],
        ["chabad_grant", name, "--role", "admin"],
        ["chabad_revoke", name, "--role", "admin"],
        ["chabad_set_retention", "30", "--dry-run"],
        ["chabad_archive_analytics", "--before", "2025-01-01"],
        ["chabad_show_user", "a" * 30, "b" * 30],
        ["chabad_stats", "--days", "0"],
    ):
        result = run(*arguments, width=width)
        assert result.out or result.err
        fits(result.out, width)
        fits(result.err, width)
        assert "\ufffd" not in result.out


def test_the_help_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (80, 40):
        monkeypatch.setenv("COLUMNS", str(width))
        for name in command_names():
            _, _, text = load(name).create_parser("manage.py", name).format_help().partition("\n\n")
            fits(text, width)


def test_a_question_fits_and_says_what_will_be(busy: User) -> None:
    User.create_user(email="bob@example.org")
    result = run("chabad_delete_user", busy.email, "bob@example.org", answers="no\n", width=40)
    fits(result.err.partition("CommandError")[0], 40)
    text = " ".join(result.err.split())
    assert "This will delete 2 users with all these documents from" in text
    assert "To confirm, type 2:" in text


def test_no_row_loses_a_word_in_a_narrow_terminal() -> None:
    table = output.Table([["ann@example.org", 1], ["-", 2]], ["e-mail address", "count"])
    for width in (80, 30, 20, 5):
        text = " ".join(" ".join(table.lines(width)).split())
        for word in ("ann@example.org", "e-mail", "count", "1", "2"):
            assert word in text, width
    keys = output.Table([["  theme", "a b c d e f g h"], ["  x", 1]])
    assert list(keys.lines(14)) == [
        "  theme  a b c",
        "         d e f",
        "         g h",
        "  x      1",
    ]


def test_in_a_pipe_a_line_stays_one(busy: User) -> None:
    assert len(run("chabad_show_user", "x" * 200).err.splitlines()) == 1
    assert any(len(line) > 80 for line in run("chabad_index_usage").lines)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "iso8859-8"])
def test_a_name_is_told_in_every_encoding(user: User, tmp_path: Path, encoding: str) -> None:
    user.name = "אסתר 😀 é"
    user.save()
    uri = str(Activity.collection().database.client.address[1])
    environment = {
        "PYTHONIOENCODING": encoding,
        "MONGODB_URI": f"mongodb://127.0.0.1:{uri}/{Activity.collection().database.name}",
    }
    for option in ((), ("--json",)):
        shown = subprocess.run(
            [sys.executable, "-m", "django", "chabad_show_user", user.email, *option],
            cwd=tmp_path,
            env=os.environ | DJANGO | environment,
            capture_output=True,
            check=False,
        )
        assert (shown.returncode, shown.stderr) == (0, b"")
        text = shown.stdout.decode(encoding)
        assert "\\ud83d\\ude00" in text
        assert "אסתר" in text or "\\u05d0" in text
        if option:
            assert json.loads(text)["users"][0]["user"]["name"] == "אסתר 😀 é"


def test_what_cannot_be_encoded_is_escaped_as_in_json() -> None:
    raw = io.BytesIO()
    stream = Terminal(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write_whole('{"a": "é😀א"}')
    stream.flush()
    assert json.loads(raw.getvalue()) == {"a": "é😀א"}


def test_a_count_of_one_has_a_singular_noun(user: User) -> None:
    for arguments, words in (
        (["chabad_delete_user", user.email, "--dry-run"], "1 user, "),
        (["chabad_grant", user.email, "--role", "moderator"], "1 user changed"),
        (["chabad_issue_token", user.email], ""),
        (["chabad_revoke_sessions", user.email], "1 session ended"),
        (["chabad_block_user", user.email, "--reason", "x"], "was blocked|blocked|1 user is"),
        (["chabad_verify_erasure", user.email], "traces? in "),
    ):
        text = run(*arguments).out
        assert re.search(words, text), text
        assert not re.search(r"\b1 (users|sessions|documents|traces|events|days)\b", text), text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chabad_archive_analytics", "--before", "soon", "--to", "x"], "expected a date such as"),
        (["chabad_archive_analytics", "--before", "2026-02-30", "--to", "x"], "expected a date"),
        (["chabad_archive_analytics", "--before", "2026-02-01", "--to", ""], "expected the path"),
        (["chabad_list_audit", "--since", "yesterday"], "expected a time such as 2026-01-31"),
        (["chabad_list_audit", "--since", "0001-01-01T00:00:00+14:00"], "expected a time"),
        (["chabad_list_audit", "--until", "2026-02-30"], "expected a time"),
        (["chabad_list_audit", "--limit", "x"], "expected a whole number from 1 to 10,000"),
        (["chabad_stats", "--days", "1.5"], "expected a whole number from 1 to 366"),
        (["chabad_set_retention", "many"], "expected a whole number from 1 to 24,855"),
        (["chabad_create_user", "--email", "a@example.org", "--auth-method", "x"], "Expected one"),
        (["chabad_create_user", "--email", "a@example.org", "--role", ""], "roles: "),
    ],
)
def test_a_wrong_argument_is_told_in_plain_words(
    mongodb: str, arguments: list[str], words: str
) -> None:
    result = run(*arguments)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert words in result.err
    assert not re.search(r"[{}\[\]]|_date|_time|ObjectId\(|None|\b0: ", result.err), result.err


class TestSilence:
    def test_cron_hears_nothing_where_nothing_was_done(self, busy: User, tmp_path: Path) -> None:
        for arguments in (
            ["chabad_purge_deleted"],
            ["chabad_rollup_analytics"],
            ["chabad_archive_analytics", "--before", "2020-01-01", "--to", str(tmp_path)],
        ):
            assert run(*arguments) == run("chabad_purge_deleted", "-v", 0)
            assert run(*arguments, width=80).out, "a terminal does"
            assert run(*arguments, "--json").json, "a program does"

    @pytest.mark.slow
    def test_warnings_of_the_system_checks_are_for_people(
        self, mongodb: str, tmp_path: Path
    ) -> None:
        (tmp_path / "warned.py").write_text(
            "from support.undated_settings import *\nCHABAD_AUTH = {'HOST_ID': 'site'}\n"
        )
        environment = {"DJANGO_SETTINGS_MODULE": "warned", "MONGODB_URI": mongodb}
        for arguments, is_quiet in (
            (["chabad_purge_deleted"], True),
            (["chabad_rollup_analytics"], True),
            (["chabad_stats", "-v", "0"], True),
            (["chabad_stats"], False),
        ):
            result = python("-m", "django", *arguments, cwd=tmp_path, **environment)
            assert result.returncode == 0, result.stderr
            assert ("chabad_auth.W008" in result.stderr) != is_quiet, arguments
            assert (result.stderr == "") == is_quiet, arguments
        (tmp_path / "wrong.py").write_text(
            "from support.host_settings import *\nCHABAD_AUTH = {'HOST_ID': 5}\n"
        )
        environment["DJANGO_SETTINGS_MODULE"] = "wrong"
        result = python("-m", "django", "chabad_purge_deleted", cwd=tmp_path, **environment)
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), "an error is told"

    def test_cron_hears_of_what_was_done(self, busy: User, raw: Database, tmp_path: Path) -> None:
        raw.analytics.update_many({}, {"$set": {"timestamp": LONG_AGO}})
        raw.deletions.insert_one({"_id": (id := User().id), "state": "deleting", "since": LONG_AGO})
        for arguments in (
            ["chabad_rollup_analytics"],
            ["chabad_archive_analytics", "--before", f"{now():%Y-%m-%d}", "--to", str(tmp_path)],
            ["chabad_purge_deleted"],
        ):
            assert run(*arguments).out, id
        with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 60}):
            deletion.delete_user(user_id=busy.id, seconds=0)
            assert "purged, waiting" in run("chabad_purge_deleted").out
            assert run("chabad_purge_deleted").out == "", "each minute until the second sweep"

    def test_whoever_wants_it_quiet_hears_nothing(self, busy: User, tmp_path: Path) -> None:
        name = busy.email
        for arguments in (
            ["chabad_show_user", name],
            ["chabad_stats"],
            ["chabad_index_usage"],
            ["chabad_check_integrity"],
            ["chabad_sync_indexes"],
            ["chabad_list_audit"],
            ["chabad_grant", name, "--role", "moderator"],
            ["chabad_revoke_sessions", name],
            ["chabad_export_user", name, "--output", str(tmp_path / "file")],
            ["chabad_delete_user", name, "--dry-run"],
            ["chabad_create_user", "--email", "new@example.org"],
            ["chabad_delete_user", "new@example.org", "--yes"],
        ):
            quiet = run(*arguments, "-v", 0, width=80)
            assert (quiet.code, quiet.out, quiet.err) == (0, "", ""), arguments
        assert run("chabad_show_user", "nobody", "-v", 0).err, "what went wrong is told"
        assert run("chabad_stats", "-v", 0, "--json").json

    def test_a_receipt_that_nobody_saw_is_kept(self, busy: User, raw: Database) -> None:
        erase = ["chabad_erase_user", str(busy.id), "--yes", "-v", 0]
        with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 60}):
            with_grace = run(*erase, "--no-wait")
        assert (with_grace.code, with_grace.out) == (1, "")
        raw.deletions.update_many({}, {"$set": {"since": LONG_AGO}})
        assert (run(*erase).code, raw.deletions.count_documents({})) == (0, 1)
        assert "finishedAt" in run("chabad_erase_user", str(busy.id), "--yes").out


class TestInterruption:
    def test_ctrl_c_where_python_swallows_exceptions_is_one_line(self) -> None:
        code = """
import signal, sys
sys.argv = ["manage.py", "chabad_stats"]
import chabad_auth_django
class Swallowing:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
Swallowing()
"""
        result = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | DJANGO,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (130, "CommandError: Interrupted.\n")

    def test_a_hosts_command_with_such_a_name_gets_its_exception(self) -> None:
        code = """
import signal, sys
sys.argv = ["manage.py", "chabad_command_of_a_host"]
import chabad_auth_django
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("cleaned up")
"""
        command = [sys.executable, "-c", code]
        assert subprocess.check_output(command, env=os.environ | DJANGO) == b"cleaned up\n"

    def test_a_command_that_is_told_to_ignore_ctrl_c_ignores_it(self) -> None:
        code = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.argv = ["manage.py", "chabad_stats"]
import chabad_auth_django
signal.raise_signal(signal.SIGINT)
"""
        assert subprocess.run([sys.executable, "-c", code], env=os.environ | DJANGO).returncode == 0

    def test_ctrl_c_while_python_ends_the_process_shows_no_traceback(self) -> None:
        code = """
import atexit, signal, sys
from django.core.management import execute_from_command_line
sys.argv = ["manage.py", "chabad_stats"]
atexit.register(signal.raise_signal, signal.SIGINT)
execute_from_command_line(sys.argv)
"""
        result = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | DJANGO | {"MONGODB_URI": NOBODY},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == -signal.SIGINT
        assert "Traceback" not in result.stderr

    def test_ctrl_c_in_source_text_that_python_runs_ends_with_130(self, tmp_path: Path) -> None:
        # As dataclasses and named tuples do while they are made.
        (tmp_path / "interrupted.py").write_text("""
from django.core import checks
from django.core.management import execute_from_command_line

@checks.register
def interrupt(**kwargs):
    exec("raise KeyboardInterrupt")

execute_from_command_line(["manage.py", "chabad_check_integrity"])
""")
        path = f"{tmp_path}{os.pathsep}{python_path()}"
        result = subprocess.run(
            [sys.executable, "-m", "interrupted"],
            env=os.environ
            | DJANGO
            | {"PYTHONPATH": path, "MONGODB_URI": "mongodb://127.0.0.1:1/db"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stderr.startswith("CommandError: Interrupted.")
        assert result.returncode == 130

    @pytest.mark.parametrize("milliseconds", [250, 400, 600, 800, 1000])
    def test_ctrl_c_at_the_start_is_one_line(self, milliseconds: int) -> None:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "django", "chabad_check_integrity"],
            env=os.environ | DJANGO | {"MONGODB_URI": "mongodb://127.0.0.1:1/db"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        lines = []
        # From the first line of ours on; what comes before is not ours to say.
        for line in process.stderr:
            if re.search(r"\| +chabad_auth_django", line):
                break
        time.sleep(milliseconds / 1000 - 0.25)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        lines = [line for line in err.splitlines() if not line.startswith("import time:")]
        assert (process.returncode, out, len(lines)) == (130, "", 1), err
        assert lines[0].startswith("CommandError: Interrupted.")


def test_a_real_terminal_is_asked_for_its_width(user: User, mongodb: str) -> None:
    parent, child = pty.openpty()
    subprocess.run(["stty", "cols", "50"], stdin=child, check=True)
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.run(
        [sys.executable, "-m", "django", "chabad_index_usage"],
        env=environment | DJANGO | {"MONGODB_URI": mongodb},
        stdout=child,
        stderr=child,
        check=False,
    )
    os.set_blocking(parent, False)
    shown = b""
    while True:
        try:
            shown += os.read(parent, 65_536)
        except BlockingIOError:
            break
    os.close(child)
    os.close(parent)
    assert process.returncode == 0
    assert "users" in shown.decode()
    fits(shown.decode(), 50)
