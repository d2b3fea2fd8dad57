"""A damaged or harmful file is refused in one line before anything is stored."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from pymongo.database import Database
from support import damages
from support.fork_server import ForkServer
from support.management import run

from chabad_auth_django.models import Activity, AppData, User
from chabad_auth_django.services.lifecycle import portability
from chabad_auth_django.services.lifecycle.export_file import Content

IMPORT, ARCHIVE = "chabad_import_user", "chabad_archive_analytics"

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)

#: MB of a whole process.
MEMORY = 150


@pytest.fixture
def export(user: User, raw: Database, tmp_path: Path) -> bytes:
    """The export of a user who is there no more."""
    for number in range(20):
        Activity.create_activity(user_id=user.id, event_type="x")
        AppData.upsert_app_data(user.id, "app", f"key{number}", {"a": number, "b": "Ж\n\u2028"})
    raw.analytics.insert_one({"userId": user.id, "timestamp": JANUARY, "a": {"$date": 1}})
    path = tmp_path / "export"
    assert run("chabad_export_user", user.email, "--output", path).code == 0
    for name in raw.list_collection_names():
        raw[name].delete_many({})
    return path.read_bytes()


@pytest.fixture
def folder(user: User, raw: Database, tmp_path: Path) -> Path:
    """An archive of a month."""
    rows = [{"userId": user.id, "eventName": f"x{n}", "timestamp": JANUARY} for n in range(50)]
    raw.analytics.insert_many(rows)
    assert run(ARCHIVE, "--before", "2025-02-01", "--to", tmp_path / "archive").code == 0
    return tmp_path / "archive"


class Refusals:
    """Run commands in another process; nothing may change, and nothing may be told but an error."""

    def __init__(self, processes: ForkServer, raw: Database, uri: str, tmp_path: Path) -> None:
        self.processes, self.raw, self.uri = processes, raw, uri
        self.report = tmp_path / "report"
        self.number = 0

    def check(self, *commands: list[Any]) -> None:
        before = self.stored()
        process = self.processes.start(
            "run_commands",
            {"MONGODB_URI": self.uri},
            report=str(self.report),
            commands=[list(map(str, command)) for command in commands],
        )
        process.go()
        assert process.wait() == 0
        result = json.loads(self.report.read_text())
        for command, (code, out, err) in zip(commands, result["told"], strict=True):
            assert (code, out, len(err.splitlines())) == (2, "", 1), (command, out, err)
            assert err.isprintable() or err[:-1].isprintable(), err
            self.number += 1
        assert result["memory"] / 1024 <= MEMORY
        assert self.stored() == before

    def stored(self) -> dict[str, str]:
        """Return a hash of each collection but the one that tells when a command ran."""
        hashes = self.raw.command("dbHash")["collections"]
        return {name: found for name, found in hashes.items() if name != "heartbeats"}


@pytest.fixture
def refusals(processes: ForkServer, raw: Database, mongodb: str, tmp_path: Path) -> Refusals:
    return Refusals(processes, raw, mongodb, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_export(export: bytes, refusals: Refusals, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    commands: list[list[Any]] = []
    for damage in damages.ACCIDENTS * 4:
        if (damaged := damage(export, chance)) != export:
            path = tmp_path / f"damaged{len(commands)}"
            path.write_bytes(damaged)
            commands.append([IMPORT, path])
    refusals.check(*commands)
    assert refusals.number > 20


def test_an_export_that_somebody_forged(export: bytes, refusals: Refusals, tmp_path: Path) -> None:
    commands: list[list[Any]] = []
    for forged in damages.forged(export):
        path = tmp_path / f"forged{len(commands)}"
        path.write_bytes(forged)
        commands.append([IMPORT, path])
    refusals.check(*commands)
    assert refusals.number > 40


def test_a_file_that_is_cut_while_it_is_imported(
    export: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, check = tmp_path / "export", portability.check

    def then_cut(*, file: BinaryIO) -> Content:
        content = check(file=file)
        path.write_bytes(export[:200])
        return content

    monkeypatch.setattr(portability, "check", then_cut)
    result = run(IMPORT, path, "--json")
    assert (result.code, result.json["inserted"]["appdatas"]) == (0, 20)


def test_what_is_no_file(export: bytes, refusals: Refusals, folder: Path, tmp_path: Path) -> None:
    """For an import, the events of an archive, and its manifest."""
    [events], [manifest] = folder.glob("*.gz"), folder.glob("*.json")
    restore = [ARCHIVE, "--restore", "2025-01", "--to", folder]
    for place, command in (
        (tmp_path / "odd", [IMPORT, tmp_path / "odd"]),
        (events, restore),
        (manifest, restore),
    ):
        there = place.read_bytes() if place.exists() else None
        place.unlink(missing_ok=True)
        for _ in damages.put_odd_things(place):
            refusals.check(command)
        if there is not None:
            place.write_bytes(there)
    assert run(*restore).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_archive(folder: Path, refusals: Refusals, seed: int) -> None:
    chance = random.Random(seed)
    restore = [ARCHIVE, "--restore", "2025-01", "--to", folder]
    for path in folder.iterdir():
        there = path.read_bytes()
        for damage in damages.ACCIDENTS * 2:
            damaged = damage(there, chance)
            if path.suffix == ".json" and _loads(damaged) == json.loads(there):
                continue
            if damaged != there:
                path.write_bytes(damaged)
                refusals.check(restore)
        path.write_bytes(there)
    assert refusals.number > 15
    assert run(*restore).code == 0


def test_an_archive_that_somebody_forged(folder: Path, refusals: Refusals) -> None:
    [events], [manifest] = folder.glob("*.gz"), folder.glob("*.json")
    restore = [ARCHIVE, "--restore", "2025-01", "--to", folder]
    there, said = events.read_bytes(), manifest.read_bytes()
    for forged in (damages.bomb(2**28), damages.bomb(10), there + there):
        events.write_bytes(forged)
        manifest.write_bytes(damages.re_signed(said, forged))
        refusals.check(restore)
    events.write_bytes(there)
    deep = b"[" * damages.DEPTH
    for forged in (
        deep,
        b'{"a":' * damages.DEPTH,
        b"{}",
        b"[]",
        b'{"bytes":"x"}',
        said[:-3] + deep,
    ):
        manifest.write_bytes(forged)
        refusals.check(restore)
    manifest.write_bytes(said)
    assert run(*restore).code == 0


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
