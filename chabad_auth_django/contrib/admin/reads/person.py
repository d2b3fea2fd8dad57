"""What is stored of one person, or of a few."""

from collections.abc import Iterable, Sequence
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.reads import Row, aggregate_together, send_together
from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models import AuditEntry, Block, Deletion, Preferences, Profile, User
from chabad_auth_django.models.audit import DONE
from chabad_auth_django.models.deletion import DELETING
from chabad_auth_django.models.owned import OwnedDocument

#: Entries that are looked through for the last one.
MOST_ENTRIES = 1_000


def read_stored(*, user_id: ObjectId) -> dict[str, Row | None]:
    """Return the stored ``user``, ``profile``, ``preferences`` and ``block`` with one command.

    What is missing is ``None``. Raises ``UserNotFound``.
    """
    found, _ = send_together(
        {
            "user": User.reading(_id=user_id),
            "profile": Profile.reading(userId=user_id),
            "preferences": Preferences.reading(userId=user_id),
            "block": Block.reading(userId=user_id),
        }
    )
    if found["user"] is None:
        raise UserNotFound
    return found


def count_documents_of(*, user_ids: Sequence[ObjectId]) -> dict[str, int]:
    """Return how many documents the users own together, by collection; with one command."""
    found = aggregate_together(
        {
            model.collection().name: (
                model.collection(),
                [{"$match": model.owned_by(user_ids)}, {"$count": "documents"}],
            )
            for model in OwnedDocument.registered()
        }
    )
    return {name: sum(row["documents"] for row in rows) for name, rows in found.items() if rows}


def find_leaving(*, user_ids: Sequence[ObjectId]) -> set[ObjectId]:
    """Return which of the users are being deleted."""
    query = {"_id": {"$in": list(user_ids)}, "state": DELETING}
    return {row["_id"] for row in Deletion.collection().find(query, {"_id": 1})}


def find_languages(*, user_ids: list[ObjectId]) -> dict[ObjectId, Any]:
    """Return the language that each of the users prefers, as it is stored."""
    query = {"userId": {"$in": user_ids, "$not": {"$type": "array"}}}
    found = Preferences.collection().find(query, {"userId": 1, "language": 1})
    return {row["userId"]: row.get("language") for row in found}


def find_last_entries(
    *, user_ids: Iterable[ObjectId], actions: Iterable[str]
) -> dict[ObjectId, Row]:
    """Return the last entry of one of the actions, by the user it was done to."""
    query = {"userId": {"$in": list(user_ids)}, "action": {"$in": list(actions)}, "outcome": DONE}
    found = AuditEntry.collection().find(query).sort("timestamp").limit(MOST_ENTRIES)
    return {row["userId"]: row for row in found}
