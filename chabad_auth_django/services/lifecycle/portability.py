"""Exporting a user into a file, and importing it into another database, byte by byte.

Sessions and idempotency keys are not exported, because they are secrets of this installation, nor
are the roll-ups, which the other installation makes from the events.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError

from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import RAW, Advance, by_size, id_key
from chabad_auth_django.db.criteria import one_of
from chabad_auth_django.db.errors import duplicates
from chabad_auth_django.db.transactions import atomic, retry_transaction
from chabad_auth_django.exceptions import (
    AlreadyExists,
    DeletionOpen,
    DuplicateEmail,
    ExternalIdTaken,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import (
    Analytics,
    AppData,
    AppDataTombstone,
    Deletion,
    ExternalId,
    User,
)
from chabad_auth_django.models.app_data_criteria import KEY
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.personal import PersonalDocument
from chabad_auth_django.services.identity import audit, external_ids
from chabad_auth_django.services.lifecycle import creation, deletion, export_file, purging
from chabad_auth_django.services.lifecycle.export_file import Content
from chabad_auth_django.validators import INT64_MAX

#: Documents of one insert.
BATCH = 500

#: Bytes of a piece of a stream.
PIECE = 64 * 1024

Model = type[PersonalDocument]
Row = tuple[Model, RawBSONDocument]


@dataclass(frozen=True)
class Imported:
    """What an import did, as documents per collection."""

    user_id: ObjectId
    inserted: dict[str, int]
    unchanged: dict[str, int]
    #: Documents whose id or key is here with other content, which was left so.
    differing: dict[str, int]


def count_documents(*, user_id: ObjectId) -> int:
    """Return how many documents an export of the user holds."""
    models = exported().values()
    return sum(model.collection().count_documents(model.owned_by([user_id])) for model in models)


def exported() -> dict[str, Model]:
    """Return the Documents of an export by the names of their collections, the user's first."""
    models: list[Model] = [User, *OwnedDocument.registered()]
    return {model.collection().name: model for model in models if model.exported}


def export_user(*, user_id: ObjectId, file: BinaryIO, advance: Advance) -> Content:
    """Write everything about the user; memory does not grow with the data.

    What is stored during the export may be in the file or not. Raises ``UserNotFound``, with half a
    file written, when the user is deleted during the export.
    """
    audit.record(action="user.export", user_id=user_id)
    writer = export_file.Writer(file, user_id=user_id)
    for _ in _write_documents(writer, user_id):
        advance(1)
    return writer.close()


def stream_user(*, user_id: ObjectId) -> Iterator[bytes]:
    """Yield the same file in pieces of at least ``PIECE`` bytes, the first one before any read.

    If an error ends it, ``UserNotFound`` or one of the driver, the file lacks its last line.
    """
    buffer = BytesIO()
    writer = export_file.Writer(buffer, user_id=user_id)
    yield _drain(buffer)
    for _ in _write_documents(writer, user_id):
        if buffer.tell() >= PIECE:
            yield _drain(buffer)
    writer.close()
    yield _drain(buffer)


def import_user(
    *,
    file: BinaryIO,
    content: Content,
    advance: Advance,
    dry_run: bool = False,
    with_analytics: bool = True,
) -> Imported:
    """Store what the file holds and is not stored yet; nothing that is stored is changed.

    ``content`` is what ``check`` has returned. Run it again after an interruption. A stored user
    gets no identities. App data with a version that a deleted key has used here gets the next one.
    No signals of a creation are sent. Without ``with_analytics`` these events are left out. Raises
    ``CountedAlready`` where they would be counted twice, ``DeletionOpen``, ``DuplicateEmail``,
    ``ExternalIdTaken``, and ``UserNotFound`` when the user is deleted before the end.
    """
    user_id = content.user_id
    if Deletion.ids_with_job([user_id]):
        raise DeletionOpen
    outcome = {kind: Counter[str]() for kind in ("inserted", "unchanged", "differing")}
    models = {exported()[name] for name in content.counts}
    if not with_analytics:
        models.discard(Analytics)
    for model in models:
        model.check_import(user_id=user_id, rows=_new_rows(file, model))
    # These are stored together: nobody sees a user without them.
    whole = {model for model in models if getattr(model, "with_user", model is User)}
    core = [] if User.existing_ids([user_id]) else list(_read(file, whole))
    try:
        if core:
            _check_core(core) if dry_run else _insert_core(user_id, core)
    except AlreadyExists:  # Another import of the file may have stored it.
        if not User.existing_ids([user_id]):
            raise
        core = []
    outcome["inserted"].update(model.collection().name for model, _ in core)
    advance(len(core))
    models -= set(dict(core))
    if not core and not dry_run:
        audit.record(action="user.import", user_id=user_id)
    for batch in _batches(_in_order(file, models)):
        _store(batch, outcome, dry_run)
        if not dry_run and not User.existing_ids([user_id]):
            purging.purge_ownerless(user_id=user_id)
            raise UserNotFound
        advance(len(batch))
    return Imported(user_id, **{name: dict(counts) for name, counts in outcome.items()})


