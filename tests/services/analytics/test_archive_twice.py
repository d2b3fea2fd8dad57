"""An event whose timestamp is corrected while a file is written can be in that file twice."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from pymongo.database import Database
from support import oracle

from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.services.analytics import archive, archive_files, counts, timeseries
from chabad_auth_django.services.deployment import indexes

DAY = timedelta(days=1)
JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
CORRECTED = JANUARY + 20 * DAY


@pytest.fixture
def events(raw: Database, user: User) -> list[dict[str, Any]]:
    """Six days with an event each; the first one will be in the file twice."""
    # An index that once held an array gives no order: the server would sort, and read all at once.
    raw.analytics.drop()
    indexes.create()
    rows = [
        {"userId": user.id, "eventName": "x", "timestamp": JANUARY + number * DAY}
        for number in range(6)
    ]
    raw.analytics.insert_many(rows)
    return rows


def correct(raw: Database, event: dict[str, Any], time: datetime) -> None:
    event["timestamp"] = time
    raw.analytics.update_one({"_id": event["_id"]}, {"$set": {"timestamp": time}})


def correct_meanwhile(
    monkeypatch: pytest.MonkeyPatch, raw: Database, event: dict[str, Any], then: datetime
) -> None:
    """Correct the event when the cursor has met it, and again when the cursor is at its end."""
    write = archive_files.write

    def slowly(rows: Iterator[Any]) -> Iterator[Any]:
        yield next(rows)
        correct(raw, event, CORRECTED)
        yield from rows
        correct(raw, event, then)

    def write_slowly(folder: Path, *, events: Any, **manifest: Any) -> Any:
        return write(folder, events=slowly(events), **manifest)

    monkeypatch.setattr(archive, "SIZE", 2)
    monkeypatch.setattr(archive_files, "write", write_slowly)


def batches_of(size: int) -> Any:
    uri = connection.uri_setting()
    return override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "PURGE_BATCH_SIZE": size})


def check(events: Iterable[Any]) -> None:
    asked = {"start": JANUARY, "end": FEBRUARY}
    assert counts.get_event_counts(**asked) == oracle.counts(events, "eventName", "eventName")
    series = timeseries.get_timeseries(**asked, distinct=True)
    expected = oracle.timeseries(events, "day", "UTC", None)
    assert sorted(series, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize("then", [CORRECTED, JANUARY], ids=["corrected", "corrected and back"])
@pytest.mark.parametrize("restored", [2, 100])
@pytest.mark.parametrize("moved", [2, 100])
def test_it_comes_back_once(
    raw: Database,
    events: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moved: int,
    restored: int,
    then: datetime,
) -> None:
    correct_meanwhile(monkeypatch, raw, events[0], then)
    for size, run in (
        (moved, lambda: archive.archive(before=FEBRUARY, folder=tmp_path)),
        (restored, lambda: archive.restore(month="2025-01", folder=tmp_path)),
    ):
        with batches_of(size):
            # Given up after a batch, and gone on with by the next run.
            next(run())
            check(events)
            for _ in run():
                check(events)
        [record] = raw.analytics_archives.find()
        assert record["events"] == 7
    assert record["state"] == "restored"
    assert list(raw.analytics.find().sort("_id")) == events
    assert raw.analytics_daily.count_documents({"build": "archived"}) == 0
    assert raw.analytics_daily_users.count_documents({"build": "archived"}) == 0


def test_sent_again_and_archived_again_it_comes_back_once(
    raw: Database, events: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct_meanwhile(monkeypatch, raw, events[0], JANUARY)
    with batches_of(2):
        steps = archive.archive(before=FEBRUARY, folder=tmp_path)
        next(steps)
        again = events[0] | {"timestamp": CORRECTED}
        raw.analytics.insert_one(again)
        list(steps)
    check([*events, again])
    with batches_of(100):
        list(archive.restore(month="2025-01", folder=tmp_path))
    check([again, *events[1:]])
    assert list(raw.analytics.find().sort("_id")) == [again, *events[1:]]
    assert raw.analytics_daily.count_documents({"build": "archived"}) == 0
