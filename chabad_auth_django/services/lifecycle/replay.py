"""Deleting users again whom a restored dump has brought back: those with a receipt.

Receipts are kept outside of the database, as ``chabad_erase_user --json`` and
``chabad_delete_user --json`` print them. Entries of the audit trail, as ``chabad_list_audit
--json`` prints them, serve too, and include every deletion.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, BinaryIO

import orjson
from bson import ObjectId

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import AuditEntry, User
from chabad_auth_django.models.audit import DONE
from chabad_auth_django.models.fields import to_utc
from chabad_auth_django.services.identity import audit
from chabad_auth_django.services.lifecycle import purging
from chabad_auth_django.validators import to_object_id

#: The most bytes of one object in JSON.
MAX_OBJECT = 16 * 2**20

#: What the audit trail calls a deletion.
ACTIONS = ("user.delete", "user.erase")


@dataclass(frozen=True)
class Gone:
    """A user who was deleted, and when that was asked for."""

    user_id: ObjectId
    at: datetime


def parse(file: BinaryIO) -> Iterator[Gone]:
    """Yield what the receipts and the entries of the audit trail tell, in JSON or lines of it.

    Memory does not grow with the number of lines. Raises ``ValidationError`` for anything else: a
    list of living users must delete nobody.
    """
    number = 0
    while line := file.readline(MAX_OBJECT + 1):
        number += 1
        if line.isspace():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            if number > 1 or len(line) > MAX_OBJECT:
                raise ValidationError(f"Line {number} is no JSON, or too long.") from None
            document = _whole(line + file.read(MAX_OBJECT + 1 - len(line)))
        yield from _read(document)


def find(*, gone: Iterable[Gone]) -> tuple[list[ObjectId], list[ObjectId]]:
    """Return the ids of the users who are there again, and of those with documents alone.

    A user who was imported after the receipt is in neither list.
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


def purge(*, user_id: ObjectId) -> None:
    """Delete what came back of a user who did not, under a job."""
    audit.record(action="integrity.repair", user_id=user_id, kind="orphan")
    purging.purge_ownerless(user_id=user_id)


def _was_imported(gone: Gone) -> bool:
    after = {"$gt": gone.at}
    key = {"action": "user.import", "userId": gone.user_id, "outcome": DONE, "timestamp": after}
    return AuditEntry.read(**key) is not None


def _whole(content: bytes) -> Any:
    """Return the one object of a file, on several lines."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ValidationError("It is no JSON, or too long.") from None


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
