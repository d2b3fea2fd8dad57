"""Deletion: the job of a user who is being deleted, and the receipt of what was deleted.

A job also stands for what is left of a user, and for one who is being created step by step.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import mongoengine
from bson import ObjectId
from mongoengine.fields import DictField, EmbeddedDocumentField, IntField, ListField, StringField
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.conf import conf
from chabad_auth_django.db.errors import duplicates
from chabad_auth_django.exceptions import DeletionOpen, ValidationError
from chabad_auth_django.hashing import keyed_hashes
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import DateTimeField, ObjectIdField, now
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.models.user import User
from chabad_auth_django.validators import normalize_email

CREATING, DELETING, PURGING = "creating", "deleting", "purging"

#: The state of a job that is open. One that is done has none.
OPEN = {"$in": [CREATING, DELETING, PURGING]}

#: Where version 0.2.0 kept the receipts.
OLD_RECEIPTS = "erasures"


class StoredReceipt(mongoengine.EmbeddedDocument):
    """What was found when the deletion began, and under which names the user was known.

    Of the names it has hashes only.
    """

    meta = {"strict": False}

    names: list[str] = ListField(StringField())
    found: dict[str, int] = DictField()
    since: datetime = DateTimeField()
    finished_at: datetime | None = DateTimeField(db_field="finishedAt")


class Deletion(Document):
    """A job, a receipt, or both; the ``_id`` is the user's.

    The receipt stays until it is taken. By then one of its names may be the name of another user.
    """

    meta = {
        "collection": "deletions",
        "indexes": [["state", "since"], {"fields": ["receipt.names"], "sparse": True}],
    }

    sharding = Sharding(reason="a queue, and receipts that nobody has taken", unique="_id")

    id: ObjectId = ObjectIdField(primary_key=True)
    state: str | None = StringField(choices=(CREATING, DELETING, PURGING))
    since: datetime | None = DateTimeField()
    #: A token for each deletion that has joined; the last to be refused removes the job.
    tries: list[Any] = ListField(ObjectIdField())
    #: How many batches were purged.
    batches: int = IntField()
    #: A token for each batch that is being purged without a transaction.
    running: list[Any] = ListField(ObjectIdField())
    #: Collections that were swept after the grace period, where one project lacks a Document.
    swept: list[str] = ListField(StringField())
    receipt: StoredReceipt | None = EmbeddedDocumentField(StoredReceipt)

    @classmethod
    def open_jobs(cls, user_ids: Sequence[ObjectId], *, state: str) -> None:
        """Leave a job for each user; raise ``DeletionOpen`` where there is one. A receipt stays."""
        job = {"$set": {"state": state, "since": now()}}
        free = [{"_id": user_id, "state": None} for user_id in user_ids]
        try:
            cls.collection().bulk_write([UpdateOne(key, job, upsert=True) for key in free])
        except BulkWriteError as error:
            duplicates(error)
            raise DeletionOpen from None

    @classmethod
    def ids_with_job(cls, user_ids: Iterable[ObjectId]) -> set[ObjectId]:
        """Return those of the users for whom there is a job."""
        query = {"_id": {"$in": list(user_ids)}, "state": OPEN}
        return {job["_id"] for job in cls.collection().find(query, {"_id": 1})}

    @classmethod
    def ids_with_untried_job(cls, user_ids: Iterable[ObjectId]) -> set[ObjectId]:
        """Return those of the users whose job no deletion on a standalone server has joined."""
        query = {"_id": {"$in": list(user_ids)}, "state": OPEN, "tries.0": {"$exists": False}}
        return {job["_id"] for job in cls.collection().find(query, {"_id": 1})}

    @classmethod
    def count_jobs(cls) -> int:
        """Return how many deletions, and creations without transactions, are under way."""
        return cls.collection().count_documents({"state": OPEN})

    @classmethod
    def oldest_job(cls) -> datetime | None:
        """Return since when the oldest of them is open."""
        query = {"state": OPEN, "since": {"$type": "date"}}
        job = cls.collection().find_one(query, sort=[("since", 1)])
        return job["since"] if job else None

    @staticmethod
    def started_at(row: Mapping[str, Any]) -> datetime:
        """Return since when there is the job or the receipt; if they do not say, the user."""
        receipt, begun = row.get("receipt"), row["_id"].generation_time
        times = row.get("since"), receipt.get("since") if isinstance(receipt, dict) else None
        # Another program may have stored what is no time.
        return next((time for time in times if isinstance(time, datetime)), begun)

    @classmethod
    def close(cls, **key: Any) -> bool:
        """End the job with these stored fields, if there is one; tell whether there was.

        A receipt stays, and says when that was. A job with a batch that is being purged stays open,
        unless the batch began before ``CHABAD_AUTH["DELETION_GRACE_SECONDS"]``: it was killed.
        """
        # An ObjectId tells in which second it was made.
        killed = now() - timedelta(seconds=conf.DELETION_GRACE_SECONDS - 1)
        key["running"] = {"$not": {"$gt": ObjectId.from_datetime(killed)}}
        if cls.collection().delete_one({**key, "receipt": None}).deleted_count:
            return True
        time = {"$ifNull": ["$receipt.finishedAt", now()]}
        finished = {"$mergeObjects": ["$receipt", {"finishedAt": time}]}
        closed = cls.collection().update_one(
            {**key, "state": key.get("state", OPEN)},
            [
                {"$set": {"receipt": {"$cond": ["$receipt", finished, "$$REMOVE"]}}},
                {"$unset": ["state", "since", "tries", "batches", "running", "swept"]},
            ],
        )
        cls._drop_if_empty(key["_id"])
        return closed.matched_count == 1

    @classmethod
    def add_receipt(cls, user_id: ObjectId, receipt: Mapping[str, Any]) -> None:
        """Give a receipt to the job of a deleted user, unless it has one.

        Where the job has ended already, it begins again: the receipt is to say when it ends.
        """
        added = {"$set": {"receipt": receipt}}
        key = {"_id": user_id}
        if not cls.collection().update_one({**key, "receipt": None}, added).matched_count:
            job = {"state": DELETING, "since": now(), "receipt": receipt}
            cls.collection().update_one(key, {"$setOnInsert": job}, upsert=True)

    @classmethod
    def take_receipt(cls, user_id: ObjectId) -> None:
        """Remove the receipt, with the last that tells of the names; a job stays."""
        if not cls.collection().delete_one({"_id": user_id, "state": None}).deleted_count:
            cls.collection().update_one({"_id": user_id}, {"$unset": {"receipt": True}})
            cls._drop_if_empty(user_id)

    @classmethod
    def _drop_if_empty(cls, user_id: ObjectId) -> None:
        # It was ended and its receipt was taken at the same moment.
        cls.collection().delete_one({"_id": user_id, "state": None, "receipt": None})

    @staticmethod
    def hashes(name: str) -> list[str]:
        """Return what a receipt keeps of a name, and what it kept with former secret keys."""
        # What other programs stored may be no address that could be normalised.
        with suppress(ValidationError):
            name = normalize_email(name)
        return keyed_hashes(OLD_RECEIPTS, name)

    @classmethod
    def find_of_gone_users(cls, name: str) -> list[dict[str, Any]]:
        """Return the documents with a receipt under that name whose users were deleted.

        Without transactions a crash can leave one of a user who is still there; it tells nothing.
        """
        cls.adopt_old_receipts()
        found = list(cls.collection().find({"receipt.names": {"$in": cls.hashes(name)}}))
        there = User.existing_ids(row["_id"] for row in found)
        return [row for row in found if row["_id"] not in there]

    @classmethod
    def adopt_old_receipts(cls) -> None:
        """Move the receipts that version 0.2.0 or older has written into their jobs."""
        old = cls.database().get_collection(OLD_RECEIPTS, read_preference=ReadPreference.PRIMARY)
        for record in list(old.find()):
            cls._adopt(record)
            old.delete_one({"_id": record["_id"]})

    @classmethod
    def _adopt(cls, record: Mapping[str, Any]) -> None:
        key = {"_id": record["_id"]}
        receipt = {"receipt": {name: record[name] for name in record if name != "_id"}}
        if record.get("finishedAt") is not None:
            cls.collection().update_one(key, {"$setOnInsert": receipt}, upsert=True)
        elif cls.read(**key) or not User.read(**key):
            cls.add_receipt(record["_id"], receipt["receipt"])
        # Else a crash left it, before the user was removed.
