"""Deleting a user at an operator's word: what goes is counted first, and an interruption is met.

From its first moment on the deletion has a record, which knows under which names the user was
asked for. So the same words go on with it when the user, and with it the e-mail address, is gone
already; and not with another user, who has taken the address since.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from django.utils.crypto import salted_hmac
from pymongo.collection import Collection
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import Advance
from chabad_auth_django.db.transactions import write_concern
from chabad_auth_django.exceptions import LastAdministrator, NotFound, UserNotFound, ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import administrators
from chabad_auth_django.services.lifecycle import creation, deletion
from chabad_auth_django.services.lifecycle.deletion import ERASURES
from chabad_auth_django.validators import normalize_email

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

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as the API and the command show it."""
        return {
            "userId": self.user_id,
            "requestedAt": self.requested_at,
            "finishedAt": self.finished_at,
            "deleted": self.deleted,
            "left": self.left,
        }


def find(*, name: str) -> Erasure:
    """Return the open erasure of that name, else what an erasure of the user would delete.

    Where nobody has the name any more: the last one, if its receipt was not taken yet. Raises
    ``UserNotFound``, ``LastAdministrator``, and ``ValidationError`` where the name stands for
    several users.
    """
    if ObjectId.is_valid(name):
        with suppress(UserNotFound):
            return _find_by_id(ObjectId(name))
    # An open one comes first: it has no end to sort by.
    record = _records().find_one({"names": _hash(name)}, sort=[("finishedAt", 1)])
    if record is not None and "finishedAt" not in record:
        return _of(record)
    try:
        return _of_user(creation.find_user(name=name))
    except UserNotFound:
        if record is None:
            raise
        return _of(record)


def delete(*, erasure: Erasure, advance: Advance) -> None:
    """Remove the user for everybody, then all its data; go on where a former call was stopped.

    ``chabad_purge_deleted`` does the second sweep. Memory does not grow with the data. Raises
    ``LastAdministrator``.
    """
    _start(erasure, seconds=0)
    while not deletion.is_purged(user_id=erasure.user_id):
        purged = deletion.purge(user_id=erasure.user_id, until=time.monotonic() + SLICE)
        advance(sum(purged.values()))


def begin(*, user_id: ObjectId, seconds: float) -> Receipt:
    """Remove the user for everybody and purge for at most the given seconds; return the receipt.

    It is as of before the purge, with which ``chabad_purge_deleted`` goes on. Once more: nothing
    new begins. Raises ``UserNotFound`` and ``LastAdministrator``.
    """
    # By the id alone: the same digits may be an external id of somebody else.
    erasure = _find_by_id(user_id)
    _start(erasure, seconds=seconds)
    return Receipt(user_id, erasure.since, None, dict.fromkeys(erasure.found, 0), erasure.found)


def finish(*, erasure: Erasure, wait: bool, advance: Advance) -> Receipt:
    """Sweep once more after the grace period, for whoever was writing; return the receipt.

    Without ``wait`` the sweep is left to ``chabad_purge_deleted`` if the period is not over.
    """
    while deletion.has_job(user_id=erasure.user_id):
        if deletion.resume(user_id=erasure.user_id).finished or not wait:
            break
        time.sleep(SLICE)
        advance(0)
    return read_receipt(user_id=erasure.user_id)


def read_receipt(*, user_id: ObjectId) -> Receipt:
    """Return the receipt of an erasure as of now; raise ``NotFound`` where there is none."""
    is_open = deletion.has_job(user_id=user_id)
    record = _records().find_one({"_id": user_id})
    if record is None:
        raise NotFound("There is no erasure of this user.")
    left = {"users": int(User.read(_id=user_id) is not None)}
    left |= deletion.count_documents(user_id=user_id)
    return Receipt(
        user_id=user_id,
        requested_at=record["since"],
        finished_at=None if is_open else record.get("finishedAt"),
        deleted={name: max(n - left.get(name, 0), 0) for name, n in record["found"].items()},
        left=left,
    )


def forget(*, erasure: Erasure) -> None:
    """Remove the record, with the last that tells of the names."""
    _records().delete_one({"_id": erasure.user_id})


def _find_by_id(user_id: ObjectId) -> Erasure:
    record = _records().find_one({"_id": user_id})
    if record is not None and "finishedAt" not in record:
        return _of(record)
    user = User.find_by_id(user_id)
    if user is not None:
        return _of_user(user)
    if record is not None:
        return _of(record)
    # A deletion that was begun without a receipt.
    if not deletion.has_job(user_id=user_id):
        raise UserNotFound
    return Erasure(user_id, deletion.count_documents(user_id=user_id), now())


def _of_user(user: User) -> Erasure:
    administrators.check_one_stays(user_id=user.id, left=administrators.nothing)
    found = {"users": 1} | deletion.count_documents(user_id=user.id)
    names = tuple(filter(None, (user.email, user.valu_user_id, user.merkos_user_id)))
    return Erasure(user.id, found, now(), user.email, names)


def _start(erasure: Erasure, *, seconds: float) -> None:
    is_there = User.read(_id=erasure.user_id) is not None
    if is_there:
        # Of its former life, if it was erased and imported again.
        _records().delete_one({"_id": erasure.user_id, "finishedAt": {"$ne": None}})
    record = {
        "names": [_hash(name) for name in erasure.names],
        "found": erasure.found,
        "since": erasure.since,
    }
    _records().update_one({"_id": erasure.user_id}, {"$setOnInsert": record}, upsert=True)
    if not is_there:
        return
    try:
        # Another process may have removed it meanwhile.
        with suppress(UserNotFound):
            deletion.delete_user(user_id=erasure.user_id, seconds=seconds)
    except LastAdministrator:
        forget(erasure=erasure)
        raise


def _of(record: Mapping[str, Any]) -> Erasure:
    return Erasure(record["_id"], record["found"], record["since"])


def _hash(name: str) -> str:
    # What other programs stored may be no address that could be normalised.
    with suppress(ValidationError):
        name = normalize_email(name)
    return salted_hmac(ERASURES, name, algorithm="sha256").hexdigest()


def _records() -> Collection[dict[str, Any]]:
    return connection.get_database().get_collection(
        ERASURES, read_preference=ReadPreference.PRIMARY, write_concern=write_concern()
    )
