"""A command writes a whole file or none, and replaces nothing that it was not told to replace."""

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pymongo.database import Database
from support.fork_server import ForkServer
from support.management import run
from support.processes import run_code

from chabad_auth_django.models import User
from chabad_auth_django.services import whole_files
from chabad_auth_django.services.lifecycle import export_file

EXPORT, ARCHIVE = "chabad_export_user", "chabad_archive_analytics"

OLD = b"the only copy"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a file is to be; a file of somebody else is beside it."""
    (tmp_path / "other").write_bytes(OLD)
    return tmp_path / "folder" / "ann.json"


def link_to_other(path: Path) -> None:
    path.symlink_to(path.parent.parent / "other")


#: What is there -> what puts it there, and whether --force replaces it.
THERE: dict[str, tuple[Callable[[Path], object], bool]] = {
    "a file": (lambda path: path.write_bytes(OLD), True),
    "an empty file": (lambda path: path.touch(), True),
    "a file nobody may write": (lambda path: path.write_bytes(OLD) and path.chmod(0o400), True),
    "a link to a file": (link_to_other, True),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), True),
    "a link to itself": (lambda path: path.symlink_to(path), True),
    "a second name of a file": (lambda path: path.hardlink_to(path.parent.parent / "other"), True),
    "a folder": (lambda path: path.mkdir(), False),
    "a link to a folder": (lambda path: path.symlink_to(path.parent), False),
    "a pipe": (lambda path: os.mkfifo(path), False),
    "a link to a device": (lambda path: path.symlink_to("/dev/null"), False),
}


def identity(place: Path) -> tuple[int, ...]:
    """Return which file is there and whether it was changed; that it was read is no matter."""
    found = place.lstat()
    return found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


def test_what_is_there_is_replaced_by_force_only(user: User, place: Path) -> None:
    for name, (put, is_replaced) in THERE.items():
        place.parent.mkdir()
        put(place)
        before = identity(place)
        result = run(EXPORT, user.email, "--output", place)
        assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1), name
        assert identity(place) == before, name
        result = run(EXPORT, user.email, "--output", place, "--force")
        assert result.code == (0 if is_replaced else 2), name
        if is_replaced:
            with place.open("rb") as file:
                assert export_file.check(file).user_id == user.id
            assert not place.is_symlink()
        else:
            assert identity(place) == before, name
        assert (place.parent.parent / "other").read_bytes() == OLD, name
        assert list(place.parent.iterdir()) == [place], name
        if place.is_dir() and not place.is_symlink():
            place.rmdir()
        else:
            place.unlink()
        place.parent.rmdir()


def test_a_file_that_comes_meanwhile_is_left(place: Path) -> None:
    place.parent.mkdir()
    with pytest.raises(whole_files.FileThere), whole_files.create(place) as (file, _):
        file.write(b"new")
        place.write_bytes(OLD)
    assert place.read_bytes() == OLD
    assert list(place.parent.iterdir()) == [place]


def test_an_archive_replaces_no_file(
    raw: Database, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the name that the next one will have, whatever is there."""
    january = datetime(2025, 1, 1, tzinfo=UTC)
    raw.analytics.insert_many([{"userId": user.id, "timestamp": january} for _ in range(3)])
    monkeypatch.setattr("uuid.uuid4", lambda: UUID(int=0))
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "other").write_bytes(OLD)
    before = "--before", "2025-02-01", "--to", folder
    for name in ("analytics-2025-01-00000000.jsonl.gz", "analytics-2025-01-00000000.json"):
        for put in (THERE["a file"], THERE["a folder"], THERE["a link to a file"]):
            put[0](folder / name)
            there = identity(folder / name)
            result = run(ARCHIVE, *before)
            assert (result.code, len(result.err.splitlines())) == (2, 1), result
            assert identity(folder / name) == there
            assert (tmp_path / "other").read_bytes() == OLD
            assert raw.analytics.count_documents({}) == 3
            for path in folder.iterdir():
                path.rmdir() if path.is_dir() else path.unlink()
    (folder / "file").touch()
    assert run(ARCHIVE, "--before", "2025-02-01", "--to", folder / "file").code == 2
    assert run(ARCHIVE, *before).code == 0


def test_a_kill_leaves_no_half_file_under_its_name(
    raw: Database, user: User, mongodb: str, place: Path, processes: ForkServer
) -> None:
    raw.activities.insert_many([{"userId": user.id, "n": n} for n in range(3000)])
    place.parent.mkdir()
    for moment in ("before", "after"):
        for number in (2, 5, 8, 11, 13):
            process = processes.start(
                "run_commands",
                {"MONGODB_URI": mongodb},
                crash=(moment, number),
                report=str(place.parent.parent / "report"),
                commands=[[EXPORT, user.email, "--output", str(place)]],
            )
            process.go()
            if process.wait() == -signal.SIGKILL:
                assert not place.exists()
            else:
                with place.open("rb") as file:
                    export_file.check(file)
                place.unlink()
    assert run(EXPORT, user.email, "--output", place).code == 0


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_leaves_no_half_file(
    user: User, mongodb: str, place: Path, name: str, status: int
) -> None:
    place.parent.mkdir()
    code = f"""
import signal
from django.core.management import execute_from_command_line
from chabad_auth_django.services.lifecycle import export_file
# Whoever runs the tests by "nohup" ignores it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
export_file.Writer.close = lambda writer: signal.raise_signal(signal.{name})
execute_from_command_line(
    ["manage.py", "{EXPORT}", "{user.email}", "--output", {str(place)!r}]
)
"""
    result = run_code(code, cwd=place.parent.parent, MONGODB_URI=mongodb)
    assert (result.returncode, result.stdout) == (status, "")
    assert result.stderr == "CommandError: Interrupted. The same command goes on from here.\n"
    assert list(place.parent.iterdir()) == []
