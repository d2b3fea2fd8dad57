"""Taking a user out into a file and into another database, byte by byte.

Sessions and idempotency keys stay: they are secrets of this installation. So do the roll-ups, which
the other one makes from the events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from bson import CodecOptions, ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError
from pymongo.read_preferences import ReadPreference

from chabad_auth_django import connection
from chabad_auth_django.exceptions import (
    AlreadyExists,
    DeletionOpen,
    DuplicateEmail,
    ExternalIdTaken,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import (
    Activity,
    Analytics,
    AppData,
    ExternalId,
    Preferences,
    Profile,
    User,
)
from chabad_auth_django.models.app_data import TOMBSTONES
from chabad_auth_django.models.base import DUPLICATE_KEY
from chabad_auth_django.services import deletion, user_files
from chabad_auth_django.services.batches import Advance
from chabad_auth_django.services.user_files import Content
from chabad_auth_django.transactions import atomic, write_concern

#: What a user is visible with: stored together, before all else.
CORE = ("users", "profiles", "preferences", "external_ids")

MODELS = (User, Profile, Preferences, ExternalId, AppData, Activity, Analytics)

#: Documents and bytes of one insert.
BATCH, BATCH_BYTES = 500, 4 * 2**20

#: Bytes of a piece of a stream.
PIECE = 64 * 1024

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)

Row = tuple[str, RawBSONDocument]


@dataclass(frozen=True)
class Imported:
    """What an import did, as documents per collection."""

    user_id: ObjectId
    inserted: dict[str, int]
    unchanged: dict[str, int]
    #: Documents that are here with other content, and were left so.
    differing: dict[str, int]


def count_documents(*, user_id: ObjectId) -> int:
    """Return how many documents an export of the user holds."""
    return sum(_collection(name).count_documents(query) for name, query in _sources(user_id))


def export_user(*, user_id: ObjectId, file: BinaryIO, advance: Advance) -> Content:
    """Write everything about the user; memory does not grow with the data.

    What is written meanwhile may be in the file or not. Raises ``UserNotFound``, with half a file
    written, when the user is deleted meanwhile.
    """
    writer = user_files.Writer(file, user_id=user_id)
    for _ in _write_documents(writer, user_id):
        advance(1)
    return writer.close()


def stream_user(*, user_id: ObjectId) -> Iterator[bytes]:
    """Yield the same file in pieces of at least ``PIECE`` bytes, the first one before any read.

    It is not whole, and says so, when an error ends it: ``UserNotFound``, or one of the driver.
    """
    buffer = BytesIO()
    writer = user_files.Writer(buffer, user_id=user_id)
    yield _drain(buffer)
    for _ in _write_documents(writer, user_id):
        if buffer.tell() >= PIECE:
            yield _drain(buffer)
    writer.close()
    yield _drain(buffer)


def import_user(
    *, file: BinaryIO, content: Content, advance: Advance, dry_run: bool = False
) -> Imported:
    """Store what the file holds and is not stored yet; nothing that is stored is changed.

    ``content`` is what ``check`` has returned. Running it again after an interruption goes on.
    Signals of the creation of a user are not sent. Raises ``DeletionOpen``, ``DuplicateEmail``,
    ``ExternalIdTaken``, and ``UserNotFound`` when the user is deleted meanwhile.
    """
    user_id = content.user_id
    if deletion.has_job(user_id=user_id):
        raise DeletionOpen
    outcome: dict[str, Counter[str]] = {
        "inserted": Counter(),
        "unchanged": Counter(),
        "differing": Counter(),
    }
    rest: Iterable[Row] = user_files.read(file)
    if User.read(_id=user_id) is None and not dry_run:
        core = [row for row in user_files.read(file) if row[0] in CORE]
        _insert_core(user_id, core)
        outcome["inserted"].update(name for name, _ in core)
        advance(len(core))
        rest = (row for row in user_files.read(file) if row[0] not in CORE)
    for batch in _batches(rest):
        _store(batch, outcome, dry_run)
        if not dry_run and User.read(_id=user_id) is None:
            deletion.purge(user_id=user_id)
            raise UserNotFound
        advance(len(batch))
    return Imported(user_id, **{name: dict(counts) for name, counts in outcome.items()})


def check(*, file: BinaryIO) -> Content:
    """Return what the file holds; raise ``ValidationError`` unless all of it is one user's."""
    content = user_files.check(file)
    names = {name for name, _ in _sources(content.user_id)}
    counts: Counter[str] = Counter()
    for name, document in user_files.read(file):
        if name not in names or _owner(name, document) != content.user_id:
            raise ValidationError("The file has a document that is not the user's.")
        counts[name] += 1
    if counts != content.counts or counts["users"] != 1:
        raise user_files.damaged()
    return content


