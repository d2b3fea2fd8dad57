"""Purging what deleted users left: in batches, and under a job.

The job is in the collection ``deletions``, and each batch checks it. While there is a job, the user
cannot be stored again: a late worker could delete the documents of a new import.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.db.transactions import atomic, on_commit
from chabad_auth_django.models import Deletion, User
from chabad_auth_django.models.deletion import CREATING, OPEN, PURGING
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.owned import OwnedDocument


def purge(*, user_id: ObjectId, until: float | None = None) -> dict[str, int]:
    """Delete what a removed user owns, in batches; return the count per collection.

    It ends where the job has been ended, also if there is another one by then: the user may have
    been imported again.

    After ``until``, a value of ``time.monotonic()``, only the first batch begins. So an empty
    result means that nothing is left, or that ``until`` was over at the start. Memory does not
    grow with the data.
    """
    purged: dict[str, int] = {}
    if until is not None and time.monotonic() >= until:
        return purged
    row = Deletion.read(_id=user_id, state=OPEN)
    if row is None:
        return purged
    job = {name: row.get(name) for name in ("_id", "state", "since")}
    for model in OwnedDocument.registered():
        collection, query = model.collection(), model.owned_by([user_id])
        while until is None or not purged or time.monotonic() < until:
            rows = collection.find(query, {"_id": 1}).limit(conf.PURGE_BATCH_SIZE)
            ids = [row["_id"] for row in rows]
            if not ids:
                break
            deleted = _purge_batch(model, job, ids)
            if deleted is None:
                return purged
            purged[collection.name] = purged.get(collection.name, 0) + deleted
    return purged


def purge_ownerless(*, user_id: ObjectId) -> bool:
    """Purge what a user owns who is not there, under a job; tell whether nothing is left."""
    while True:
        jobs, key = Deletion.collection(), {"_id": user_id, "state": PURGING}
        with suppress(DuplicateKeyError):
            free = {"_id": user_id, "state": None}
            jobs.update_one(free, {"$set": {"state": PURGING, "since": now()}}, upsert=True)
        # From here on only a writer that had begun before stores the user.
        is_created = jobs.find_one({"_id": user_id, "state": CREATING})
        if is_created or User.existing_ids([user_id]):
            Deletion.close(**key)
            return False
        purge(user_id=user_id)
        if is_purged(user_id=user_id):
            Deletion.close(**key)
            return True


def is_purged(*, user_id: ObjectId) -> bool:
    """Tell whether nothing is stored that the user owns."""
    first, *others = OwnedDocument.registered()
    unions = [
        {"$unionWith": {"coll": model.collection().name, "pipeline": _any_of(model, user_id)}}
        for model in others
    ]
    found = first.collection().aggregate([*_any_of(first, user_id), *unions, {"$limit": 1}])
    return not list(found)


def count_documents(*, user_id: ObjectId) -> dict[str, int]:
    """Return how many documents the user owns in each collection; in a transaction, too."""
    return {
        model.collection().name: model.collection().count_documents(model.owned_by([user_id]))
        for model in OwnedDocument.registered()
    }


def count_documents_of(*, user_ids: Sequence[ObjectId]) -> dict[ObjectId, dict[str, int]]:
    """Return what ``count_documents`` does for each of a few users; with one command for all."""
    models = {model.collection().name: model for model in OwnedDocument.registered()}
    found = aggregate_together(
        {
            f"{user_id} {name}": (
                model.collection(),
                [{"$match": model.owned_by([user_id])}, {"$count": "documents"}],
            )
            for user_id in user_ids
            for name, model in models.items()
        }
    )
    return {
        user_id: {
            name: sum(row["documents"] for row in found[f"{user_id} {name}"]) for name in models
        }
        for user_id in user_ids
    }


@atomic
def _purge_batch(
    model: type[OwnedDocument], job: Mapping[str, Any], ids: Sequence[Any]
) -> int | None:
    jobs = Deletion.collection()
    # A change: a look would not conflict with the end of the job.
    change: dict[str, Any] = {"$inc": {"batches": 1}}
    if not connection.supports_transactions():
        # The job must not end before the batch does. After an error the server may still be at it.
        running = {"running": ObjectId()}
        change["$push"] = running
        on_commit(lambda: jobs.update_one({"_id": job["_id"]}, {"$pull": running}), robust=False)
    if not jobs.update_one(job, change).matched_count:
        return None
    if deleted := model.purge(user_id=job["_id"], ids=ids):
        return deleted
    # An id that is no UTF-8 is another one when it has been decoded, and names nothing.
    return model.purge(user_id=job["_id"], ids=None)


def _any_of(model: type[OwnedDocument], user_id: ObjectId) -> list[dict[str, Any]]:
    return [{"$match": model.owned_by([user_id])}, {"$limit": 1}, {"$project": {"_id": 1}}]
