"""Standard streams that are closed, full, broken or no text: one line, the right exit status."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line
from support.management import Stream, run

from chabad_auth_django.management.base import EXIT_ERROR
from chabad_auth_django.management.terminal import Terminal
from chabad_auth_django.models import User


def broken_pipe() -> Any:
    """Return a stream whose reader is gone, as that of "| head" is."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def full_disk() -> Any:
    """Return a stream that takes nothing more."""
    return Path("/dev/full").open("w")


@pytest.fixture
def commands(user: User) -> list[list[str]]:
    """Commands that write lines, JSON, the whole of a file, and a token."""
    return [
        ["chabad_show_user", user.email],
        ["chabad_find_users", "--json"],
        ["chabad_export_user", user.email],
        ["chabad_issue_token", user.email],
        ["chabad_block_user", user.email, "--reason", "abuse"],
    ]


@pytest.mark.parametrize("stream", [broken_pipe, full_disk])
def test_output_that_nobody_takes_is_an_error(
    commands: list[list[str]], stream: Callable[[], Any]
) -> None:
    for command in commands:
        with stream() as out, mock.patch.object(sys, "stdout", out):
            with pytest.raises(CommandError, match=r"Broken pipe|No space left") as raised:
                call_command(*command)
            assert raised.value.returncode == EXIT_ERROR
        # Closing it, as Python does in the end, has told nothing more.


def test_without_standard_output_nothing_is_done(user: User, commands: list[list[str]]) -> None:
    with mock.patch.object(sys, "stdout", None):
        for command in commands:
            with pytest.raises(CommandError, match="standard output is closed") as raised:
                call_command(*command)
            assert raised.value.returncode == EXIT_ERROR
    assert run("chabad_find_users", "--json").json["users"][0]["blocked"] is False


@pytest.mark.parametrize("stream", [broken_pipe, full_disk, nullcontext])
def test_the_exit_status_needs_no_standard_error(user: User, stream: Callable[[], Any]) -> None:
    with stream() as err, mock.patch.object(sys, "stderr", err):
        call_command("chabad_show_user", user.email, stdout=Stream())
        for names in (["nobody@example.org"], []):
            with pytest.raises(SystemExit) as raised:
                execute_from_command_line(["manage.py", "chabad_show_user", *names])
            assert raised.value.code == EXIT_ERROR
        # Python would tell of the line that is left in it.
        with suppress(AttributeError):
            Terminal(err).give_up()


def test_standard_input_that_is_closed_or_no_text(user: User, tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes(b"\xff\xfe\n")
    with mock.patch.object(sys, "stdin", None):
        call_command("chabad_grant", "-", "--role", "admin", stdout=Stream())
        with pytest.raises(CommandError, match="no terminal to ask on"):
            call_command("chabad_delete_user", user.email, stdout=Stream())
    with mock.patch.object(sys, "stdin", None):
        call_command("chabad_replay_receipts", "-", stdout=Stream())
    with (
        mock.patch.object(sys, "stdin", None),
        pytest.raises(CommandError, match="damaged or incomplete"),
    ):
        call_command("chabad_import_user", "-", stdout=Stream())
    for command in ("chabad_revoke_sessions", "chabad_verify_erasure"):
        with (
            (tmp_path / "names").open(encoding="utf-8") as names,
            mock.patch.object(sys, "stdin", names),
            pytest.raises(CommandError, match="no text in utf-8"),
        ):
            call_command(command, "-", stdout=Stream())


def test_an_argument_that_is_no_text(user: User) -> None:
    odd = os.fsdecode(b"\xff\xfe")
    for command in (
        ["chabad_archive_analytics", "--restore", odd, "--to", "/"],
        ["chabad_list_audit", "--action", odd],
        ["chabad_find_users", "--role", odd],
        ["chabad_list_audit", "--user", odd],
        ["chabad_show_user", odd],
    ):
        result = run(*command)
        assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1), command


def test_a_file_whose_name_is_no_text(user: User, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe")
    result = run("chabad_export_user", user.email, "--output", path, "--json")
    assert (result.code, result.json["file"]) == (0, str(path))
    assert run("chabad_import_user", path).code == 0


def test_standard_input_without_an_end_is_no_export(mongodb: str) -> None:
    with (
        Path("/dev/zero").open() as zeros,
        mock.patch.object(sys, "stdin", zeros),
        pytest.raises(CommandError, match="damaged or incomplete"),
    ):
        call_command("chabad_import_user", "-", stdout=Stream())
