"""Storing and listing events of clients."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson
from bson import ObjectId
from pymongo.errors import BulkWriteError

from chabad_auth_django import journal
from chabad_auth_django.conf import conf
from chabad_auth_django.db.errors import duplicates
from chabad_auth_django.db.expressions import VERSION_KEY
from chabad_auth_django.db.pages import PageQuery, Position
from chabad_auth_django.db.transactions import in_transaction, on_commit, retry_transaction
from chabad_auth_django.exceptions import Reason, ValidationError
from chabad_auth_django.models import Activity, Analytics
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.models.event import CLOCK_SKEW, Event
from chabad_auth_django.models.fields import now, to_utc
from chabad_auth_django.validators import (
    json_limits,
    unknown_names,
    validate_json,
    validate_new_name,
)

#: The most events in one batch of the API, and in one insert.
MAX_BATCH = 1000

_COMMON = frozenset(("appId", "sessionId", "eventData", "timestamp", "sentAt", "messageId"))
_FIELDS: dict[type[Event], frozenset[str]] = {
    Activity: _COMMON | {"eventType", "metadata"},
    Analytics: _COMMON | {"eventName", "eventCategory"},
}
_REQUIRED = {Activity: ("eventType",), Analytics: ("eventName", "eventCategory")}

#: The times that an id has room for.
_EARLIEST, _TOO_LATE = datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 2, 7, tzinfo=UTC)
#: Other programs can store later times, which Python cannot.
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Rejected:
    """An event of a batch that was not stored, by its index."""

    index: int
    code: str
    detail: str
    errors: dict[str, Any]


@dataclass(frozen=True)
class Ingested:
    """What became of a batch; ``ids`` has the id of each event that is stored now, in order."""

    ids: list[ObjectId]
    accepted: int
    duplicates: int
    rejected: list[Rejected]


def ingest(
    *,
    model: type[Event],
    user_id: ObjectId,
    events: Sequence[Any],
    lifetime: timedelta | None = None,
) -> Ingested:
    """Store the good events of a batch and say what is wrong with the others.

    An event with a client timestamp or a ``messageId`` has an id that is derived from it, so the
    same event sent again is a duplicate that changes nothing; of a ``messageId`` the first stays.
    Two equal events without one are two, so all that one request brings must come in one call.
    ``sentAt``, the client's clock at sending, corrects its timestamp and is no part of the id.
    With ``lifetime`` each event has ``expiresAt``, which an app that uses it must see to. One
    validation pass, an insert for each ``MAX_BATCH`` of them and one check of the user. An outage
    in between leaves the first ones stored; the same batch stores none of them again, and comes to
    the others in less time. Raises ``UserNotFound``.
    """
    batch = _Batch(model, user_id)
    documents: list[dict[str, Any]] = []
    rejected: list[Rejected] = []
    for index, event in enumerate(events):
        try:
            documents.append(batch.document(event))
        except ValidationError as error:
            rejected.append(Rejected(index, error.code, error.detail, error.errors))
    if lifetime is not None:
        documents = [{**item, "expiresAt": item["timestamp"] + lifetime} for item in documents]
    ids = [document["_id"] for document in documents]
    slices = [documents[start : start + MAX_BATCH] for start in range(0, len(ids), MAX_BATCH)]
    accepted, has_duplicates = 0, False
    for part in slices:
        inserted = len(_insert(model, part, look=has_duplicates))
        has_duplicates = inserted < len(part)
        accepted += inserted
    # Duplicates too: the process that stored them may be about to remove them.
    if ids:
        owners = dict.fromkeys(ids, user_id)
        on_commit(lambda: model.take_back_if_gone(owners), robust=False)
    found = Ingested(ids, accepted, len(ids) - accepted, rejected)
    _count(model, accepted=found.accepted, duplicate=found.duplicates, rejected=len(rejected))
    return found


def store_event(*, model: type[Event], user_id: ObjectId, event: Any) -> dict[str, Any]:
    """Store one event, or find that it is stored; return it as it is stored.

    Raises ``ValidationError`` and ``UserNotFound``.
    """
    document = _Batch(model, user_id).document(event)
    is_new = bool(_insert(model, [document]))
    _count(model, accepted=is_new, duplicate=not is_new)
    if not is_new:
        document = model.read(_id=document["_id"], userId=document["userId"]) or document
    ids = {document["_id"]: user_id}
    # A duplicate too: the process that stored it may be about to remove it.
    on_commit(lambda: model.take_back_if_gone(ids), robust=False)
    return document


def list_events(
    *,
    model: type[Event],
    limit: int = 100,
    position: Position | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    **criteria: Any,
) -> PageQuery:
    """Return a page of events with ``since <= timestamp < until``, newest first.

    ``criteria`` are stored fields and their values; those that are ``None`` do not count. Expired
    activities do not appear, although the server removes them only once a minute.
    """
    query = {name: value for name, value in criteria.items() if value is not None}
    oldest = model.oldest()
    query["timestamp"] = {"$gte": max(since or oldest, oldest), "$lt": until or _LATEST}
    return PageQuery(
        model.collection(),
        query,
        field="timestamp",
        descending=True,
        limit=limit,
        position=position,
    )


def _count(model: type[Event], **results: int) -> None:
    collection = model.collection().name
    for result, amount in results.items():
        if amount:
            journal.count("events", amount, collection=collection, result=result)


class _Batch:
    """Makes the documents of one user's events, by the settings and the time of its start."""

    def __init__(self, model: type[Event], user_id: ObjectId) -> None:
        self._user_id = user_id
        self._required = _REQUIRED[model]
        self._received = now()
        self._earliest = max(model.oldest(), _EARLIEST)
        self._latest = self._received + CLOCK_SKEW
        self._default_app_id = conf.DEFAULT_APP_ID
        self._owner = f"{model.__name__} {user_id} ".encode()
        self._seen: dict[bytes, int] = {}
        #: Field of an event -> what returns the value to store for the one that was sent.
        readers: dict[str, Callable[[Any], Any]] = {
            "eventCategory": _category,
            "timestamp": parse_clock,
            "sentAt": parse_clock,
            "eventData": _object_reader(conf.EVENT_DATA_MAX_BYTES),
            "metadata": _object_reader(conf.METADATA_MAX_BYTES),
        }
        self._readers = {name: readers.get(name, validate_new_name) for name in _FIELDS[model]}

    def document(self, event: Any) -> dict[str, Any]:
        """Return what is to be stored for the event; raise ``ValidationError``."""
        if not isinstance(event, Mapping):
            raise ValidationError("An event is an object.")
        fields: dict[str, Any] = {}
        errors: dict[str, str] = {}
        if unknown := [name for name in event if name not in self._readers]:
            raise ValidationError(errors=unknown_names(unknown))
        for name, value in event.items():
            try:
                if value is not None:
                    fields[name] = self._readers[name](value)
            except ValidationError as error:
                errors[name] = error.detail
        for name in self._required:
            if event.get(name) is None:
                errors[name] = Reason("Required.", "required")
        time = fields.get("timestamp", self._received)
        if (sent_at := fields.pop("sentAt", None)) and "timestamp" in fields:
            # How far the client's clock is behind ours.
            time += self._received - sent_at
        if time > self._latest:
            errors["timestamp"] = Reason("The time is in the future.", "in_the_future")
        elif time < self._earliest:
            errors["timestamp"] = Reason(
                "The time is so long ago that the event has expired.", "expired"
            )
        if errors:
            raise ValidationError(errors=errors)
        id = self._derive_id(fields, fields.pop("messageId", None))
        # It is no part of the id: the same event is the same with another default.
        if self._default_app_id is not None:
            fields.setdefault("appId", self._default_app_id)
        owner = {"_id": id, "userId": self._user_id}
        return {**owner, **fields, "timestamp": time, VERSION_KEY: 0}

    def _derive_id(self, fields: Mapping[str, Any], message_id: str | None) -> ObjectId:
        # From the client's own time: what it is corrected by differs each time the event is sent.
        if message_id is not None:
            # Whatever else the client sends with it, a time too: a message id names one message.
            return ObjectId(blake2b(self._owner + message_id.encode(), digest_size=12).digest())
        time = fields.get("timestamp")
        if time is None:
            return ObjectId()
        content = self._owner + orjson.dumps(fields, default=str, option=orjson.OPT_SORT_KEYS)
        tail = blake2b(content, digest_size=8).digest()
        ordinal = self._seen.get(tail, 0)
        self._seen[tail] = ordinal + 1
        if ordinal:
            tail = blake2b(content + ordinal.to_bytes(4), digest_size=8).digest()
        return ObjectId(int(time.timestamp()).to_bytes(4) + tail)


