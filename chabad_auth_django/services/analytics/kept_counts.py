"""Remembers whose events were erased while their counts stayed: no import counts these twice.

A record in ``analytics_rollups`` has a hash of the user's id, how many events were erased, and the
exclusive or of their hashes. It tells whether a file holds exactly these, and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import bson
from bson import Int64, ObjectId
from bson.raw_bson import RawBSONDocument

from chabad_auth_django.db import connection
from chabad_auth_django.db.damaged import StoredDocument
from chabad_auth_django.exceptions import CountedAlready
from chabad_auth_django.hashing import keyed_hashes
from chabad_auth_django.models import AnalyticsDailyUser, AnalyticsRollup
from chabad_auth_django.models.rollup import ARCHIVED, KEYS
from chabad_auth_django.services.analytics.event_keys import LENIENT, event_key

#: The fields of a record that have the exclusive or.
_DIGEST = ("low", "high")


def note(*, events: Iterable[RawBSONDocument]) -> None:
    """Note events that are erased while their counts stay, in the caller's transaction."""
    by_owner: dict[ObjectId, list[RawBSONDocument]] = {}
    for event in events:
        if isinstance(owner := event.get("userId"), ObjectId):
            by_owner.setdefault(owner, []).append(event)
    for owner, owned in by_owner.items():
        AnalyticsRollup.collection().update_one(_key(owner), _change(owned, 1), upsert=True)


def note_archived(*, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note that counts of a user's archived events stay; only the files say which events."""
    for owner in {owner for row in rows if isinstance(owner := row.get("userId"), ObjectId)}:
        AnalyticsRollup.collection().update_one(
            _key(owner), {**_change([], 1), "$set": {"archived": True}}, upsert=True
        )


def take_back(*, user_id: ObjectId, events: Sequence[RawBSONDocument]) -> bool:
    """Note that events are stored again; tell whether their counts had stayed."""
    record = AnalyticsRollup.read(**_key(user_id))
    if record is None or not record["events"]:
        return False
    AnalyticsRollup.collection().update_one(_key(user_id), _change(_dated(events), -1))
    done = {**_key(user_id), "events": 0, "archived": {"$ne": True}}
    AnalyticsRollup.collection().delete_one(done)
    return True


def _is_anything_counted(user_id: ObjectId) -> bool:
    """Tell whether events of the user are counted here that are not stored."""
    return connection.supports_transactions() and (
        AnalyticsRollup.read(**_key(user_id)) is not None or bool(_archived_months(user_id))
    )


def check(*, user_id: ObjectId, rows: Iterable[RawBSONDocument]) -> None:
    """Raise ``CountedAlready`` unless all the events can be stored without being counted twice."""
    if not _is_anything_counted(user_id):
        return
    count, digest = _digest(rows)
    if not count:
        return
    check_not_archived(user_id=user_id)
    record = AnalyticsRollup.read(**_key(user_id))
    if record and (record["events"], [record[name] for name in _DIGEST]) != (count, digest):
        raise CountedAlready(
            "Events of this user were erased here and their counts have stayed. The file does not "
            "hold exactly these events, so some would be counted twice: import it without them."
        )


def check_not_archived(*, user_id: ObjectId) -> None:
    """Raise ``CountedAlready`` where events of the user are archived, of whatever time.

    Their times may have been corrected since.
    """
    if months := _archived_months(user_id):
        raise CountedAlready(
            f"Events of this user are archived ({', '.join(months)}). Those of the file may be "
            "among them, and be counted twice: bring them back before, or import it without events."
        )


def _digest(events: Iterable[RawBSONDocument]) -> tuple[int, list[Int64]]:
    """Return the number of events, and the exclusive or of their hashes."""
    count, digest = 0, [0] * len(_DIGEST)
    for event in _dated(events):
        count += 1
        hashed = sha256(bson.encode({"": event["_id"]}) + event_key(event, KEYS)).digest()
        for part in range(len(digest)):
            digest[part] ^= int.from_bytes(hashed[8 * part :][:8], "big", signed=True)
    return count, list(map(Int64, digest))


def _change(events: Iterable[RawBSONDocument], sign: int) -> dict[str, Any]:
    count, digest = _digest(events)
    changes = {name: {"xor": part} for name, part in zip(_DIGEST, digest, strict=True)}
    return {"$inc": {"events": sign * count}, "$bit": changes}


def _dated(events: Iterable[RawBSONDocument]) -> Iterator[RawBSONDocument]:
    """Yield the events that have a time; others are in no range, and not counted."""
    for event in events:
        read = StoredDocument(event.raw, LENIENT)
        if isinstance(read.get("timestamp"), datetime):
            yield read


def _archived_months(user_id: ObjectId) -> list[str]:
    rows = AnalyticsDailyUser.collection().find({"userId": user_id, "build": ARCHIVED}, {"day": 1})
    return sorted({f"{row['day']:%Y-%m}" for row in rows})


def _key(user_id: ObjectId) -> dict[str, str]:
    ids = ["erased:" + hashed for hashed in keyed_hashes(__name__, str(user_id))]
    # The record may be from before the secret key was changed.
    stored = AnalyticsRollup.read(_id={"$in": ids[1:]}) if ids[1:] else None
    return {"_id": stored["_id"] if stored else ids[0]}
