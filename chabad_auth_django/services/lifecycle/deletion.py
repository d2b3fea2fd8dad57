"""Deleting users so that nothing stays behind (specification: "Cascade Deletion Strategy").

A user may have more events than one transaction can delete. So:

1. A small transaction removes the user, its profile, preferences and external ids, and leaves a
   job in the collection ``deletions``. From here on nobody sees the user, and
   every writer takes back what it inserts for the user.
2. All other documents are deleted in batches, by any number of workers, any number of times.
3. After a grace period they are swept again, for writers that were killed between their insert
   and their check of the user. A sweep that finds nothing ends the job.

On a server without transactions the job is written first, then the user is removed, then its data.
The next run finishes what a crash interrupted. There, each user that is being created has a job
too, so that the documents of an unfinished creation are removed.
"""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

from chabad_auth_django import journal
from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import (
    in_transaction,
    is_repeated,
    on_commit,
    on_incomplete,
    on_refusal,
)
from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.failures import log_failure
from chabad_auth_django.models import Deletion, OwnedCollection, User
from chabad_auth_django.models.deletion import CREATING, DELETING, OPEN, PURGING
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.personal import PersonalDocument
from chabad_auth_django.services.identity import administrators, audit, departures
from chabad_auth_django.services.lifecycle import purging


@dataclass(frozen=True)
class _Way:
    """How the running call deletes a user.

    ``action`` is for the audit trail, ``until`` is the ``time.monotonic()`` at which the purge
    stops. The receipt is stored with the job of ``user_id`` alone: a receiver may delete others.
    """

    action: str = "user.delete"
    until: float | None = None
    user_id: ObjectId | None = None
    receipt: Mapping[str, Any] | None = None


_way: ContextVar[_Way] = ContextVar("way", default=_Way())  # noqa: B039 - it is frozen


@dataclass(frozen=True)
class Outcome:
    """What one run did for one job: documents purged per collection, and whether it is done.

    An ``error`` stopped it until the next run.
    """

    user_id: ObjectId
    purged: dict[str, int]
    finished: bool
    #: Collections that another project has to purge, which has their Documents, and those.
    unknown: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None


def begin(*, user_ids: Sequence[ObjectId], **kwargs: Any) -> None:
    """Leave a job for each user that the running transaction is about to remove.

    Receives ``pre_user_delete``.
    """
    if is_repeated():
        # Others are changing these documents. This write comes first, so that from here on they
        # conflict with this transaction, and not this one with them.
        models: list[type[PersonalDocument]] = [User, *_with_user()]
        for model in models:
            if "updated_at" in model.fields():
                touch = {"$currentDate": {"updatedAt": True}}
                model.collection().update_many(model.owned_by(user_ids), touch)
    way = _way.get()
    audit.record_many(action=way.action, users=dict.fromkeys(user_ids, {}))
    token, since = ObjectId(), now()
    untried = set() if in_transaction() else Deletion.ids_with_untried_job(user_ids)
    changes = []
    for user_id in user_ids:
        receipt = {"receipt": way.receipt} if way.receipt and user_id == way.user_id else {}
        job = {
            "$set": {"state": DELETING, "since": since, **receipt},
            "$unset": {"swept": True},
            "$push": {"tries": token},
        }
        changes.append(UpdateOne({"_id": user_id}, job, upsert=True))
    Deletion.collection().bulk_write(changes)
    on_incomplete(partial(_take_back, set(user_ids) - untried, token))


def _take_back(user_ids: Collection[ObjectId], token: ObjectId, error: BaseException) -> None:
    """Remove the jobs of users who stay, with the receipts: a receiver refused their deletion.

    Without transactions the next run would remove these users. A job that another deletion has
    joined is left to that one, unless it was killed.
    """
    # Without an answer of the server the removal may still arrive.
    is_answered = isinstance(error, OperationFailure) or not isinstance(error, PyMongoError)
    if not (is_answered and isinstance(error, Exception)):
        return
    wanted = {"_id": {"$in": list(user_ids)}}
    stay = [user["_id"] for user in User.collection().find(wanted, {"_id": 1})]
    Deletion.collection().update_many({"_id": {"$in": stay}}, {"$pull": {"tries": token}})
    # A token says when it was made. Whoever was killed can neither remove the user nor this job.
    dead = {"$lt": ObjectId.from_datetime(_due())}
    Deletion.collection().update_many({"_id": {"$in": stay}}, {"$pull": {"tries": dead}})
    Deletion.collection().delete_many({"_id": {"$in": stay}, "tries": []})