def _write_documents(writer: user_files.Writer, user_id: ObjectId) -> Iterator[None]:
    """Write all documents; yield after each."""
    for name, query in _sources(user_id):
        # The server's own batches have 16 MB, which is a lot of small documents at once.
        for document in _collection(name).find(query, batch_size=BATCH):
            writer.write(name, bytes(document.raw))
            yield
    if User.read(_id=user_id) is None:
        raise UserNotFound


def _drain(buffer: BytesIO) -> bytes:
    piece = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return piece


def _sources(user_id: ObjectId) -> Iterator[tuple[str, dict[str, Any]]]:
    for model in MODELS:
        yield model.collection().name, {"_id" if model is User else "userId": user_id}
    yield TOMBSTONES, deletion.tombstones_of(user_id=user_id)


def _owner(name: str, document: RawBSONDocument) -> Any:
    if name == "users":
        return document.get("_id")
    owned = document.get("_id") if name == TOMBSTONES else document
    return owned.get("userId") if isinstance(owned, RawBSONDocument) else None


@atomic
def _insert_core(user_id: ObjectId, core: list[Row]) -> None:
    if not connection.supports_transactions():
        deletion.begin_creation(user_ids=[user_id])
    # The user comes last: without transactions it is the commit point.
    for name in reversed(CORE):
        documents = [document for owner, document in core if owner == name]
        try:
            if documents:
                _collection(name).insert_many(documents)
        except BulkWriteError as error:
            if error.details["writeErrors"][0]["code"] != DUPLICATE_KEY:
                raise
            errors = {"users": DuplicateEmail, "external_ids": ExternalIdTaken}
            raise errors.get(name, AlreadyExists) from error


def _store(batch: list[Row], outcome: dict[str, Counter[str]], dry_run: bool) -> None:
    for name in dict(batch):
        documents = {_key(row): row for owner, row in batch if owner == name}
        collection = _collection(name)
        ids = [row["_id"] for row in documents.values()]
        stored = {_key(row): row.raw for row in collection.find({"_id": {"$in": ids}})}
        new = [row for key, row in documents.items() if key not in stored]
        same = sum(documents[key].raw == raw for key, raw in stored.items())
        taken = 0
        if new and not dry_run:
            try:
                collection.insert_many(new, ordered=False)
            except BulkWriteError as error:
                failures = error.details["writeErrors"]
                if any(failure["code"] != DUPLICATE_KEY for failure in failures):
                    raise
                taken = len(failures)
        outcome["inserted"][name] += len(new) - taken
        outcome["unchanged"][name] += same
        outcome["differing"][name] += len(stored) - same + taken


def _key(document: RawBSONDocument) -> Any:
    key = document["_id"]
    return key.raw if isinstance(key, RawBSONDocument) else key


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row[1].raw)
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _collection(name: str) -> Collection[RawBSONDocument]:
    collection: Collection[Any] = connection.get_database()[name]
    return collection.with_options(
        codec_options=_RAW, read_preference=ReadPreference.PRIMARY, write_concern=write_concern()
    )
