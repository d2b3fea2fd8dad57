"""An import counts each event once: the totals are exact, or it is refused before it stores."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support import exotic
from support.interleave import Pause, command

from chabad_auth_django.db.batches import RAW
from chabad_auth_django.exceptions import CountedAlready
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import archive, counts, rollups
from chabad_auth_django.services.lifecycle import deletion, portability

pytestmark = pytest.mark.slow

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
APRIL = datetime(2025, 4, 1, tzinfo=UTC)


@pytest.fixture
def events(raw: Database, user: User) -> list[dict[str, Any]]:
    """Three months with events of two users."""
    other = User.create_user(email="bob@example.org")
    rows = [
        {
            "userId": (user, other)[number % 3 == 0].id,
            "eventName": f"event{number % 4}",
            "eventCategory": "custom",
            "timestamp": JANUARY + number * timedelta(hours=17),
        }
        for number in range(120)
    ]
    raw.analytics.insert_many(rows)
    list(rollups.run())
    return rows


@pytest.fixture
def file(events: list[dict[str, Any]], user: User) -> io.BytesIO:
    """The export of the first user."""
    file = io.BytesIO()
    portability.export_user(user_id=user.id, file=file, advance=lambda count: None)
    return file


#: Ids that are not the same when they have been decoded.
UNDECODABLE = [
    exotic.SERVED["no UTF-8"],
    exotic.SERVED["lone surrogate"],
    {"a": exotic.SERVED["no UTF-8"]},
    exotic.UNREADABLE["binary 2 of another length"],
    {"a": exotic.UNREADABLE["binary 2 of no bytes"]},
]


def test_an_erasure_keeps_the_counts_of_events_whose_ids_cannot_be_decoded(
    user: User, raw: Database, events: list[dict[str, Any]]
) -> None:
    template = {key: value for key, value in events[1].items() if key != "_id"}
    for id in UNDECODABLE:
        raw.analytics.insert_one(exotic.raw({"_id": id, **template}))
    before = counts.get_event_counts(start=JANUARY, end=APRIL)
    assert sum(row["count"] for row in before) == len(events) + len(UNDECODABLE)
    for size in (2, 1000):
        with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "PURGE_BATCH_SIZE": size}):
            User.objects.first().delete()
            list(deletion.run())
        assert counts.get_event_counts(start=JANUARY, end=APRIL) == before
    assert raw.analytics.count_documents({}) == 0


def imported(file: io.BytesIO, *, dry_run: bool = False, with_analytics: bool = True) -> Any:
    return portability.import_user(
        file=file,
        content=portability.check(file=file),
        advance=lambda count: None,
        dry_run=dry_run,
        with_analytics=with_analytics,
    )


def totals(user: User | None = None) -> list[dict[str, Any]]:
    user_id = user.id if user else None
    return counts.get_event_counts(start=JANUARY, end=APRIL, user_id=user_id)


def stored(raw: Database) -> dict[str, int]:
    """Return how many documents there are, but for the audit trail, which tells of a refusal."""
    names = set(raw.list_collection_names()) - {"audit_log"}
    return {name: raw[name].count_documents({}) for name in names}


def is_refused(raw: Database, file: io.BytesIO) -> None:
    before, found = totals(), stored(raw)
    for dry_run in (True, False):
        with pytest.raises(CountedAlready):
            imported(file, dry_run=dry_run)
        assert (totals(), stored(raw)) == (before, found)


def test_archived_events_are_refused_until_they_are_back(
    raw: Database, user: User, file: io.BytesIO, tmp_path: Path
) -> None:
    before = totals()
    list(archive.archive(before=FEBRUARY, folder=tmp_path))
    is_refused(raw, file)
    assert sum(imported(file, with_analytics=False).inserted.values()) == 0
    assert totals() == before
    list(archive.restore(month="2025-01", folder=tmp_path))
    result = imported(file)
    assert (sum(result.inserted.values()), sum(result.differing.values())) == (0, 0)
    assert totals() == before


def test_what_is_archived_meanwhile_is_not_stored_again(
    mongodb: str, raw: Database, file: io.BytesIO, tmp_path: Path
) -> None:
    """Between the look at what is stored, and the insert."""
    before, ids = totals(), raw.analytics.distinct("_id")
    raw.analytics.delete_one({"_id": ids[-2]})
    pause = Pause()
    options = {"MONGODB_URI": mongodb, "MONGODB_OPTIONS": {"event_listeners": [pause]}}

    def move() -> None:
        list(archive.archive(before=FEBRUARY, folder=tmp_path))

    for name in ("insert", "find"):
        with override_settings(CHABAD_AUTH=options):
            pause.before(command(name, "analytics"), move)
            try:
                imported(file)
            except CountedAlready:
                assert name == "find"
        assert pause.done
        assert sum(row["count"] for row in totals()) in (len(ids) - 1, len(ids))
        for month in {
            record["month"] for record in raw.analytics_archives.find({"state": "archived"})
        }:
            list(archive.restore(month=month, folder=tmp_path))
        imported(file)
        assert totals() == before
        raw.analytics.delete_one({"_id": ids[-2]})


@pytest.mark.parametrize("keep", [True, False])
def test_who_was_erased_comes_back_with_the_counts(
    mongodb: str, raw: Database, user: User, file: io.BytesIO, keep: bool
) -> None:
    before, mine = totals(), totals(user)
    settings = {"MONGODB_URI": mongodb, "DELETION_GRACE_SECONDS": 0, "PURGE_BATCH_SIZE": 7}
    with override_settings(CHABAD_AUTH={**settings, "ANALYTICS_KEEP_ANONYMOUS_COUNTS": keep}):
        for settled in (False, True):
            User.objects.get(email=user.email).delete()
            list(deletion.run())
            if settled:
                list(rollups.run())
            assert (totals() == before) is keep
            assert imported(file, dry_run=True).inserted["analytics"] == len(mine) * 20
            assert imported(file).inserted["analytics"] == 80
            assert (totals(), totals(user)) == (before, mine)
            list(rollups.run())
            assert (totals(), totals(user)) == (before, mine)
    assert not any(str(row["_id"]).startswith("erased") for row in raw.analytics_rollups.find())


def test_an_import_that_was_interrupted_goes_on(
    raw: Database, user: User, file: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = totals()
    user.delete()
    list(deletion.run())
    monkeypatch.setattr(portability, "BATCH", 11)
    for after in (1, 3):
        calls = iter(range(100))
        with pytest.raises(KeyboardInterrupt):
            portability.import_user(
                file=file,
                content=portability.check(file=file),
                advance=lambda count, calls=calls, after=after: _stop(next(calls) == after),
            )
        assert totals() == before
    imported(file)
    assert totals() == before


def _stop(now: bool) -> None:
    if now:
        raise KeyboardInterrupt


def test_another_file_than_the_erased_events_is_refused(
    raw: Database, user: User, events: list[dict[str, Any]], file: io.BytesIO
) -> None:
    """One event more, one less, or one that was renamed, was counted otherwise."""
    mine = next(row for row in events if row["userId"] == user.id)
    for change in (
        lambda: raw.analytics.delete_one({"_id": mine["_id"]}),
        lambda: raw.analytics.insert_one({**mine, "_id": 1}),
        lambda: raw.analytics.update_one({"_id": mine["_id"]}, {"$set": {"eventName": "other"}}),
    ):
        change()
        User.objects.get(email=user.email).delete()
        list(deletion.run())
        is_refused(raw, file)
        before = totals()
        imported(file, with_analytics=False)
        assert totals() == before
        raw.analytics.delete_many({})
        raw.analytics.insert_many([row for row in events if row["userId"] == user.id])
        raw.analytics_rollups.delete_many({"_id": {"$regex": "^erased"}})
        raw.analytics_daily.delete_many({"build": {"$in": ["erased", "anonymous"]}})


def test_what_was_archived_when_its_user_was_erased_is_refused(
    raw: Database, user: User, file: io.BytesIO, tmp_path: Path
) -> None:
    list(archive.archive(before=FEBRUARY, folder=tmp_path))
    later = io.BytesIO()
    portability.export_user(user_id=user.id, file=later, advance=lambda count: None)
    before = totals()
    user.delete()
    list(deletion.run())
    assert totals() == before
    is_refused(raw, file)
    # Without the archived events it is exact.
    imported(later)
    assert totals() == before
    is_refused(raw, file)


IDS = [True, 1, False, 0.0, Int64(2), 2.5, Decimal128("3.5"), float("nan"), Binary(b"x", 5), "1"]


def test_ids_that_python_takes_for_one_are_imported(raw: Database, user: User) -> None:
    # Older activities would expire.
    usual = {"userId": user.id, "timestamp": now()}
    ids = [*IDS, {"a": True}, {"a": 1}, None, JANUARY, Decimal128("Infinity")]
    for name in ("analytics", "activities"):
        raw[name].insert_many([{"_id": id, **usual, "n": n} for n, id in enumerate(ids)])
    file = io.BytesIO()
    portability.export_user(user_id=user.id, file=file, advance=lambda count: None)
    documents = {
        name: {row.raw for row in raw.get_collection(name, RAW).find()}
        for name in ("analytics", "activities")
    }
    again = imported(file)
    assert again.unchanged["analytics"] == again.unchanged["activities"] == len(ids)
    for name in ("analytics", "activities"):
        raw[name].delete_many({"n": {"$in": [0, 3, 7, 10]}})
        raw[name].update_one({"n": 1}, {"$set": {"changed": True}})
    for dry_run in (True, False):
        result = imported(file, dry_run=dry_run)
        for name in ("analytics", "activities"):
            assert (result.inserted[name], result.differing[name]) == (4, 1)
    for name, found in documents.items():
        raw[name].update_one({"n": 1}, {"$unset": {"changed": True}})
        assert {row.raw for row in raw.get_collection(name, RAW).find()} == found


def test_an_id_that_is_stored_as_another_kind_of_number_differs(raw: Database, user: User) -> None:
    raw.activities.insert_one({"_id": 1, "userId": user.id})
    file = io.BytesIO()
    portability.export_user(user_id=user.id, file=file, advance=lambda count: None)
    for other in (1.0, Int64(1), Decimal128("1.0")):
        raw.activities.delete_many({})
        raw.activities.insert_one({"_id": other, "userId": ObjectId()})
        for dry_run in (True, False):
            result = imported(file, dry_run=dry_run)
            assert (result.inserted["activities"], result.differing["activities"]) == (0, 1)
