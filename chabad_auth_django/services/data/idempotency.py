"""Doing a request once, even if it is sent several times.

The first request with a key claims it, runs, and leaves its answer under the key for a day; the
same request again is given that answer and changes nothing. Requests that fail leave no trace. An
answer is deleted with the user who asked, and with the one whom it shows.

On a replica set claim, effects and answer are one transaction, so a crash or a lost answer leaves
all of it or nothing: exactly once. It costs four commands more than the request alone: an insert
and an update of the record, the commit, and a look whether the user is still there. A replay
costs three: the insert that fails, the end of its transaction, and a find. The transaction of a
process that was killed in it holds the key until the server ends it, after a minute.

Without transactions the three steps follow each other. A crash in between leaves a claim without
an answer, which nobody else gets (``IdempotencyInProgress``) until twice
``CHABAD_AUTH["REQUEST_TIMEOUT"]`` has passed. Then the request runs again, although the effects
of the first time may be there: at least once.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import mongoengine
from bson import ObjectId
from pymongo.errors import PyMongoError

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic, on_commit
from chabad_auth_django.exceptions import (
    AlreadyExists,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    UserNotFound,
)
from chabad_auth_django.models import IdempotencyRecord
from chabad_auth_django.models.fields import now

#: How long an answer is kept.
LIFESPAN = timedelta(days=1)

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What a request was answered; ``subject_id`` is the other user, if any, whom it shows."""

    status: int
    headers: dict[str, str]
    body: bytes
    subject_id: ObjectId | None = None


class _Claimed(Exception):
    """Another request has the key."""


def run_once(
    *,
    user_id: ObjectId,
    key: str,
    fingerprints: Sequence[str],
    run: Callable[[], T],
    answer_of: Callable[[T], Answer],
) -> T | Answer:
    """Run the request under the user's key and return its result, or the answer that is kept.

    ``run`` must be safe to re-run in a transaction that was rolled back. Raises what it raises,
    ``IdempotencyKeyReused`` when the key has none of the fingerprints, of which the first one is
    stored, and ``IdempotencyInProgress``.
    """
    record_id = IdempotencyRecord.key(user_id, key)
    record = {"_id": record_id, "claim": ObjectId()}

    def attempt() -> tuple[T, Answer]:
        _claim(record, user_id, fingerprints[0])
        result = run()
        answer = answer_of(result)
        _keep(record, answer)
        on_commit(partial(_take_back_if_gone, record_id, user_id))
        return result, answer

    if connection.supports_transactions():
        attempt = atomic(attempt)
    while True:
        try:
            result, answer = attempt()
        except _Claimed:
            kept = _kept_answer(record_id, fingerprints)
            if kept is not None:
                return kept
        except (PyMongoError, mongoengine.OperationError):
            # It is unknown what was done: without a transaction the claim stays until it expires.
            raise
        except Exception:
            # Rolled back, unless it was raised after the commit or there is no transaction.
            with suppress(PyMongoError):
                IdempotencyRecord.collection().delete_one(record)
            raise
        else:
            if answer_of(result) != answer:
                # What was done after the commit has changed it. The other one is kept by now.
                on_commit(partial(_keep, record, answer_of(result)))
            return result


def _claim(record: dict[str, Any], user_id: ObjectId, fingerprint: str) -> None:
    time = now()
    document = IdempotencyRecord(
        id=record["_id"],
        claim=record["claim"],
        user_id=user_id,
        fingerprint=fingerprint,
        created_at=time,
        expires_at=time + timedelta(seconds=2 * conf.REQUEST_TIMEOUT),
    )
    try:
        # The look at the user comes last: the request may be to delete it.
        IdempotencyRecord.insert_documents([document], check_users=False)
    except AlreadyExists:
        raise _Claimed from None


def _keep(record: dict[str, Any], answer: Answer) -> None:
    values: dict[str, Any] = {
        "status": answer.status,
        "headers": answer.headers,
        "body": answer.body,
        "expiresAt": now() + LIFESPAN,
    }
    if answer.subject_id is not None:
        values["subjectId"] = answer.subject_id
    # Nothing is stored where the claim was taken for abandoned, or purged with the user.
    IdempotencyRecord.collection().update_one(record, {"$set": values})


def _kept_answer(record_id: str, fingerprints: Sequence[str]) -> Answer | None:
    """Return the answer; ``None`` when the key is free again."""
    stored = IdempotencyRecord.read(_id=record_id)
    if stored is None:
        return None
    seconds_left = (stored["expiresAt"] - now()).total_seconds()
    if seconds_left <= 0:
        # Abandoned, or not removed by the server yet.
        stale = {"_id": record_id, "claim": stored["claim"]}
        IdempotencyRecord.collection().delete_one(stale)
        return None
    if stored["fingerprint"] not in fingerprints:
        raise IdempotencyKeyReused
    if "status" not in stored:
        raise IdempotencyInProgress(seconds_left)
    return Answer(stored["status"], stored["headers"], stored["body"])


def _take_back_if_gone(record_id: str, user_id: ObjectId) -> None:
    # If the request deleted the user, its answer says so.
    with suppress(UserNotFound):
        IdempotencyRecord.take_back_if_gone({record_id: user_id})  # type: ignore[dict-item]
