"""Deleting a user at an operator's word: what goes is counted first, and an interruption is met.

The removal of the user and the record of it are one transaction. A deletion is known by the id of
its user. The record knows under which names the user was known, so a name goes on with it, too,
while nobody else has that name; then it stands for two users, and the id must be given.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.batches import Advance
from chabad_auth_django.db.transactions import atomic, on_incomplete
from chabad_auth_django.exceptions import NotFound, UserNotFound, ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import administrators, audit, audit_log
from chabad_auth_django.services.lifecycle import creation, deletion, purging, receipts

#: Seconds of one slice of a purge, after which the progress is told.
SLICE = 0.25


@dataclass(frozen=True)
class Erasure:
    """A user to be deleted, or being deleted: ``email`` and ``names`` are unknown then."""

    user_id: ObjectId
    found: dict[str, int]
    since: datetime
    email: str | None = None
    names: tuple[str, ...] = ()
    #: The name by which the user was found, unless that was the id.
    asked: str | None = None

    @property
    def total(self) -> int:
        """The documents that were found at the start."""
        return sum(self.found.values())

    def __str__(self) -> str:
        return self.email or str(self.user_id)


@dataclass(frozen=True)
class Receipt:
    """What an erasure deleted and what it left, per collection."""

    user_id: ObjectId
    requested_at: datetime
    finished_at: datetime | None
    deleted: dict[str, int]
    left: dict[str, int]
    #: Entries of the audit trail that have the id, and stay for ``AUDIT_RETENTION_DAYS``.
    audit_entries: int

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as the API and the command show it."""
        return {
            "userId": self.user_id,
            "requestedAt": self.requested_at,
            "finishedAt": self.finished_at,
            "deleted": self.deleted,
            "left": self.left,
            "auditEntries": self.audit_entries,
        }


def find(*, name: str) -> Erasure:
    """Return what an erasure of the user of that name would delete, or the one that was begun.

    Raises ``UserNotFound``, ``LastAdministrator``, and ``ValidationError`` where the name stands
    for several users, one of whom may be gone already.
    """
    if ObjectId.is_valid(name):
        with suppress(UserNotFound):
            return _find_by_id(ObjectId(name))
    try:
        return replace(_of_user(creation.find_user(name=name)), asked=name)
    except UserNotFound:
        records = receipts.find_of_gone_users(name=name)
        if not records:
            raise
    if len(records) > 1:
        ids = ", ".join(str(record["_id"]) for record in records)
        raise ValidationError(
            f"{name!r} stands for several users who were deleted. Name one by its id: {ids}."
        )
    return _of(records[0])


def delete(*, erasure: Erasure, advance: Advance, action: str = "user.delete") -> None:
    """Remove the user for everybody, then all its data; go on where a former call was stopped.

    ``action`` is what the audit trail calls it.
    ``chabad_purge_deleted`` does the second sweep. Memory does not grow with the data. Raises
    ``LastAdministrator``.
    """
    _start(erasure, seconds=0, action=action)
    while deletion.has_job(user_id=erasure.user_id) and not purging.is_purged(
        user_id=erasure.user_id
    ):
        purged = purging.purge(user_id=erasure.user_id, until=time.monotonic() + SLICE)
        advance(sum(purged.values()))


def begin(*, user_id: ObjectId, seconds: float) -> Receipt:
    """Remove the user for everybody and purge for at most the given seconds; return the receipt.

    It is as of before the purge, with which ``chabad_purge_deleted`` goes on. Once more: nothing
    new begins. Raises ``UserNotFound`` and ``LastAdministrator``.
    """
    # By the id alone: the same digits may be an external id of somebody else.
    erasure = _find_by_id(user_id)
    _start(erasure, seconds=seconds, action="user.erase")
    return Receipt(
        user_id=user_id,
        requested_at=erasure.since,
        finished_at=None,
        deleted=dict.fromkeys(erasure.found, 0),
        left=erasure.found,
        audit_entries=audit_log.count_entries(user_ids=[user_id]),
    )


