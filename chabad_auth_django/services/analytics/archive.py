"""Moving old Analytics events into files and back; the counts stay the same.

Each month gets an archive, and one more for late events. Its record in ``analytics_archives`` goes
through these states. After a crash the next run goes on from the state that it finds:

- ``writing``: the file is being written, verified and put on the disk; no event is touched. A run
  that finds this state takes the record over; the other run then fails.
- ``moving``: the events are removed in the order of the file. One transaction removes a batch,
  adds it to the ledger ``archived`` and notes in the record how many lines are done.
- ``archived``: all events are in the file.
- ``restoring``: the events are brought back in the order of the file; ``restored`` in the end.

An event that was changed or deleted after it was written to the file does not belong to the
archive. It is left as it is, and the number of its line is kept so that restoring leaves it out.
The line is kept and not the id, because an event whose timestamp is corrected while it is archived
can be in the file twice.

An event that would not come back byte by byte is left in the collection, and its id is told.
"""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import RAW, SIZE, by_size, id_key
from chabad_auth_django.db.damaged import StoredDocument
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import ArchiveError, ReplicaSetRequired, ValidationError
from chabad_auth_django.models import Analytics, AnalyticsArchive, AnalyticsArchiveExclusion, User
from chabad_auth_django.models.counting import FIRST
from chabad_auth_django.models.fields import now, to_utc
from chabad_auth_django.services.analytics import archive_files, ledger, rollups
from chabad_auth_django.services.analytics.archivable import Left, movable_events
from chabad_auth_django.services.analytics.event_keys import CODEC
from chabad_auth_django.services.lifecycle import deletion, purging

WRITING, MOVING, ARCHIVED = "writing", "moving", "archived"
RESTORING, RESTORED = "restoring", "restored"

#: Events are in the archive, at least some.
_MOVED = {"$in": [MOVING, ARCHIVED, RESTORING]}


@dataclass(frozen=True)
class Progress:
    """Events of a month that were moved, from or to the archive of that name.

    An event that was changed meanwhile, or whose user was erased, is not moved.
    """

    month: str
    name: str
    events: int


@dataclass(frozen=True)
class Planned:
    """The events of a month that would be moved."""

    month: str
    total: int


def plan(*, before: datetime) -> list[Planned]:
    """Return what ``archive`` would move; raise ``ValidationError`` as it does."""
    count = Analytics.collection().count_documents
    return [Planned(month, count(_in_month(month))) for month in _months(before)]


def plan_restore(*, month: str, folder: Path) -> list[Planned]:
    """Return what ``restore`` would bring back; raise ``ArchiveError`` as it does."""
    records = _restorable(month)
    for record in records:
        _check(record, folder)
    return [Planned(record["month"], record["moved"] - record["restored"]) for record in records]


def archive(*, before: datetime, folder: Path) -> Iterator[Progress | Left]:
    """Move the events of the months that end by ``before`` into files; yield after each batch.

    Goes on with what was left unfinished. What is left where it is comes as ``Left``. Raises
    ``ValidationError``, ``ArchiveError``, ``ReplicaSetRequired`` and ``OSError``.
    """
    _require_transactions()
    months = _months(before)
    folder.mkdir(parents=True, exist_ok=True)
    for record in list(_archives().find({"state": MOVING}).sort("_id")):
        yield from _move(record, folder)
    for month in months:
        left = Left(month)
        record_or_none = _write(month, folder, left)
        if record_or_none is not None:
            yield from _move(record_or_none, folder)
        if left.count:
            yield left


def restore(*, month: str, folder: Path) -> Iterator[Progress | Left]:
    """Bring the events of a month back from the files, or those of the archive of that name.

    Events of users who were erased since stay out. Goes on with what was left unfinished. Raises
    ``ArchiveError``, also when nothing of the month is archived, before anything is changed.
    """
    _require_transactions()
    records = _restorable(month)
    for record in records:
        _check(record, folder)
    for record in records:
        key = {"_id": record["_id"], "state": _MOVED}
        _archives().update_one(key, {"$set": {"state": RESTORING}})
        yield from _bring_back(record, folder)


