"""What an archive takes out of the database comes back byte by byte, or it is left and named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import (
    Binary,
    Code,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)
from bson.raw_bson import RawBSONDocument
from django.test import override_settings
from pymongo.database import Database
from support import oracle
from support.interleave import Pause, command
from support.management import run

from chabad_auth_django.db.batches import RAW
from chabad_auth_django.models import Analytics, User
from chabad_auth_django.services.analytics import archive, archive_files, counts, rollups
from chabad_auth_django.services.lifecycle import deletion

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, tzinfo=UTC)
COMMAND = "chabad_archive_analytics"


def element(name: str, value: Any) -> bytes:
    return bson.encode({name: value})[4:-1]


def document(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return (len(body) + 5).to_bytes(4, "little") + body + b"\0"


def nested(value: Any, depth: int = 100) -> Any:
    for _ in range(depth):
        value = {"a": value}
    return value


#: An event as other programs store it -> the fields that are odd.
COMES_BACK: dict[str, dict[str, Any]] = {
    "list of users": {"userId": [ObjectId(), "x"]},
    "user that is a text": {"userId": "somebody"},
    "user that is an object": {"userId": {"$oid": "x", "a": [1]}},
    "user that is null": {"userId": None},
    "user that never was": {"userId": ObjectId()},
    "key of a date": {"eventData": {"$date": "never", "x": 1}},
    "keys of numbers": {"eventData": {"$numberLong": "x"}, "x": {"$numberInt": "1"}},
    "key of a reference": {"eventData": {"$ref": "a", "$id": 1, "$db": "x", "more": 1}},
    "name that is an object": {"eventName": {"$date": 1}, "appId": {"$inc": [1]}},
    "name that is a list": {"eventName": ["a", {"b": None}]},
    "name that is a double": {"eventName": 1.0, "eventCategory": Int64(1)},
    "integers and doubles": {"eventData": [1, Int64(1), 1.0, -0.0, 2**31, 2**31 - 1, 1e300]},
    "no numbers": {"eventData": [float("nan"), float("inf"), Decimal128("NaN")]},
    "decimal": {"amount": Decimal128("1.50")},
    "bytes": {"eventData": [Binary(b"\xff", 128), Binary(bytes(16), 3), Binary(bytes(16), 4)]},
    "code and more": {"eventData": [Code("x"), Code("x", {"a": 1}), MinKey(), MaxKey()]},
    "reference": {"eventData": [DBRef("users", 1), Regex("a.*", "im"), Timestamp(1, 2)]},
    "far dates": {"eventData": [DatetimeMS(2**60), DatetimeMS(-(2**60))]},
    "nested a hundred times": {"eventData": nested(1)},
    "empty and dotted keys": {"": 1, "a.b": 2, "eventData": {"": {"": ""}}},
    "one long text": {"eventData": "x" * 2**20},
    "many small values": {"eventData": [{"a": number} for number in range(50_000)]},
    "no fields": {"eventName": None, "sessionId": None},
    **{
        f"id {number}": {"_id": id}
        for number, id in enumerate(
            [True, 1.5, Int64(7), "x", "", None, Decimal128("2.5"), float("nan"), Binary(b"x", 5)]
        )
    },
    "id of false": {"_id": False},
    "id of zero": {"_id": 0},
    "id that is an object": {"_id": {"a": [1, {"b": None}]}},
    "id that is a date": {"_id": JANUARY},
    "id that is the last": {"_id": MaxKey()},
}

BROKEN = bson.encode({"text": "abc"}).replace(b"abc", b"\xff\xfeb")

RAW_COMES_BACK = {
    "key twice in an object": element(
        "eventData", RawBSONDocument(document(*2 * [element("a", 1)]))
    ),
    "broken text in an object": element("eventData", RawBSONDocument(BROKEN)),
    "broken text in a name": element("eventName", RawBSONDocument(BROKEN)),
}

IS_LEFT = {
    "name twice": [element("eventName", "a"), element("eventName", "b")],
    "time twice": [element("timestamp", MARCH)],
    "broken text": [BROKEN[4:-1]],
    "zero timestamp": [element("time", Timestamp(1, 2))],
}


def event(*elements: bytes, id: Any, time: datetime) -> bytes:
    return document(element("_id", id), element("timestamp", time), *elements)


def content(raw: Database) -> set[bytes]:
    return {row.raw for row in raw.analytics.with_options(codec_options=RAW).find()}


def numbers() -> list[Any]:
    found = counts.get_event_counts(start=JANUARY, end=MARCH)
    return sorted(row["count"] for row in found)


def test_what_other_programs_stored_comes_back_byte_by_byte(
    raw: Database, user: User, tmp_path: Path
) -> None:
    usual = {"userId": user.id, "eventName": "x", "eventCategory": "custom"}
    for number, fields in enumerate(COMES_BACK.values()):
        time = JANUARY + number * timedelta(hours=5)
        raw.analytics.insert_one({"_id": f"event {number}", **usual, **fields, "timestamp": time})
    raw.analytics.insert_one({"_id": "nobody's", "timestamp": JANUARY})
    for name, odd in RAW_COMES_BACK.items():
        raw.analytics.insert_one(RawBSONDocument(event(odd, id=name, time=JANUARY)))
    before, expected = content(raw), numbers()
    assert sum(expected) == len(before)
    for roll_up in (False, True):
        if roll_up:
            list(rollups.run())
        result = run(COMMAND, "--before", "2025-02-01", "--to", tmp_path, "--json")
        assert (result.code, result.json["events"], result.json["left"]) == (0, len(before), {})
        assert raw.analytics.count_documents({}) == 0
        assert numbers() == expected
        assert run(COMMAND, "--restore", "2025-01", "--to", tmp_path).code == 0
        assert content(raw) == before
        assert numbers() == expected
        assert raw.analytics_daily.count_documents({"build": "archived"}) == 0
        assert raw.analytics_daily_users.count_documents({"build": "archived"}) == 0


def test_what_would_not_come_back_is_left_and_named_and_stops_nothing(
    raw: Database, user: User, tmp_path: Path
) -> None:
    for name, odd in IS_LEFT.items():
        raw.analytics.insert_one(RawBSONDocument(event(*odd, id=name, time=JANUARY)))
    raw.analytics.update_one({"_id": "zero timestamp"}, {"$set": {"time": Timestamp(0, 0)}})
    raw.analytics.insert_one({"_id": "times", "timestamp": [JANUARY, JANUARY]})
    odd = content(raw)
    raw.analytics.insert_many([{"timestamp": time} for time in (JANUARY, FEBRUARY)])
    before, expected = content(raw), numbers()
    for events in (2, 0):
        result = run(COMMAND, "--before", "2025-03-01", "--to", tmp_path, "--json")
        assert result.code == 1
        assert set(result.json["left"]["2025-01"]) == {*IS_LEFT, "times"}
        assert result.json["events"] == events
        assert (content(raw), numbers()) == (odd, expected)
    assert len(list(tmp_path.iterdir())) == 4
    for month in ("2025-01", "2025-02"):
        assert run(COMMAND, "--restore", month, "--to", tmp_path).code == 0
    assert (content(raw), numbers()) == (before, expected)


def test_ids_that_are_equal_in_python_are_two(raw: Database, tmp_path: Path) -> None:
    """The one of them that is changed during the move stays, and the other is moved."""
    raw.analytics.insert_many(
        [{"_id": id, "timestamp": JANUARY, "n": 1} for id in (True, 1, False, 0.0)]
    )
    steps = archive.archive(before=FEBRUARY, folder=tmp_path)
    write = archive_files.write
    with pytest.MonkeyPatch.context() as patch:

        def then_change(*args: Any, **kwargs: Any) -> Any:
            manifest = write(*args, **kwargs)
            raw.analytics.update_one({"_id": {"$eq": True}}, {"$set": {"n": 2}})
            raw.analytics.update_one({"_id": {"$eq": 0}}, {"$set": {"n": 2}})
            return manifest

        patch.setattr(archive_files, "write", then_change)
        list(steps)
    assert {repr(row["_id"]) for row in raw.analytics.find()} == {"True", "0.0"}
    list(archive.restore(month="2025-01", folder=tmp_path))
    assert {repr(row["_id"]): row["n"] for row in raw.analytics.find()} == {
        "True": 2,
        "1": 1,
        "False": 1,
        "0.0": 2,
    }


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("late", ["before", "between", "after"])
def test_a_restore_during_a_deletion_counts_nobody_for_ever(
    mongodb: str, raw: Database, user: User, tmp_path: Path, keep: bool, late: str
) -> None:
    """Whether it comes before the deletion's sweep, between its parts, or after them."""
    bob = User.create_user(email="bob@example.org")
    rows = [
        {
            "userId": owner.id,
            "eventName": f"event{number % 2}",
            "eventCategory": "custom",
            "timestamp": JANUARY + number * timedelta(hours=9),
        }
        for number in range(20)
        for owner in (user, bob)
    ]
    raw.analytics.insert_many(rows)
    list(rollups.run())
    list(archive.archive(before=FEBRUARY, folder=tmp_path))
    pause = Pause()
    settings = {
        "MONGODB_URI": mongodb,
        "ANALYTICS_KEEP_ANONYMOUS_COUNTS": keep,
        "DELETION_GRACE_SECONDS": 0,
        "PURGE_BATCH_SIZE": 3,
        "MONGODB_OPTIONS": {"event_listeners": [pause]},
    }

    def restore() -> None:
        list(archive.restore(month="2025-01", folder=tmp_path))

    with override_settings(CHABAD_AUTH=settings):
        deletion.delete_user(user_id=bob.id, seconds=0)
        if late == "before":
            restore()
        if late == "between":
            pause.before(command("find", "analytics_daily_users"), restore)
        list(deletion.run())
        assert pause.done or late != "between"
        if late == "after":
            restore()
        list(deletion.run())
        list(rollups.run())
    left = [row for row in rows if keep or row["userId"] == user.id]
    asked = {"start": JANUARY, "end": FEBRUARY}
    assert counts.get_event_counts(**asked) == oracle.counts(left, "eventName", "eventName")
    assert raw.analytics.distinct("userId") == [user.id]
    assert raw.analytics_daily_users.count_documents({"userId": bob.id}) == 0
    assert raw.deletions.count_documents({}) == 0


