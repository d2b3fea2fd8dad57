"""Deletions that are under way, and receipts that wait to be taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from chabad_auth_django.conf import conf
from chabad_auth_django.models import Deletion
from chabad_auth_django.models.deletion import CREATING
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import purging, receipts

#: What of a deletion is under way, or is left of it.
CREATION, PURGING, WAITING, FINISHED = "creating", "purging", "waiting", "finished"


@dataclass(frozen=True)
class Departure:
    """A user who is being deleted, or was and whose receipt was not taken."""

    user_id: ObjectId
    #: ``PURGING``; ``WAITING`` for the last sweep; ``FINISHED``: only the receipt is left; or
    #: ``CREATION`` of a user by a server without transactions.
    state: str
    since: datetime
    #: When the last sweep may come; ``None`` where there was one.
    due_at: datetime | None
    finished_at: datetime | None
    #: Whether a receipt can be taken by ``chabad_erase_user``.
    has_receipt: bool
    #: Documents that the user still has.
    left: int

    @property
    def age_seconds(self) -> float:
        """How long ago it began."""
        return (now() - self.since).total_seconds()

    def __str__(self) -> str:
        begin = f"{self.since:%Y-%m-%d %H:%M} UTC"
        if self.state == CREATION:
            return f"The user {self.user_id} is being created since {begin}."
        if self.state == FINISHED:
            return (
                f"The user {self.user_id} was deleted on {begin}; 'chabad_erase_user "
                f"{self.user_id}' gives the receipt."
            )
        return (
            f"The user {self.user_id} is being deleted since {begin}, {self.left:,} documents are "
            "left; 'chabad_purge_deleted' goes on with it."
        )


def list_departures(*, limit: int = 100, after: Departure | None = None) -> list[Departure]:
    """Return deletions that are under way or have a receipt, the oldest first, behind ``after``.

    It counts what each has left.
    """
    behind: dict[str, Any] = {}
    if after is not None:
        tied = {"since": after.since, "_id": {"$gt": after.user_id}}
        behind = {"$or": [{"since": {"$gt": after.since}}, tied]}
    records = [{"$project": {"record": "$$ROOT"}}]
    merged = {name: {"$mergeObjects": f"${name}"} for name in ("job", "record")}
    users = {"from": "users", "localField": "_id", "foreignField": "_id", "as": "users"}
    found = Deletion.collection().aggregate(
        [
            {"$project": {"job": "$$ROOT"}},
            {"$unionWith": {"coll": receipts.records().name, "pipeline": records}},
            {"$group": {"_id": "$_id", **merged}},
            # A record that a crash left, without transactions, of a user who is there.
            {"$lookup": users},
            {"$match": {"$or": [{"job": {"$ne": {}}}, {"users": []}]}},
            {"$set": {"since": {"$ifNull": ["$job.since", "$record.since"]}}},
            {"$match": behind},
            {"$sort": {"since": 1, "_id": 1}},
            {"$limit": limit},
        ]
    )
    return [_departure(row["_id"], row["job"], row["record"]) for row in found]


def find(*, name: str) -> Departure | None:
    """Return the departure of the user with the id, or of the one whose receipt has the name.

    A transaction of the caller takes no ``$unionWith``: these are single reads.
    """
    records = receipts.find_of_gone_users(name=name)
    if records:
        user_id: ObjectId = records[0]["_id"]
    elif ObjectId.is_valid(name):
        user_id = ObjectId(name)
        records = list(receipts.records().find({"_id": user_id}))
    else:
        return None
    job = Deletion.read(_id=user_id)
    return _departure(user_id, job or {}, (records or [{}])[0]) if job or records else None


def _departure(user_id: ObjectId, job: Mapping[str, Any], record: Mapping[str, Any]) -> Departure:
    since = job.get("since") or record["since"]
    due_at = since + timedelta(seconds=conf.DELETION_GRACE_SECONDS) if job else None
    left = sum(purging.count_documents(user_id=user_id).values())
    if not job:
        state = FINISHED
    elif job["state"] == CREATING:
        state = CREATION
    else:
        state = PURGING if left else WAITING
    return Departure(
        user_id=user_id,
        state=state,
        since=since,
        due_at=due_at,
        finished_at=record.get("finishedAt"),
        has_receipt=bool(record),
        left=left,
    )
