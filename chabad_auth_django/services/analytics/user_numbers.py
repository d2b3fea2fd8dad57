"""The small numbers by which users are in the sets."""

from collections.abc import Collection, Iterator, Set
from contextlib import suppress
from itertools import islice
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.exceptions import AlreadyExists, UserNotFound
from chabad_auth_django.models import AnalyticsRollup, AnalyticsUserNumber, User

#: Ids in one query.
_BATCH = 100_000


def assign(ids: Set[ObjectId]) -> dict[ObjectId, int]:
    """Return the numbers of the users; give one to each who exists and has none.

    Some who have one may be deleted by now.
    """
    numbers = _find(ids)
    left = ids - numbers.keys()
    while left := existing(left):
        last = _reserve(len(left))
        rows = [{"_id": last - index, "userId": id} for index, id in enumerate(left)]
        # Another run has given them numbers, or a deletion has taken them back.
        with suppress(AlreadyExists, UserNotFound):
            AnalyticsUserNumber.insert_rows(rows)
        given = _find(left)
        numbers |= given
        left -= given.keys()
    return numbers


def _find(ids: Collection[ObjectId]) -> dict[ObjectId, int]:
    numbers: dict[ObjectId, int] = {}
    for batch in _batches(ids):
        found = AnalyticsUserNumber.collection().find({"userId": {"$in": batch}})
        numbers |= {row["userId"]: row["_id"] for row in found}
    return numbers


def look_up(
    ids: Collection[ObjectId], session: ClientSession | None = None
) -> tuple[set[ObjectId], dict[ObjectId, int]]:
    """Return which of the users exist, and the numbers of all, with one command for many."""
    there: set[ObjectId] = set()
    numbers: dict[ObjectId, int] = {}
    for batch in _batches(ids):
        users: list[Any] = [{"$match": {"_id": {"$in": batch}}}, {"$project": {"_id": 1}}]
        given: list[Any] = [{"$match": {"userId": {"$in": batch}}}]
        pipelines = {
            "users": (User.collection(), users),
            "numbers": (AnalyticsUserNumber.collection(), given),
        }
        found = aggregate_together(pipelines, session)
        there |= {row["_id"] for row in found["users"]}
        numbers |= {row["userId"]: row["_id"] for row in found["numbers"]}
    return there, numbers


def existing(ids: Collection[ObjectId]) -> set[ObjectId]:
    """Return which of the users exist; unlike ``look_up`` it works in a transaction."""
    found: set[ObjectId] = set()
    for batch in _batches(ids):
        found |= {row["_id"] for row in User.collection().find({"_id": {"$in": batch}}, {"_id": 1})}
    return found


def _batches(ids: Collection[ObjectId]) -> Iterator[list[ObjectId]]:
    left = iter(ids)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _reserve(count: int) -> int:
    """Reserve so many numbers that were never used; return the last of them."""
    highest = AnalyticsUserNumber.collection().find_one({}, {"_id": 1}, sort=[("_id", -1)])
    known = {"$max": ["$last", highest["_id"] if highest else 0]}
    record: Any = AnalyticsRollup.collection().find_one_and_update(
        {"_id": AnalyticsRollup.NUMBERS},
        [{"$set": {"last": {"$add": [known, count]}}}],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return int(record["last"])