def test_a_batch_ends_by_its_bytes_too(raw: Database, tmp_path: Path) -> None:
    raw.analytics.insert_many([{"timestamp": JANUARY, "eventData": "x" * 2**20} for _ in range(9)])
    before = content(raw)
    steps = list(archive.archive(before=FEBRUARY, folder=tmp_path))
    assert [step.events for step in steps if isinstance(step, archive.Progress)] == [4, 4, 1]
    list(archive.restore(month="2025-01", folder=tmp_path))
    assert content(raw) == before


def test_an_erasure_meets_broken_names(raw: Database, user: User) -> None:
    list(rollups.run())
    broken = event(
        element("userId", user.id), BROKEN[4:-1].replace(b"text", b"appId"), id=1, time=JANUARY
    )
    raw.analytics.insert_one(RawBSONDocument(broken))
    Analytics.create_analytics(
        user_id=user.id, event_name="x", event_category="custom", timestamp=JANUARY
    )
    user.delete()
    assert (raw.analytics.count_documents({}), sum(numbers())) == (0, 2)


def test_several_timestamps_stop_no_roll_up(raw: Database, user: User) -> None:
    usual = {"userId": user.id, "eventName": "x"}
    times = [[JANUARY], [JANUARY, FEBRUARY], [FEBRUARY, "never"], JANUARY + timedelta(days=3)]
    raw.analytics.insert_many([{**usual, "timestamp": time} for time in times])
    assert [rolled.day.day for rolled in rollups.run()] == [4]
    assert list(rollups.run()) == []
