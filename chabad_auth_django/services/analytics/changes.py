"""Which days of the collection ``analytics`` changed, by MongoDB's own log of changes.

A change stream shows every change that a majority has: inserts of this package and of Mongoose
programs, late events, corrections and purges. So writers do not have to report their changes.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast
from weakref import ReferenceType, ref

from bson import Timestamp
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure, WTimeoutError
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db import connection
from chabad_auth_django.models import Analytics
from chabad_auth_django.models.counting import DAY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MILLISECONDS = 86_400_000

#: The log does not reach back that far; the collection was dropped or renamed; and the like.
_LOST = frozenset((136, 260, 280, 286))

#: Seconds for which no majority may follow the primary.
STANDSTILL_TIMEOUT = 10


def server_time() -> Timestamp:
    """Return a moment of the server's log that is not before any write acknowledged by now."""
    client = connection.get_client()
    with client.start_session() as session:
        client.admin.command("ping", session=session, read_preference=ReadPreference.PRIMARY)
        return session_time(session)


def session_time(session: ClientSession) -> Timestamp:
    """Return the moment of the log as of which the session has read or written last."""
    return cast(Timestamp, session.operation_time)


def keep_pre_images() -> bool:
    """Let the server log which day a deleted or corrected event was in; tell whether it can.

    It takes the right to ``collMod``. Inserts do not get slower by it.
    """
    database = connection.get_database()
    name = Analytics.collection().name
    try:
        if not list(database.list_collections(filter={"name": name})):
            database.create_collection(name)
        database.command("collMod", name, changeStreamPreAndPostImages={"enabled": True})
    except OperationFailure:
        return False
    return True


@dataclass(frozen=True)
class _Known:
    """What this process has read of the log, so that it reads nothing twice."""

    client: ReferenceType[Any]
    question: tuple[Timestamp, bool, datetime | None]
    until: Timestamp
    latest: Mapping[datetime, Timestamp]

    #: More days than that are not kept.
    MAX_DAYS: ClassVar = 10_000


_known: _Known | None = None


def changed_days(
    *, since: Timestamp, until: Timestamp, pre_images: bool, before: datetime | None = None
) -> Mapping[datetime, Timestamp] | None:
    """Return the days that changed from ``since`` to ``until``, with the time of the last change.

    Inserts with a timestamp from ``before`` on are left out; later changes may be there too.
    ``None``: the log cannot tell, and any day may have changed. Raises ``WTimeoutError`` where no
    majority of the replica set follows the primary.
    """
    global _known
    if since > until:
        # A restored dump is of another server, whose clock was ahead of this one's.
        return None
    client, question = connection.get_client(), (since, pre_images, before)
    known = _known
    if known is None or known.client() is not client or known.question != question:
        known = _Known(ref(client), question, since, {})
    elif until <= known.until:
        return known.latest
    try:
        known = _read_on(known, until)
    except OperationFailure as error:
        if error.code not in _LOST:
            raise
        return None
    if known is None:
        return None
    if len(known.latest) <= known.MAX_DAYS:
        _known = known
    return known.latest


def _read_on(known: _Known, until: Timestamp) -> _Known | None:
    _, pre_images, before = known.question
    latest = dict(known.latest)
    with Analytics.collection().watch(
        _pipeline(before),
        full_document_before_change="whenAvailable" if pre_images else None,
        start_at_operation_time=known.until,
        max_await_time_ms=1,
    ) as stream:
        # An empty first batch tells already how far it was read.
        token, moved_at = stream.resume_token, time.monotonic()
        while token is None or _time(token) < until:
            change = stream.try_next()
            if change is None:
                last, token = token, stream.resume_token
                if token != last:
                    moved_at = time.monotonic()
                elif time.monotonic() - moved_at > STANDSTILL_TIMEOUT:
                    raise WTimeoutError("no majority of the replica set follows the primary")
                continue
            days = _days(change)
            if days is None:
                return None
            latest |= dict.fromkeys(days, change["clusterTime"])
        return replace(known, until=_time(token), latest=latest)


def _pipeline(before: datetime | None) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = []
    if before is not None:
        late = {"fullDocument.timestamp": {"$lt": before}}
        stages = [{"$match": {"$or": [{"operationType": {"$ne": "insert"}}, late]}}]
    # As numbers: a date that Python cannot hold must not break the stream.
    now_in = {"$ifNull": ["$fullDocument.timestamp", "$updateDescription.updatedFields.timestamp"]}
    shape = {
        "operationType": 1,
        "clusterTime": 1,
        "hasPreImage": {"$gt": ["$fullDocumentBeforeChange", None]},
        "was": _day_number("$fullDocumentBeforeChange.timestamp"),
        "is": _day_number(now_in),
    }
    return [*stages, {"$project": shape}]


def _day_number(time: Any) -> dict[str, Any]:
    number = {"$floor": {"$divide": [{"$toLong": time}, _DAY_MILLISECONDS]}}
    return {"$cond": [{"$eq": [{"$type": time}, "date"]}, number, None]}


def _days(change: Mapping[str, Any]) -> list[datetime] | None:
    """Return the days that the change touches, ``None`` when that is unknown."""
    if change["operationType"] != "insert" and not (
        change["operationType"] in ("update", "replace", "delete") and change["hasPreImage"]
    ):
        return None
    days = []
    for number in {change["was"], change["is"]} - {None}:
        try:
            days.append(_EPOCH + number * DAY)
        except OverflowError:
            # Outside of the years 1 to 9999, for which nobody can ask.
            continue
    return days


def _time(token: Mapping[str, Any]) -> Timestamp:
    """Return how far the stream has read: its resume token begins with a BSON timestamp."""
    data = token["_data"]
    if not data.startswith("82"):
        raise ValueError("The server's resume token has an unknown format.")
    return Timestamp(int(data[2:10], 16), int(data[10:18], 16))
