"""Counts of events that are no longer stored: archived ones, and those of erased users.

The transaction that removes events, or brings them back, writes their counts too. So the events and
the ledgers together are complete at every moment, even if a process is killed.

- ``archived``: the counts of archived events, which ``services.analytics.archive`` adds up, in both
  collections.
- ``erased``: what the erasure of one user changes. Each erasure has its own rows, so that it
  waits for no other. A count is negative where archived events are removed. No row names a user.
- ``anonymous``: the rows of ``erased``, which ``settle`` adds up.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteMany, UpdateOne

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.damaged import StoredDocument
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.models import Analytics, AnalyticsDaily, AnalyticsDailyUser, AnalyticsRollup
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.rollup import ANONYMOUS, ARCHIVED, ERASED, KEYS, USER_KEYS
from chabad_auth_django.services.analytics import kept_counts, quarters
from chabad_auth_django.services.analytics.event_keys import CODEC, LENIENT, event_key, row_key

#: Rows that one transaction adds up.
BATCH = 1000


def erase_events(*, user_id: ObjectId, ids: Sequence[Any] | None) -> int:
    """Delete a batch of a user's events; return how many.

    Their counts stay, without the user, if ``CHABAD_AUTH["ANALYTICS_KEEP_ANONYMOUS_COUNTS"]`` says
    so and the project makes roll-ups.
    """
    query = Analytics.owned_ids(user_id, ids)
    if conf.ANALYTICS_KEEP_ANONYMOUS_COUNTS and _is_rolled_up():
        return _make_anonymous(query)
    return Analytics.collection().delete_many(query).deleted_count


@atomic
def erase_rows(*, user_id: ObjectId, ids: Sequence[Any] | None) -> int:
    """Delete a batch of a user's rows in the roll-ups; return how many.

    Without ``CHABAD_AUTH["ANALYTICS_KEEP_ANONYMOUS_COUNTS"]`` the totals lose its archived events
    too. Call it after the user's events are deleted: that makes the roll-ups of the days invalid.
    """
    query = AnalyticsDailyUser.owned_ids(user_id, ids)
    rows = _read(AnalyticsDailyUser, query)
    archived = [row for row in rows if row["build"] == ARCHIVED]
    if conf.ANALYTICS_KEEP_ANONYMOUS_COUNTS:
        kept_counts.note_archived(rows=archived)
    else:
        _insert_erased(_sum(archived, KEYS), -1)
    quarters.forget(days={row["day"] for row in rows})
    return AnalyticsDailyUser.collection().delete_many(query).deleted_count


@atomic
def settle() -> int:
    """Add a batch of what erasures left to the anonymous counts; return how many rows."""
    rows = _read(AnalyticsDaily, {"build": ERASED}, limit=BATCH)
    if rows:
        AnalyticsDaily.collection().delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        _add(AnalyticsDaily, ANONYMOUS, _sum(rows, KEYS))
    return len(rows)


def add_archived(events: Sequence[Mapping[str, Any]], *, sign: int = 1) -> None:
    """Count events as archived, or with ``sign=-1`` no longer, in the caller's transaction."""
    _add(AnalyticsDaily, ARCHIVED, _count(events, KEYS), sign)
    by_user = _count(events, USER_KEYS)
    _add(AnalyticsDailyUser, ARCHIVED, by_user, sign)
    quarters.reset(days={bson.decode(key, CODEC)["day"] for key in by_user})


def split_archived(
    events: Sequence[RawBSONDocument],
) -> tuple[list[RawBSONDocument], list[RawBSONDocument]]:
    """Return the events of users who are there, and the events of users who were erased.

    An erasure deletes the rows of its user, so an event without a row is of an erased user.
    """
    keys = [event_key(event, USER_KEYS) for event in events]
    ids = list({_row_id(ARCHIVED, key) for key in keys})
    rows = AnalyticsDailyUser.collection().find({"_id": {"$in": ids}}, {"count": 1})
    left = Counter({row["_id"]: row["count"] for row in rows})
    owned: list[RawBSONDocument] = []
    ownerless: list[RawBSONDocument] = []
    for event, key in zip(events, keys, strict=True):
        id = _row_id(ARCHIVED, key)
        (owned if left[id] > 0 else ownerless).append(event)
        left[id] -= 1
    return owned, ownerless


def make_archived_anonymous(events: Sequence[Mapping[str, Any]]) -> None:
    """Count archived events, whose users were erased, as anonymous, in the caller's transaction."""
    _add(AnalyticsDaily, ARCHIVED, _count(events, KEYS), -1)
    _add(AnalyticsDaily, ANONYMOUS, _count(events, KEYS))


def count_once(*, user_id: ObjectId, rows: Sequence[RawBSONDocument], dry_run: bool) -> None:
    """Take the events that an import stores out of the ledgers, in the caller's transaction.

    Raises ``CountedAlready`` if events were archived after the import was checked.
    """
    if not connection.supports_transactions():
        return
    kept_counts.check_not_archived(user_id=user_id)
    if not dry_run and kept_counts.take_back(user_id=user_id, events=rows):
        _insert_erased(_count([StoredDocument(row.raw, LENIENT) for row in rows], KEYS), -1)


@atomic
def _make_anonymous(query: Mapping[str, Any]) -> int:
    events = _read(Analytics, query)
    _insert_erased(_count(events, KEYS))
    kept_counts.note(events=events)
    # In the snapshot of the transaction it finds the same again.
    return Analytics.collection().delete_many(query).deleted_count


def _insert_erased(counts: Counter[bytes], sign: int = 1) -> None:
    rows = [_row(ERASED, key) | {"count": sign * counts[key]} for key in counts]
    if rows:
        AnalyticsDaily.collection().insert_many(rows)


def _add(model: type[Document], ledger: str, counts: Counter[bytes], sign: int = 1) -> None:
    ids = {key: _row_id(ledger, key) for key in counts}
    changes: list[Any] = [
        UpdateOne(
            {"_id": id},
            {"$inc": {"count": sign * counts[key]}, "$setOnInsert": _row(ledger, key)},
            upsert=True,
        )
        for key, id in ids.items()
    ]
    if changes:
        changes.append(DeleteMany({"_id": {"$in": list(ids.values())}, "count": 0}))
        model.collection().bulk_write(changes)


def _row(ledger: str, key: bytes) -> dict[str, Any]:
    return {"build": ledger, **bson.decode(key, CODEC)}


def _row_id(ledger: str, key: bytes) -> str:
    # Other programs may have stored values that no ``_id`` can hold.
    return f"{ledger}:{sha256(key).hexdigest()}"


def _count(events: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> Counter[bytes]:
    """Count events by day and keys, as BSON: other programs may have stored any value there.

    An event whose timestamp is no date is in no range and not counted.
    """
    return Counter(
        event_key(event, keys) for event in events if isinstance(event.get("timestamp"), datetime)
    )


def _sum(rows: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> Counter[bytes]:
    counts: Counter[bytes] = Counter()
    for row in rows:
        counts[row_key(row["day"], row, keys)] += row["count"]
    return counts


def _read(
    model: type[Document], query: Mapping[str, Any], *, limit: int = 0
) -> list[RawBSONDocument]:
    collection = model.collection().with_options(codec_options=LENIENT)
    fields = dict.fromkeys((*USER_KEYS, "timestamp", "build", "day", "count"), True)
    return list(collection.find(query, fields).limit(limit))


def _is_rolled_up() -> bool:
    return (
        connection.supports_transactions()
        and AnalyticsRollup.read(_id=AnalyticsRollup.LOG) is not None
    )