def _restorable(month: str) -> list[dict[str, Any]]:
    wanted = {"state": _MOVED, "$or": [{"month": month}, {"name": month}]}
    records = list(_archives().find(wanted).sort("_id"))
    if not records:
        raise ArchiveError(f"Nothing of {month} is archived.")
    return records


def _write(month: str, folder: Path, left: Left) -> dict[str, Any] | None:
    """Return the record of an archive that is ready to be moved, if the month has events."""
    # Without a batch size the server would send 16 MB at a time.
    found = _raw_events().find(_in_month(month)).sort("timestamp", 1).batch_size(SIZE)
    movable = movable_events(found, left)
    first = next(movable, None)
    if first is None:
        return None
    name = f"analytics-{month}-{uuid.uuid4().hex[:8]}"
    archive_files.check_names(folder, name)
    record = _take_over(month, name, folder)
    events = chain([first], movable)
    try:
        manifest = archive_files.write(folder, name=name, month=month, events=events)
    except FileNotFoundError:
        raise ArchiveError(f"Another run has taken {month} over.") from None
    change = {
        "state": MOVING,
        "moved": 0,
        "restored": 0,
        "manifest": asdict(manifest),
        "events": manifest.events,
    }
    key = {"_id": record, "name": name, "state": WRITING}
    if not _archives().update_one(key, {"$set": change}).modified_count:
        archive_files.remove(folder, name)
        raise ArchiveError(f"Another run has taken {month} over.")
    return _archives().find_one({"_id": record})


def _take_over(month: str, name: str, folder: Path) -> Any:
    """Make the record of the month's next archive ours; remove what another run wrote for it."""
    mine = {"$set": {"name": name, "since": now()}}
    left = _archives().find_one_and_update({"month": month, "state": WRITING}, mine)
    if left is not None:
        archive_files.remove(folder, left["name"])
        return left["_id"]
    number = _archives().count_documents({"month": month}) + 1
    record = {"_id": f"{month}.{number}", "month": month, "state": WRITING, **mine["$set"]}
    try:
        _archives().insert_one(record)
    except DuplicateKeyError:
        return _take_over(month, name, folder)
    return record["_id"]


def _move(record: dict[str, Any], folder: Path) -> Iterator[Progress]:
    _check(record, folder)
    done = record["moved"]
    lines = archive_files.read(folder, record["name"], skip=done)
    for batch in by_size(lines, count=conf.PURGE_BATCH_SIZE, size=len):
        moved = _move_batch(record["_id"], done, batch)
        if moved is None:
            raise ArchiveError(f"Another run is at {record['name']}.")
        done += len(batch)
        # Counting reads the log, and should not have to read all this there.
        rollups.catch_up()
        yield Progress(record["month"], record["name"], moved)
    _archives().update_one(
        {"_id": record["_id"], "state": MOVING, "moved": record["events"]},
        {"$set": {"state": ARCHIVED}},
    )


@atomic
def _move_batch(record_id: Any, done: int, batch: list[bytes]) -> int | None:
    """Return how many events were moved; ``None``: another run is there."""
    key = {"_id": record_id, "state": MOVING, "moved": done}
    if not _archives().update_one(key, {"$inc": {"moved": len(batch)}}).modified_count:
        return None
    events = [StoredDocument(event, CODEC) for event in batch]
    wanted = {"_id": {"$in": [event["_id"] for event in events]}}
    stored = {id_key(row): row.raw for row in _raw_events().find(wanted)}
    # By id, so that of two equal lines only one is moved.
    moved = {
        key: index
        for index, key in enumerate(map(id_key, events))
        if stored.get(key) == batch[index]
    }
    others = set(range(len(batch))).difference(moved.values())
    if others:
        rows = [{"_id": _line(record_id, done + i)} for i in others]
        AnalyticsArchiveExclusion.collection().insert_many(rows)
    mine = [events[index] for index in moved.values()]
    ledger.add_archived(mine)
    Analytics.collection().delete_many({"_id": {"$in": [event["_id"] for event in mine]}})
    return len(mine)


