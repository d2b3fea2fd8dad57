"""Deleting a user with a receipt: documents are counted before the deletion, and after it.

The receipt is stored in the document of the job, in the command that stores the job. The id of the
user identifies the deletion. The receipt has hashes of the user's names, so an operator can also
continue the deletion by a name, unless another user has that name by now.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.batches import Advance
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import NotFound, UserNotFound, ValidationError
from chabad_auth_django.models import Deletion, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import administrators, audit, audit_log
from chabad_auth_django.services.lifecycle import creation, deletion, purging

#: Seconds of one slice of a purge, after which the progress is told.
SLICE = 0.25

#: Seconds for which a request purges before it answers. ``chabad_purge_deleted`` does the rest.
REQUEST_PURGE_SECONDS = 1.0


@dataclass(frozen=True)
class Subject:
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
        return str(self.email or self.user_id)


@dataclass(frozen=True)
class Receipt:
    """What a deletion removed and what it left, per collection."""

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


def find(*, name: str) -> Subject:
    """Return what a deletion of the user of that name would remove, or the one that was begun.

    Raises ``UserNotFound``, ``LastAdministrator``, and ``ValidationError`` where the name stands
    for several users, one of whom may be deleted already.
    """
    if ObjectId.is_valid(name):
        with suppress(UserNotFound):
            return _find_by_id(ObjectId(name))
    try:
        return replace(_of_user(creation.find_user(name=name)), asked=name)
    except UserNotFound:
        rows = Deletion.find_of_gone_users(name)
        if not rows:
            raise
    if len(rows) > 1:
        ids = ", ".join(str(row["_id"]) for row in rows)
        raise ValidationError(
            f"{name!r} stands for several users who were deleted. Name one by its id: {ids}."
        )
    return _of(rows[0])


def delete(*, subject: Subject, advance: Advance, action: str = "user.delete") -> None:
    """Remove the user for everybody, then all its data; go on where a former call was stopped.

    ``action`` is what the audit trail calls it. ``chabad_purge_deleted`` does the second sweep.
    Memory does not grow with the data. Raises ``LastAdministrator``.
    """
    _start(subject, seconds=0, action=action)
    while Deletion.ids_with_job([subject.user_id]) and not purging.is_purged(
        user_id=subject.user_id
    ):
        purged = purging.purge(user_id=subject.user_id, until=time.monotonic() + SLICE)
        advance(sum(purged.values()))


def begin(*, user_id: ObjectId, seconds: float) -> Receipt:
    """Remove the user for everybody and purge for at most the given seconds.

    Return the receipt as of the removal, before the purge, which ``chabad_purge_deleted``
    continues. A second call begins nothing new. Raises ``UserNotFound`` and ``LastAdministrator``.
    """
    # By the id alone: the same digits may be an external id of somebody else.
    subject = _find_by_id(user_id)
    _start(subject, seconds=seconds, action="user.erase")
    return Receipt(
        user_id=user_id,
        requested_at=subject.since,
        finished_at=None,
        deleted=dict.fromkeys(subject.found, 0),
        left=subject.found,
        audit_entries=audit_log.count_entries(user_ids=[user_id]),
    )


def finish(*, subject: Subject, wait: bool, advance: Advance) -> Receipt:
    """Sweep once more after the grace period, for whoever was writing; return the receipt.

    Without ``wait`` the sweep is left to ``chabad_purge_deleted`` if the period is not over.
    """
    while Deletion.ids_with_job([subject.user_id]):
        outcome = deletion.resume(user_id=subject.user_id)
        if outcome.finished or outcome.unknown or not wait:
            break
        time.sleep(SLICE)
        advance(0)
    return read(user_id=subject.user_id)


def read(*, user_id: ObjectId) -> Receipt:
    """Return the receipt of a deletion as of now; raise ``NotFound`` where there is none."""
    Deletion.adopt_old_receipts()
    row = Deletion.read(_id=user_id) or {}
    stored = row.get("receipt")
    if not isinstance(stored, dict):
        raise NotFound("There is no erasure of this user.")
    found = stored.get("found") or {}
    left = {"users": len(User.existing_ids([user_id]))}
    left |= purging.count_documents_of(user_ids=[user_id])[user_id]
    return Receipt(
        user_id=user_id,
        requested_at=Deletion.started_at({"_id": user_id, "receipt": stored}),
        finished_at=None if row.get("state") else stored.get("finishedAt"),
        deleted={name: max(n - left.get(name, 0), 0) for name, n in found.items()},
        left=left,
        audit_entries=audit_log.count_entries(user_ids=[user_id]),
    )


def _find_by_id(user_id: ObjectId) -> Subject:
    user = User.find_by_id(user_id)
    if user is not None:
        return _of_user(user)
    Deletion.adopt_old_receipts()
    row = Deletion.read(_id=user_id)
    if row is None or not (row.get("state") or row.get("receipt")):
        raise UserNotFound
    if row.get("receipt"):
        return _of(row)
    # A deletion that was begun without a receipt.
    return Subject(user_id, purging.count_documents(user_id=user_id), now())


def _of_user(user: User) -> Subject:
    with audit.attempt(action="user.delete", user_id=user.id):
        administrators.check_one_stays(user_id=user.id, left=administrators.nothing)
    found = {"users": 1} | purging.count_documents(user_id=user.id)
    return Subject(user.id, found, now(), user.email, _names_of(user))


def _names_of(user: User) -> tuple[str, ...]:
    return tuple(filter(None, (user.email, user.valu_user_id, user.merkos_user_id)))


@atomic
def _start(subject: Subject, *, seconds: float, action: str) -> None:
    """Remove the user and store the receipt: both or none."""
    receipt = {
        "names": [Deletion.hashes(name)[0] for name in subject.names],
        "found": subject.found,
        "since": subject.since,
    }
    user = User.find_by_id(subject.user_id)
    if user is not None:
        if subject.asked is not None:
            _check_still_names(subject.asked, user)
        # Another process may have removed it by now.
        with suppress(UserNotFound):
            deletion.delete_user(user_id=user.id, seconds=seconds, action=action, receipt=receipt)
            return
    Deletion.add_receipt(subject.user_id, receipt)


def _check_still_names(name: str, user: User) -> None:
    if Deletion.hashes(name) not in map(Deletion.hashes, _names_of(user)):
        raise ValidationError(
            f"{name!r} is no name of the user {user.id} any more, who was not deleted. Name the "
            "user who is to be deleted by its id."
        )


def _of(row: Mapping[str, Any]) -> Subject:
    found = row["receipt"].get("found") or {}
    return Subject(row["_id"], found, Deletion.started_at({**row, "since": None}))