def finish(*, erasure: Erasure, wait: bool, advance: Advance) -> Receipt:
    """Sweep once more after the grace period, for whoever was writing; return the receipt.

    Without ``wait`` the sweep is left to ``chabad_purge_deleted`` if the period is not over.
    """
    while deletion.has_job(user_id=erasure.user_id):
        outcome = deletion.resume(user_id=erasure.user_id)
        if outcome.finished or outcome.unknown or not wait:
            break
        time.sleep(SLICE)
        advance(0)
    return read_receipt(user_id=erasure.user_id)


def read_receipt(*, user_id: ObjectId) -> Receipt:
    """Return the receipt of an erasure as of now; raise ``NotFound`` where there is none."""
    is_open = deletion.has_job(user_id=user_id)
    record = receipts.records().find_one({"_id": user_id})
    if record is None:
        raise NotFound("There is no erasure of this user.")
    left = {"users": int(User.read(_id=user_id) is not None)}
    left |= purging.count_documents(user_id=user_id)
    return Receipt(
        user_id=user_id,
        requested_at=record["since"],
        finished_at=None if is_open else record.get("finishedAt"),
        deleted={name: max(n - left.get(name, 0), 0) for name, n in record["found"].items()},
        left=left,
        audit_entries=audit_log.count_entries(user_ids=[user_id]),
    )


def forget(*, erasure: Erasure) -> None:
    """Remove the record, with the last that tells of the names."""
    receipts.records().delete_one({"_id": erasure.user_id})


def _find_by_id(user_id: ObjectId) -> Erasure:
    user = User.find_by_id(user_id)
    if user is not None:
        return _of_user(user)
    record = receipts.records().find_one({"_id": user_id})
    if record is not None:
        return _of(record)
    # A deletion that was begun without a receipt.
    if not deletion.has_job(user_id=user_id):
        raise UserNotFound
    return Erasure(user_id, purging.count_documents(user_id=user_id), now())


def _of_user(user: User) -> Erasure:
    with audit.attempt(action="user.delete", user_id=user.id):
        administrators.check_one_stays(user_id=user.id, left=administrators.nothing)
    found = {"users": 1} | purging.count_documents(user_id=user.id)
    return Erasure(user.id, found, now(), user.email, _names_of(user))


def _names_of(user: User) -> tuple[str, ...]:
    return tuple(filter(None, (user.email, user.valu_user_id, user.merkos_user_id)))


@atomic
def _start(erasure: Erasure, *, seconds: float, action: str) -> None:
    """Store the record and remove the user: both or none."""
    user = User.find_by_id(erasure.user_id)
    record = {
        "names": [receipts.hash_name(name) for name in erasure.names],
        "found": erasure.found,
        "since": erasure.since,
    }
    key = {"_id": erasure.user_id}
    if user is None:
        receipts.records().update_one(key, {"$setOnInsert": record}, upsert=True)
        return
    if erasure.asked is not None:
        _check_still_names(erasure.asked, user)
    # Of its former life, if it was erased and imported again.
    receipts.records().delete_one({**key, "finishedAt": {"$ne": None}})
    # Without transactions the record comes first, and one that a crash left is overwritten.
    receipts.records().update_one(key, {"$set": record}, upsert=True)
    on_incomplete(partial(_forget_if_refused, erasure))
    # Another process may have removed it meanwhile.
    with suppress(UserNotFound):
        deletion.delete_user(user_id=erasure.user_id, seconds=seconds, action=action)


def _check_still_names(name: str, user: User) -> None:
    if receipts.hash_name(name) not in map(receipts.hash_name, _names_of(user)):
        raise ValidationError(
            f"{name!r} is no name of the user {user.id} any more, who was not deleted. Name the "
            "user who is to be deleted by its id."
        )


def _forget_if_refused(erasure: Erasure, error: BaseException) -> None:
    if deletion.is_refusal(error) and User.read(_id=erasure.user_id) is not None:
        forget(erasure=erasure)


def _of(record: Mapping[str, Any]) -> Erasure:
    return Erasure(record["_id"], record["found"], record["since"])
