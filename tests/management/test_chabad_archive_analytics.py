import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from pymongo.database import Database

from chabad_auth_django.models import Analytics, User
from chabad_auth_django.services.analytics import archive

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def events(raw: Database, user: User) -> None:
    """Three months with an event a day."""
    raw.analytics.insert_many(
        [
            {"userId": user.id, "eventName": "x", "timestamp": JANUARY + number * timedelta(days=1)}
            for number in range(90)
        ]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "archives"


def run(*arguments: Any) -> list[str]:
    output = StringIO()
    call_command("chabad_archive_analytics", *map(str, arguments), stdout=output)
    return output.getvalue().splitlines()


def run_json(*arguments: Any) -> Any:
    [line] = run("--json", *arguments)
    return json.loads(line)


def test_an_archive_is_written_and_restored(raw: Database, folder: Path) -> None:
    assert run("--before", "2025-03-15", "--to", folder) == [
        "2025-01           31 events moved",
        "2025-02           28 events moved",
        "59 events moved.",
    ]
    assert raw.analytics.count_documents({}) == 31
    assert run("--before", "2025-03-15", "--to", folder) == []
    assert run("--restore", "2025-02", "--to", folder) == [
        "2025-02           28 events moved",
        "28 events moved.",
    ]
    [path] = folder.glob("analytics-2025-01-*.jsonl.gz")
    assert run_json("--restore", path) == {
        "months": {"2025-01": 31},
        "files": [path.name],
        "events": 31,
        "left": {},
        "dryRun": False,
    }
    assert raw.analytics.count_documents({}) == 90


def test_json_has_the_figures(folder: Path) -> None:
    result = run_json("--before", "2025-02-01", "--to", folder)
    [path] = folder.glob("*.jsonl.gz")
    assert result == {
        "months": {"2025-01": 31},
        "files": [path.name],
        "events": 31,
        "left": {},
        "dryRun": False,
    }


def test_a_dry_run_says_what_and_changes_nothing(raw: Database, folder: Path) -> None:
    there = ("--before", "2025-02-01", "--to", folder)
    assert run(*there, "--dry-run") == ["2025-01           31 events to move", "31 events to move."]
    assert not folder.exists()
    run(*there)
    back = ("--restore", "2025-01", "--to", folder)
    assert run_json(*back, "--dry-run")["months"] == {"2025-01": 31}
    assert raw.analytics.count_documents({}) == 59


def test_it_counts_no_event_that_stays_out(raw: Database, user: User, folder: Path) -> None:
    run("--before", "2025-02-01", "--to", folder)
    user.delete()
    assert run_json("--restore", "2025-01", "--to", folder)["months"] == {"2025-01": 0}
    assert raw.analytics.count_documents({}) == 0


def test_a_year_before_1000_has_four_digits(raw: Database, user: User, folder: Path) -> None:
    day = datetime(24, 1, 20, tzinfo=UTC)
    fields = {"event_name": "x", "event_category": "custom", "timestamp": day}
    Analytics.create_analytics(user_id=user.id, **fields)
    there = ("--before", "0025-01-01", "--to", folder)
    months = {"0024-01": 1}
    assert run_json(*there, "--dry-run")["months"] == months
    assert run_json(*there)["months"] == months
    assert raw.analytics.count_documents({}) == 90
    assert run_json("--restore", "0024-01", "--to", folder)["months"] == months
    assert raw.analytics.count_documents({}) == 91


def test_a_run_that_was_interrupted_is_continued(
    raw: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, mongodb: str
) -> None:
    add = archive.ledger.add_archived
    calls = []

    def interrupted(events: Any) -> None:
        calls.append(events)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(events)

    there = ("--before", "2025-02-01", "--to", folder)
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "PURGE_BATCH_SIZE": 10}):
        monkeypatch.setattr(archive.ledger, "add_archived", interrupted)
        with pytest.raises(CommandError) as caught:
            run(*there)
        assert caught.value.returncode == 130
        assert raw.analytics.count_documents({}) == 80
        monkeypatch.undo()
        assert run_json(*there)["events"] == 21
    assert raw.analytics.count_documents({}) == 59


@pytest.mark.parametrize(
    "arguments",
    [
        ("--before", "2025-02-01"),
        ("--before", "soon", "--to", "x"),
        ("--before", "9000-01-01", "--to", "x"),
        ("--restore", "2025-01", "--to", "x"),
        ("--restore", "nothing.jsonl.gz"),
        ("--before", "2025-02-01", "--restore", "2025-01", "--to", "x"),
        ("--before", "2025-02-01", "--to", "/proc/none"),
        (),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_one_line(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 2
    assert len(str(caught.value).splitlines()) == 1