def parse_clock(value: Any) -> datetime:
    """Return a time that a client's clock may show, however wrong it is."""
    time = parse_time(value)
    if not _EARLIEST <= time < _TOO_LATE:
        raise ValidationError(Reason("Expected a time in the years 1970 to 2105.", "invalid_time"))
    return time


def _category(value: Any) -> Any:
    if value not in EVENT_CATEGORIES:
        raise ValidationError(
            Reason("Expected one of {names}.", "invalid_choice", names=", ".join(EVENT_CATEGORIES))
        )
    return value


def _object_reader(max_bytes: int) -> Callable[[Any], Any]:
    limits = json_limits()

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(Reason("Expected an object.", "not_an_object"))
        validate_json(value, max_bytes=max_bytes, limits=limits)
        return value

    return read


def parse_time(value: Any) -> datetime:
    """Return a time in ISO 8601 as UTC with milliseconds; raise ``ValidationError``."""
    if isinstance(value, str):
        try:
            return to_utc(datetime.fromisoformat(value))
        except (ValueError, OverflowError):
            pass
    raise ValidationError(
        Reason("Expected a time in ISO 8601, such as 2026-01-31T12:00:00.000Z.", "invalid_time")
    )


def _insert(
    model: type[Event], documents: list[dict[str, Any]], *, look: bool = False
) -> list[ObjectId]:
    """Insert what is not stored yet; return the ids of what was inserted.

    ``look`` looks before. That takes MongoDB a tenth of the time of refusing many duplicates.
    """
    # Reversed twice: of several with one id the first stays.
    unique = {document["_id"]: document for document in reversed(documents)}
    documents = list(reversed(unique.values()))
    if look or in_transaction():
        # In a transaction a duplicate key would undo everything.
        owners = {document["userId"] for document in documents}
        wanted = {"_id": {"$in": list(unique)}, "userId": {"$in": list(owners)}}
        # One batch, one command.
        found = model.collection().find(wanted, {"_id": 1}, batch_size=len(documents) + 1)
        stored = {row["_id"] for row in found}
        documents = [document for document in documents if document["_id"] not in stored]
    if not documents:
        return []
    try:
        model.collection().insert_many(documents, ordered=False)
    except BulkWriteError as error:
        failed = {failure["index"] for failure in duplicates(error)}
        retry_transaction(error)
        documents = [row for index, row in enumerate(documents) if index not in failed]
    return [document["_id"] for document in documents]