def remove_dependents(*, user_ids: Sequence[ObjectId], **kwargs: Any) -> None:
    """Remove what goes with the user in the transaction, and all else after it.

    Receives ``post_user_delete``.
    """
    departures.remember_users(user_ids=user_ids)
    for model in _with_user():
        model.collection().delete_many(model.owned_by(user_ids))
    for user_id in user_ids:
        on_commit(partial(purging.purge, user_id=user_id, until=_way.get().until))


def delete_user(
    *,
    user_id: ObjectId,
    seconds: float,
    action: str = "user.delete",
    receipt: Mapping[str, Any] | None = None,
) -> None:
    """Remove the user for everybody, then purge for at most the given seconds.

    ``action`` is what the audit trail calls it; ``receipt`` is stored with the job.
    In a transaction the purge begins after the commit. If ``is_purged`` tells then that something
    is left, ``run`` goes on with it. Raises ``UserNotFound`` and ``LastAdministrator``.
    """
    token = _way.set(_Way(action, time.monotonic() + seconds, user_id, receipt))
    try:
        with audit.attempt(action=action, user_id=user_id):
            if not _remove(user_id):
                raise UserNotFound
    finally:
        _way.reset(token)


def begin_creation(*, user_ids: Sequence[ObjectId]) -> None:
    """Leave a job for each user that is about to be created without a transaction.

    Raises ``DeletionOpen`` where there is another one.
    """
    Deletion.open_jobs(user_ids, state=CREATING)
    end = partial(_end_creation, user_ids)
    on_refusal(end)
    on_commit(end, robust=False)


def check_no_job(*, user_id: ObjectId) -> None:
    """Raise ``DeletionOpen`` where there is a job; conflict with a concurrent one.

    To be called in the transaction that stores a user who may have been here before.
    """
    Deletion.open_jobs([user_id], state=CREATING)
    Deletion.close(_id=user_id, state=CREATING)


def _with_user() -> list[type[OwnedDocument]]:
    return [model for model in OwnedDocument.registered() if model.with_user]


def run() -> Iterator[Outcome]:
    """Go on with every open job; yield what was done for each.

    It serves as the first run, as the recovery after a crash and as the second sweep, and any
    number may run at once. A job stays open for ``CHABAD_AUTH["DELETION_GRACE_SECONDS"]``. An error
    of one is in its outcome, and stops no other; that no server answers is raised.
    """
    Deletion.adopt_old_receipts()
    # All at once: a cursor would not outlive a long purge.
    for job in list(Deletion.collection().find({"state": OPEN}).sort("_id")):
        if job["state"] != CREATING or _take_over_creation(job):
            yield attempt(user_id=job["_id"])


def attempt(*, user_id: ObjectId) -> Outcome:
    """Go on with the one deletion; an error is logged, but for that no server answers."""
    try:
        return resume(user_id=user_id)
    except ServerSelectionTimeoutError:
        raise
    except Exception as error:
        log_failure(resume, error, moment=f"for the user {user_id}")
        return Outcome(user_id, {}, finished=False, error=error)


