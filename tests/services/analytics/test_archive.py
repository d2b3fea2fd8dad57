"""Archives: whole files only, and every count as before, whatever happens at the same time."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from django.test import override_settings
from pymongo.database import Database
from support.threads import together

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import (
    ArchiveError,
    ReplicaSetRequired,
    ValidationError,
)
from chabad_auth_django.models import Analytics, User
from chabad_auth_django.services.analytics import (
    archive,
    archive_files,
    counts,
    rollups,
    timeseries,
)
from chabad_auth_django.services.analytics.ledger import CODEC

DAY = timedelta(days=1)
JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)
APRIL = datetime(2025, 4, 1, tzinfo=UTC)


either_way = pytest.mark.parametrize("events", ["rolled up", "not rolled up"], indirect=True)


@pytest.fixture
def events(request: Any, raw: Database, user: User) -> list[Any]:
    """Three months with events of two users, as another program stores them."""
    other = User.create_user(email="bob@example.org")
    times = [
        month + day * DAY + number * timedelta(minutes=45)
        for month, days in ((JANUARY, 31), (FEBRUARY, 28), (MARCH, 31))
        for day in (0, 1, 14, days - 1)
        for number in range(days)
    ]
    rows = [
        {
            "userId": (user, other)[number % 2].id,
            "eventName": f"event{number % 3}",
            "eventCategory": "custom",
            "sessionId": f"session{number % 5}",
            "eventData": {"long": Int64(5), "date": JANUARY, "bytes": Binary(b"\0", 128)},
            "__v": 0,
            "amount": Decimal128("1.50"),
            "timestamp": time,
        }
        for number, time in enumerate(times)
    ]
    raw.analytics.insert_many(rows)
    raw.command(
        "update",
        "analytics",
        updates=[
            {"q": {"_id": rows[0]["_id"]}, "u": [{"$set": {"eventData.far": {"$toDate": 2**59}}}]}
        ],
    )
    raw.analytics_rollups.delete_many({})
    if getattr(request, "param", "rolled up") == "rolled up":
        list(rollups.run())
    return rows


def answers(end: datetime = APRIL) -> Any:
    ann = User.find_by_email("ann@example.org").id
    series = [
        timeseries.get_timeseries(start=JANUARY, end=end, distinct=True, **question)
        for question in (
            {"bucket": "day", "by": "eventName"},
            {"bucket": "week"},
            {"bucket": "month", "user_id": ann},
        )
    ]
    return [counts.get_event_counts(start=JANUARY, end=end), *series]


def content(raw: Database) -> dict[Any, bytes]:
    return {
        row["_id"]: bson.encode(row, codec_options=CODEC)
        for row in raw.analytics.with_options(codec_options=CODEC).find()
    }


def run(before: datetime = MARCH, *, folder: Path) -> list[archive.Progress]:
    return list(archive.archive(before=before, folder=folder))


@either_way
def test_an_archive_changes_no_count_and_is_restored_exactly(
    raw: Database, events: list[Any], tmp_path: Path
) -> None:
    before, stored = answers(), content(raw)
    steps = run(folder=tmp_path)
    assert {step.month: step.events for step in steps} == {"2025-01": 124, "2025-02": 112}
    assert raw.analytics.count_documents({"timestamp": {"$lt": MARCH}}) == 0
    assert answers() == before
    list(rollups.run())
    assert answers() == before
    for month in ("2025-01", "2025-02"):
        list(archive.restore(month=month, folder=tmp_path))
        assert answers() == before
    assert content(raw) == stored
    assert raw.analytics_daily.count_documents({"build": "archived"}) == 0
    assert raw.analytics_daily_users.count_documents({"build": "archived"}) == 0
    list(rollups.run())
    assert answers() == before


def test_an_archive_is_gzip_with_json_lines_and_a_manifest(
    raw: Database, events: list[Any], tmp_path: Path
) -> None:
    run(FEBRUARY, folder=tmp_path)
    [path] = tmp_path.glob("*.jsonl.gz")
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert len(lines) == 124
    first = json.loads(lines[0])
    assert first["_id"] == {"$oid": str(events[0]["_id"])}
    assert first["eventData"]["long"] == {"$numberLong": "5"}
    manifest = archive_files.verify(tmp_path, path.name.removesuffix(".jsonl.gz"))
    assert (manifest.month, manifest.events) == ("2025-01", 124)
    assert (manifest.first, manifest.last) == (
        "2025-01-01T00:00:00.000Z",
        "2025-01-31T22:30:00.000Z",
    )
    assert len(list(tmp_path.iterdir())) == 2


@either_way
def test_what_comes_late_counts_and_gets_an_archive_of_its_own(
    raw: Database, events: list[Any], user: User, tmp_path: Path
) -> None:
    run(folder=tmp_path)
    before = answers()
    late = {"userId": user.id, "eventName": "late", "timestamp": JANUARY + DAY}
    raw.analytics.insert_one(late)
    with_late = answers()
    assert with_late != before
    assert {"eventName": "late", "count": 1} in with_late[0]
    list(rollups.run())
    assert answers() == with_late
    assert [step.events for step in run(folder=tmp_path)] == [1]
    assert answers() == with_late
    assert len(list(tmp_path.glob("analytics-2025-01-*.jsonl.gz"))) == 2
    list(archive.restore(month="2025-01", folder=tmp_path))
    assert answers() == with_late
    assert raw.analytics.count_documents({"timestamp": {"$lt": FEBRUARY}}) == 125


def test_what_is_changed_while_the_file_is_written_stays(
    raw: Database, events: list[Any], tmp_path: Path
) -> None:
    """And comes back neither from the file nor from the dead."""
    steps = archive.archive(before=FEBRUARY, folder=tmp_path)
    with override_settings(
        CHABAD_AUTH={"MONGODB_URI": connection.uri_setting(), "PURGE_BATCH_SIZE": 50}
    ):
        next(steps)
        raw.analytics.update_one({"_id": events[60]["_id"]}, {"$set": {"eventName": "renamed"}})
        raw.analytics.delete_one({"_id": events[61]["_id"]})
        before = answers()
        list(steps)
        assert answers() == before
        stored = raw.analytics.find({"timestamp": {"$lt": FEBRUARY}})
        assert [row["eventName"] for row in stored] == ["renamed"]
        list(archive.restore(month="2025-01", folder=tmp_path))
    assert answers() == before
    assert raw.analytics.find_one({"_id": events[60]["_id"]})["eventName"] == "renamed"
    assert raw.analytics.find_one({"_id": events[61]["_id"]}) is None
    assert raw.analytics.count_documents({"timestamp": {"$lt": FEBRUARY}}) == 123


@pytest.mark.parametrize("keep", [True, False])
def test_a_user_who_was_erased_does_not_come_back(
    mongodb: str, raw: Database, events: list[Any], tmp_path: Path, keep: bool
) -> None:
    list(rollups.run())
    run(folder=tmp_path)
    total = sum(row["count"] for row in counts.get_event_counts(start=JANUARY, end=APRIL))
    bob = User.find_by_email("bob@example.org")
    with override_settings(
        CHABAD_AUTH={"MONGODB_URI": mongodb, "ANALYTICS_KEEP_ANONYMOUS_COUNTS": keep}
    ):
        bob.delete()
    before = answers()
    assert sum(row["count"] for row in before[0]) == (total if keep else total / 2)
    assert raw.analytics_daily_users.count_documents({"userId": bob.id}) == 0
    for month in ("2025-01", "2025-02"):
        list(archive.restore(month=month, folder=tmp_path))
        list(rollups.run())
    assert answers() == before
    assert raw.analytics.count_documents({"userId": bob.id}) == 0
    assert raw.analytics_daily_users.count_documents({"userId": bob.id}) == 0
    # And what is left of it stands in the way of nobody.
    counts.get_event_counts(start=JANUARY + timedelta(hours=1), end=APRIL)


DAMAGES = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "flipped": lambda path: path.write_bytes(
        path.read_bytes()[:50] + b"\0" + path.read_bytes()[51:]
    ),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_archive_that_is_damaged_while_it_is_read_is_told(
    raw: Database, events: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    run(folder=tmp_path)
    before, check = answers(), archive._check

    def then_damage(record: dict[str, Any], folder: Path) -> None:
        check(record, folder)
        DAMAGES[damage](archive_files.events_path(folder, record["name"]))

    monkeypatch.setattr(archive, "_check", then_damage)
    with pytest.raises(ArchiveError):
        list(archive.restore(month="2025-01", folder=tmp_path))
    assert answers() == before


def test_nothing_is_deleted_when_the_disk_lies(
    raw: Database, events: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = content(raw)
    decode = archive_files._decode
    monkeypatch.setattr(archive_files, "_decode", lambda line: decode(line)[:-1] + b"x")
    with pytest.raises(ArchiveError):
        run(folder=tmp_path)
    assert content(raw) == stored
    assert list(tmp_path.glob("*.gz")) == []
    monkeypatch.undo()
    run(folder=tmp_path)
    # What the failed run left is gone.
    assert len(list(tmp_path.iterdir())) == 4


def test_runs_at_once_lose_and_double_nothing(
    raw: Database, events: list[Any], tmp_path: Path
) -> None:
    before, stored = answers(), content(raw)
    together([lambda: run(folder=tmp_path)] * 3)
    assert answers() == before
    run(folder=tmp_path)
    assert answers() == before
    assert raw.analytics.count_documents({"timestamp": {"$lt": MARCH}}) == 0
    for month in ("2025-01", "2025-02"):
        together([lambda month=month: list(archive.restore(month=month, folder=tmp_path))] * 3)
    assert answers() == before
    assert content(raw) == stored


def test_a_run_that_was_overtaken_stops(raw: Database, events: list[Any], tmp_path: Path) -> None:
    before, stored = answers(), content(raw)
    with override_settings(
        CHABAD_AUTH={"MONGODB_URI": connection.uri_setting(), "PURGE_BATCH_SIZE": 50}
    ):
        ways = (
            lambda: archive.archive(before=FEBRUARY, folder=tmp_path),
            lambda: archive.restore(month="2025-01", folder=tmp_path),
        )
        for start in ways:
            first, second = start(), start()
            assert [next(first).events, next(second).events] == [50, 50]
            with pytest.raises(ArchiveError, match="Another run"):
                next(first)
            assert [step.events for step in second] == [24]
            assert answers() == before
    assert content(raw) == stored


def test_what_cannot_be_done_is_refused(mongodb: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        archive.plan(before=datetime.now(UTC) + DAY)
    with pytest.raises(ArchiveError):
        list(archive.restore(month="2025-01", folder=tmp_path))
    assert run(folder=tmp_path) == []


def test_a_standalone_server_cannot_archive(standalone: str, tmp_path: Path) -> None:
    Analytics.collection().insert_one({"userId": ObjectId(), "timestamp": JANUARY})
    with pytest.raises(ReplicaSetRequired):
        run(folder=tmp_path)
    with pytest.raises(ReplicaSetRequired):
        list(archive.restore(month="2025-01", folder=tmp_path))
