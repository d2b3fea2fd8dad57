"""The small numbers by which users are in the sets."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from chabad_auth_django.exceptions import AlreadyExists, UserNotFound
from chabad_auth_django.models import AnalyticsRollup, AnalyticsUserNumber, User

#: Ids in one query.
_BATCH = 100_000


def assign(ids: Collection[ObjectId]) -> dict[ObjectId, int]:
    """Return the numbers of those users who are there; give one to each who has none."""
    numbers = read(ids)
    while new := list(existing(set(ids) - numbers.keys())):
        last = _reserve(len(new))
        rows = [{"_id": last - index, "userId": id} for index, id in enumerate(new)]
        # Another run has given them numbers, or a deletion has taken them back.
        with suppress(AlreadyExists, UserNotFound):
            AnalyticsUserNumber.insert_rows(rows)
        numbers |= read(new)
    return numbers


def read(ids: Collection[ObjectId], session: ClientSession | None = None) -> dict[ObjectId, int]:
    """Return the numbers of those users who have one."""
    found: dict[ObjectId, int] = {}
    left = iter(ids)
    while batch := list(islice(left, _BATCH)):
        rows = AnalyticsUserNumber.collection().find({"userId": {"$in": batch}}, session=session)
        found |= {row["userId"]: row["_id"] for row in rows}
    return found


def existing(ids: Collection[ObjectId], session: ClientSession | None = None) -> set[ObjectId]:
    """Return those users who are there."""
    found: set[ObjectId] = set()
    left = iter(ids)
    while batch := list(islice(left, _BATCH)):
        rows = User.collection().find({"_id": {"$in": batch}}, {"_id": 1}, session=session)
        found |= {row["_id"] for row in rows}
    return found


def _reserve(count: int) -> int:
    """Return the last of so many numbers that nobody had before."""
    highest = AnalyticsUserNumber.collection().find_one({}, {"_id": 1}, sort=[("_id", -1)])
    known = {"$max": ["$last", highest["_id"] if highest else 0]}
    record: Any = AnalyticsRollup.collection().find_one_and_update(
        {"_id": AnalyticsRollup.NUMBERS},
        [{"$set": {"last": {"$add": [known, count]}}}],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return int(record["last"])