def resume(*, user_id: ObjectId) -> Outcome:
    """Go on with the one deletion, whose job is open."""
    is_there = bool(User.existing_ids([user_id]))
    # In this order: where another worker has ended the job, the user may have come again.
    job = Deletion.collection().find_one({"_id": user_id, "state": OPEN})
    if is_there and job is not None:
        if job["state"] == PURGING:
            Deletion.close(_id=user_id, state=PURGING)
            return Outcome(user_id, {}, finished=True)
        if _is_recent(job):
            # Without transactions another process may be at it, and a receiver may still refuse.
            return Outcome(user_id, {}, finished=False)
        # A crash has left the job written and the user still there.
        _remove(user_id)
    purged = purging.purge(user_id=user_id)
    job = Deletion.collection().find_one(
        {"_id": user_id, "state": OPEN, "since": {"$not": {"$gt": _due()}}}
    )
    if job is None:
        return Outcome(user_id, purged, finished=False)
    while found := purging.purge(user_id=user_id):
        purged = {name: purged.get(name, 0) + found.get(name, 0) for name in purged | found}
    if unknown := _left_to_others(job):
        return Outcome(user_id, purged, finished=False, unknown=unknown)
    if not connection.supports_transactions():
        administrators.forget(user_id=user_id)
    closed = Deletion.close(_id=user_id, since=job.get("since"))
    if closed:
        journal.tell(
            journal.LIFECYCLE,
            "deletion_finished",
            "The deletion of user {user} has ended: the last run purged {documents} documents",
            level=logging.INFO,
            user=user_id,
            documents=sum(purged.values()),
        )
    # Another worker may have ended it, or may be purging a batch.
    return Outcome(user_id, purged, finished=closed or not Deletion.ids_with_job([user_id]))


def find_unknown_collections(*, swept: Sequence[str] = ()) -> dict[str, str]:
    """Return the collections of users that this project has no Document of, and those Documents.

    Empty ones, and those that were swept, are left out.
    """
    known = [model.collection().name for model in OwnedDocument.registered()]
    return OwnedCollection.find_filled(but_for=[*known, *swept])


def _left_to_others(job: Mapping[str, Any]) -> dict[str, str]:
    """Note in the job what this project has swept; return what another one has to."""
    unknown = find_unknown_collections(swept=job.get("swept", ()))
    if unknown:
        known = [model.collection().name for model in OwnedDocument.registered()]
        key = {"_id": job["_id"], "since": job.get("since")}
        Deletion.collection().update_one(key, {"$addToSet": {"swept": {"$each": known}}})
    return unknown


def _remove(user_id: ObjectId) -> int:
    removed: int = administrators.keep_one(
        user_id=user_id, left=administrators.nothing, change=User.objects(id=user_id).delete
    )
    return removed


def _take_over_creation(job: dict[str, Any]) -> bool:
    """Make an abandoned creation a deletion; return whether it is one now."""
    if _is_recent(job):
        return False
    key = {"_id": job["_id"], "state": CREATING}
    if User.collection().find_one({"_id": job["_id"]}, {"_id": 1}):
        Deletion.close(**key)
        return False
    return Deletion.collection().update_one(key, {"$set": {"state": DELETING}}).modified_count == 1


def _end_creation(user_ids: Sequence[ObjectId]) -> None:
    """Remove the jobs of a creation, and the children of users that were not created."""
    wanted = {"_id": {"$in": list(user_ids)}}
    created = {user["_id"] for user in User.collection().find(wanted, {"_id": 1})}
    for user_id in set(user_ids) - created:
        purging.purge(user_id=user_id)
    undone = [
        user_id
        for user_id in user_ids
        if not Deletion.close(_id=user_id, state=CREATING) and user_id in created
    ]
    if undone:
        # A recovery run took this creation for dead and removed what it had made so far.
        User.objects(id__in=undone).delete()
        raise UserNotFound("The creation took so long that it was undone.")


def keep_open(*, user_ids: Collection[ObjectId]) -> set[ObjectId]:
    """Sweep the users who are being deleted once more, after another grace period; return them.

    The caller stores documents of these users again, perhaps after the last sweep.
    """
    again = {"$set": {"since": now()}, "$unset": {"swept": True}}
    return {
        user_id
        for user_id in user_ids
        if Deletion.collection()
        .update_one({"_id": user_id, "state": DELETING}, again)
        .matched_count
    }


def _is_recent(job: Mapping[str, Any]) -> bool:
    """Tell whether the process that has opened the job may still be at work."""
    since = job.get("since")
    return since is not None and since > _due()


def _due() -> Any:
    return now() - timedelta(seconds=conf.DELETION_GRACE_SECONDS)