def _bring_back(record: dict[str, Any], folder: Path) -> Iterator[Progress]:
    # What was not moved yet is still stored, and in this state no run moves events.
    moved = _archives().find_one({"_id": record["_id"]}) or record
    done, total = moved["restored"], moved["moved"]
    lines = islice(archive_files.read(folder, record["name"], skip=done), total - done)
    for batch in by_size(lines, count=conf.PURGE_BATCH_SIZE, size=len):
        restored = _restore_batch(record["_id"], done, batch)
        if restored is None:
            raise ArchiveError(f"Another run is at {record['name']}.")
        count, owners = restored
        # Check the users, as after every insert. The counts of deleted users are kept.
        for user_id in owners - User.existing_ids(owners):
            purging.purge_ownerless(user_id=user_id)
        done += len(batch)
        rollups.catch_up()
        yield Progress(record["month"], record["name"], count)
    _archives().update_one(
        {"_id": record["_id"], "state": RESTORING}, {"$set": {"state": RESTORED}}
    )


@atomic
def _restore_batch(
    record_id: Any, done: int, batch: list[bytes]
) -> tuple[int, set[ObjectId]] | None:
    """Return how many events came back, and whose; ``None``: another run is there."""
    key = {"_id": record_id, "state": RESTORING, "restored": done}
    if not _archives().update_one(key, {"$inc": {"restored": len(batch)}}).modified_count:
        return None
    lines = range(done, done + len(batch))
    keys = [_line(record_id, line) for line in lines]
    found = AnalyticsArchiveExclusion.collection().find({"_id": {"$in": keys}})
    excluded = {row["_id"]["line"] for row in found}
    archived = [
        StoredDocument(event, CODEC)
        for line, event in zip(lines, batch, strict=True)
        if line not in excluded
    ]
    mine, ownerless = ledger.split_archived(archived)
    wanted = {"_id": {"$in": [event["_id"] for event in mine]}}
    # Sent again after it was archived, an event is stored already.
    stored = {id_key(row) for row in _raw_events().find(wanted, {"_id": 1})}
    # Sent again and archived once more, it is here twice.
    missing = {id_key(event): event for event in mine if id_key(event) not in stored}
    if missing:
        _raw_events().insert_many(missing.values())
    ledger.add_archived(mine, sign=-1)
    ledger.make_archived_anonymous(ownerless)
    owners = {id for event in mine if isinstance(id := event.get("userId"), ObjectId)}
    deleted = owners - User.existing_ids(owners)
    # There are events of users who never existed; they come back as they were.
    return len(missing), owners - deleted | deletion.keep_open(user_ids=deleted)


def _raw_events() -> Collection[RawBSONDocument]:
    return Analytics.collection().with_options(codec_options=RAW)


def _line(record_id: Any, number: int) -> dict[str, Any]:
    return {"archive": record_id, "line": number}


def _check(record: dict[str, Any], folder: Path) -> None:
    archive_files.verify(folder, record["name"], expected=record["manifest"])


def _months(before: datetime) -> list[str]:
    before = to_utc(before)
    if before > now():
        raise ValidationError("Only events of the past can be archived.")
    end = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months: list[str] = []
    start = FIRST
    while time := rollups.first_time(start, end):
        months.append(time.isoformat()[: len("YYYY-MM")])
        start = _in_month(months[-1])["timestamp"]["$lt"]
    return months


def _in_month(month: str) -> dict[str, Any]:
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    year, index = divmod(start.year * 12 + start.month, 12)
    return {"timestamp": {"$gte": start, "$lt": start.replace(year=year, month=index + 1)}}


def _require_transactions() -> None:
    if not connection.supports_transactions():
        raise ReplicaSetRequired


def _archives() -> Collection[dict[str, Any]]:
    return AnalyticsArchive.collection()
