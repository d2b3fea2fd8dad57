"""Listing deletions that are under way, and receipts that nobody has taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from chabad_auth_django.conf import conf
from chabad_auth_django.db.pages import Position
from chabad_auth_django.models import Deletion
from chabad_auth_django.models.deletion import CREATING, DELETING, OPEN
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import purging

#: The states of a deletion; a fourth is ``CREATING``.
PURGING, WAITING, FINISHED = "purging", "waiting", "finished"

#: Users whose documents are counted with one command.
COUNTED_TOGETHER = 25


@dataclass(frozen=True)
class DeletionStatus:
    """How far the deletion of a user has come; it is kept until the receipt is taken."""

    user_id: ObjectId
    #: ``PURGING``; ``WAITING`` for the last sweep; ``FINISHED``: only the receipt is left. A user
    #: who is being created on a server without transactions is ``CREATING``.
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
        if self.state == CREATING:
            return f"The creation of the user {self.user_id} began on {begin}."
        if self.state == FINISHED:
            return (
                f"The user {self.user_id} was deleted on {begin}; 'chabad_erase_user "
                f"{self.user_id}' gives the receipt."
            )
        return (
            f"The deletion of the user {self.user_id} began on {begin}, and {self.left:,} "
            "documents are left; 'chabad_purge_deleted' goes on with it."
        )


def list_deletions(
    *, limit: int = 100, position: Position | None = None
) -> tuple[list[DeletionStatus], Position | None]:
    """Return deletions that are under way or have a receipt, the oldest first, from a position on.

    The second value is the position behind them, ``None`` where there are no more. The key of a
    position is when a deletion began. It counts what each has left.
    """
    behind: dict[str, Any] = {}
    if position is not None:
        tied = {"begun": position.key, "_id": {"$gt": position.id}}
        behind = {"$or": [{"begun": {"$gt": position.key}}, tied]}
    # Another program may have stored what is no time.
    times = [
        {"$cond": [{"$eq": [{"$type": field}, "date"]}, field, None]}
        for field in ("$since", "$receipt.since")
    ]
    Deletion.adopt_old_receipts()
    aggregated = Deletion.collection().aggregate(
        [
            # A job that is just being ended has neither for a moment.
            {
                "$match": {
                    "_id": {"$type": "objectId"},
                    "$or": [{"state": OPEN}, {"receipt": {"$type": "object"}}],
                }
            },
            {"$set": {"begun": {"$ifNull": [*times, {"$toDate": "$_id"}]}}},
            {"$match": behind},
            {"$sort": {"begun": 1, "_id": 1}},
            {"$limit": limit + 1},
        ]
    )
    rows = list(aggregated)
    found, more = rows[:limit], len(rows) > limit
    statuses: list[DeletionStatus] = []
    for start in range(0, len(found), COUNTED_TOGETHER):
        part = found[start : start + COUNTED_TOGETHER]
        counts = purging.count_documents_of(user_ids=[row["_id"] for row in part])
        statuses += [_status(row, sum(counts[row["_id"]].values())) for row in part]
    return statuses, Position(found[-1]["begun"], found[-1]["_id"]) if more else None


def find(*, name: str) -> DeletionStatus | None:
    """Return the deletion of the user with the id, or of the one whose receipt has the name."""
    row = next(iter(Deletion.find_of_gone_users(name)), None)
    if row is None and ObjectId.is_valid(name):
        row = Deletion.read(_id=ObjectId(name))
    if row is None or not (row.get("state") or row.get("receipt")):
        return None
    return _status(row, sum(purging.count_documents(user_id=row["_id"]).values()))


def _status(row: Mapping[str, Any], left: int) -> DeletionStatus:
    user_id, receipt = row["_id"], row.get("receipt")
    if not isinstance(receipt, dict):
        receipt = {}
    since = Deletion.started_at(row)
    state = row.get("state", FINISHED)
    if state == DELETING:
        state = PURGING if left else WAITING
    grace = timedelta(seconds=conf.DELETION_GRACE_SECONDS)
    return DeletionStatus(
        user_id=user_id,
        state=state,
        since=since,
        due_at=None if state == FINISHED else since + grace,
        finished_at=receipt.get("finishedAt"),
        has_receipt=bool(receipt),
        left=left,
    )