def check(*, file: BinaryIO) -> Content:
    """Return what the file holds; raise ``ValidationError`` unless each document is of one user."""
    content = export_file.check(file)
    models = exported()
    counts: Counter[str] = Counter()
    for name, document in export_file.read(file):
        owner = models[name].owner_of(document) if name in models else None
        if content.user_id not in (owner if isinstance(owner, list) else [owner]):
            raise ValidationError("The file has a document that is not the user's.")
        counts[name] += 1
    if counts != content.counts or counts["users"] != 1:
        raise export_file.damaged()
    return content


def _write_documents(writer: export_file.Writer, user_id: ObjectId) -> Iterator[None]:
    """Write all documents; yield after each."""
    for name, model in exported().items():
        query = model.owned_by([user_id])
        # The server's own batches have 16 MB, which is a lot of small documents at once.
        for document in model.collection_as(RAW).find(query, batch_size=BATCH):
            writer.write(name, bytes(document.raw))
            yield
    if not User.existing_ids([user_id]):
        raise UserNotFound


def _drain(buffer: BytesIO) -> bytes:
    piece = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return piece


def _in_order(file: BinaryIO, models: Collection[Model]) -> Iterator[Row]:
    for first in (True, False):
        if chosen := [model for model in models if model.imported_first is first]:
            yield from _read(file, chosen)


def _read(file: BinaryIO, models: Collection[Model]) -> Iterator[Row]:
    by_name = {model.collection().name: model for model in models}
    for name, document in export_file.read(file):
        if name in by_name:
            yield by_name[name], document


def _check_core(core: list[Row]) -> None:
    """Raise what ``_insert_core`` would."""
    for model, documents in _core_documents(core):
        if _store_rows(model, documents, True, is_new=True)["inserted"] < len(documents):
            raise _taken(model)


@atomic
def _insert_core(user_id: ObjectId, core: list[Row]) -> None:
    audit.record(action="user.import", user_id=user_id)
    if connection.supports_transactions():
        deletion.check_no_job(user_id=user_id)
    else:
        deletion.begin_creation(user_ids=[user_id])
    for model, documents in _core_documents(core):
        if model is User:
            external_ids.claim_fields(items=external_ids.fields_of(stored=documents[0]))
        try:
            model.collection().insert_many(documents)
        except BulkWriteError as error:
            duplicates(error)
            raise _taken(model) from error


def _core_documents(core: list[Row]) -> Iterator[tuple[Model, list[RawBSONDocument]]]:
    # The user comes last: without transactions it is the commit point.
    for model in sorted(dict(core), key=lambda model: model is User):
        documents = [document for owner, document in core if owner is model]
        if model is User:
            creation.check_stored_is_free(stored=documents[0])
        yield model, documents


def _taken(model: Model) -> AlreadyExists:
    orphan = f"{model.collection().name} has an orphan of this user: run chabad_check_integrity."
    return {User: DuplicateEmail(), ExternalId: ExternalIdTaken()}.get(model, AlreadyExists(orphan))


def _store(batch: list[Row], outcome: dict[str, Counter[str]], dry_run: bool) -> None:
    for model in dict(batch):
        rows = [row for owner, row in batch if owner is model]
        # A key that comes and goes meanwhile, or an archive, makes a transaction conflict.
        store = atomic(_store_rows) if model in (AppData, Analytics) else _store_rows
        for kind, count in store(model, rows, dry_run).items():
            outcome[kind][model.collection().name] += count


