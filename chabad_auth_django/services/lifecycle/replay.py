"""Deleting users again whom a restored dump has brought back: those with a receipt.

Receipts are kept outside of the database, as ``chabad_erase_user --json`` and
``chabad_delete_user --json`` print them. Entries of the audit trail, as ``chabad_list_audit
--json`` prints them, serve too, and include every deletion.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson
from bson import ObjectId

from chabad_auth_django.exceptions import DeletionOpen, ValidationError
from chabad_auth_django.models import AuditEntry, Deletion, User
from chabad_auth_django.models.audit import DONE
from chabad_auth_django.models.deletion import DELETING
from chabad_auth_django.models.fields import to_utc
from chabad_auth_django.services.lifecycle import purging
from chabad_auth_django.validators import to_object_id

#: What the audit trail calls a deletion.
ACTIONS = ("user.delete", "user.erase")


@dataclass(frozen=True)
class Gone:
    """A user who was deleted, and when that was asked for."""

    user_id: ObjectId
    at: datetime


def parse(content: bytes) -> list[Gone]:
    """Return what the receipts and the entries of the audit trail tell, in JSON or lines of it.

    Raises ``ValidationError`` for anything else: a list of living users must delete nobody.
    """
    try:
        documents = [orjson.loads(content)]
    except orjson.JSONDecodeError:
        documents = list(_lines(content))
    return [gone for document in documents for gone in _read(document)]


def find(*, gone: Iterable[Gone]) -> tuple[list[ObjectId], list[ObjectId]]:
    """Return the ids of the users who are there again, and of those with documents alone.

    Who was imported after the receipt is in neither.
    """
    users, documents = [], []
    # Of several receipts of one user the newest counts.
    newest = {item.user_id: item for item in sorted(gone, key=attrgetter("at"))}
    for item in newest.values():
        if _was_imported(item):
            continue
        if User.existing_ids([item.user_id]):
            users.append(item.user_id)
        elif any(purging.count_documents(user_id=item.user_id).values()):
            documents.append(item.user_id)
    return users, documents


def purge(*, user_id: ObjectId) -> int:
    """Delete the documents of a deleted user, under a job; return how many there were."""
    with suppress(DeletionOpen):
        Deletion.open_jobs([user_id], state=DELETING)
    return sum(purging.purge(user_id=user_id).values())


def _was_imported(gone: Gone) -> bool:
    after = {"$gt": gone.at}
    key = {"action": "user.import", "userId": gone.user_id, "outcome": DONE, "timestamp": after}
    return AuditEntry.read(**key) is not None


def _lines(content: bytes) -> Iterator[Any]:
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            if line.strip():
                yield orjson.loads(line)
        except orjson.JSONDecodeError:
            raise ValidationError(f"Line {number} is no JSON.") from None


def _read(document: Any) -> Iterator[Gone]:
    if not isinstance(document, Mapping):
        raise ValidationError("It holds something else than receipts.")
    for name in ("receipts", "entries", "users"):
        if isinstance(document.get(name), list):
            for item in document[name]:
                # A list of users without receipts is a list of living users.
                yield from _read(item if name != "users" else _receipt_of(item))
            return
    if document.get("action") in ACTIONS:
        if document.get("outcome") == DONE:
            yield _gone(document, "timestamp")
    # Other entries of the audit trail tell of no deletion.
    elif "action" not in document:
        yield _gone(document, "requestedAt")


def _receipt_of(user: Any) -> Any:
    return user.get("receipt") if isinstance(user, Mapping) else None


def _gone(document: Mapping[str, Any], time: str) -> Gone:
    try:
        at = to_utc(datetime.fromisoformat(document[time]))
        return Gone(to_object_id(document["userId"]), at)
    except (KeyError, TypeError, ValueError, ValidationError):
        raise ValidationError(
            "It holds something else than receipts: each has a userId and a time of request."
        ) from None