def _store_rows(
    model: Model, rows: list[RawBSONDocument], dry_run: bool, *, is_new: bool = False
) -> dict[str, int]:
    """Insert what is not stored, and count. ``is_new`` tells that the user is not stored."""
    if model is AppData:
        rows = _with_new_versions(rows)
    documents = {id_key(row): row for row in rows}
    stored = _stored(model, rows)
    unchanged = sum(documents[key].raw == raw for key, raw in stored.items())
    new = _insertable(model, [row for key, row in documents.items() if key not in stored])
    if model in (User, ExternalId) and not is_new:
        # Deleted since, with all of these; or taken from the user, which no old file may undo.
        new = []
    model.note_import(rows=new, dry_run=dry_run)
    counts = {"inserted": len(new) if dry_run else _insert(model, new), "unchanged": unchanged}
    return {**counts, "differing": len(documents) - sum(counts.values())}


def _stored(model: Model, rows: Iterable[RawBSONDocument]) -> dict[Any, Any]:
    """Return the bytes of the documents that are stored under the ids of the rows."""
    wanted = {"_id": {"$in": [row["_id"] for row in rows]}}
    return {id_key(row): row.raw for row in model.collection_as(RAW).find(wanted)}


def _new_rows(file: BinaryIO, model: Model) -> Iterator[RawBSONDocument]:
    """Yield the documents of the file that are not stored."""
    for batch in _batches(_read(file, [model])):
        rows = {id_key(row): row for _, row in batch}
        stored = _stored(model, rows.values())
        yield from (row for key, row in rows.items() if key not in stored)


def _with_new_versions(rows: list[RawBSONDocument]) -> list[RawBSONDocument]:
    # An import brings the value of a deleted key back; a client may still hold its version.
    ids = [RawBSONDocument(_unique_key(KEY, row)) for row in rows]
    found = AppDataTombstone.collection_as(RAW).find({"_id": {"$in": ids}})
    last = {_key(row): row.get("version") for row in found}
    return [_above(last.get(id.raw), row) for id, row in zip(ids, rows, strict=True)]


def _above(last: Any, row: RawBSONDocument) -> RawBSONDocument:
    if not _is_used(row.get("version"), last) or last == INT64_MAX:
        return row
    return RawBSONDocument(bson.encode({**row, "version": last + 1}), RAW)


def _is_used(version: Any, last: Any) -> bool:
    return isinstance(version, int) and isinstance(last, int) and version <= last


def _insertable(model: Model, rows: list[RawBSONDocument]) -> list[RawBSONDocument]:
    """Leave out what another document has a unique key of, and what would make it invalid."""
    if model is AppDataTombstone:
        stored = _by_unique_key(AppData, KEY, [row["_id"] for row in rows])
        live = {key: row.get("version") for key, row in stored.items()}
        # What is stored is left as it is, so its version must not become one that was used.
        return [row for row in rows if not _is_used(live.get(_key(row)), row.get("version"))]
    for fields in model.unique_keys():
        taken = _by_unique_key(model, fields, rows)
        first = {_unique_key(fields, row): row for row in reversed(rows)}
        rows = [row for key, row in first.items() if key not in taken]
    return rows


def _by_unique_key(
    model: Model, fields: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> dict[bytes, RawBSONDocument]:
    """Return the stored documents with the unique keys of the rows: key and version of each."""
    wanted = {_unique_key(fields, row) for row in rows}
    # It finds others too, but the server takes seconds to plan an "$or" of all keys.
    query = {"$and": [one_of(field, [row.get(field) for row in rows]) for field in fields]}
    columns = dict.fromkeys((*fields, "version"), 1)
    found = model.collection_as(RAW).find(query, columns, batch_size=BATCH)
    return {key: row for row in found if (key := _unique_key(fields, row)) in wanted}


def _unique_key(fields: Sequence[str], row: Mapping[str, Any]) -> bytes:
    return bson.encode({field: row.get(field) for field in fields})


def _insert(model: Model, rows: list[RawBSONDocument]) -> int:
    """Insert what is not there; return how many documents that were."""
    try:
        if rows:
            model.collection().insert_many(rows, ordered=False)
    except BulkWriteError as error:
        failures = duplicates(error)
        retry_transaction(error)
        return len(rows) - len(failures)
    return len(rows)


def _key(document: RawBSONDocument) -> Any:
    """Return the bytes of an id that is an object."""
    key = document["_id"]
    return key.raw if isinstance(key, RawBSONDocument) else key


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    return by_size(rows, count=BATCH, size=lambda row: len(row[1].raw))
