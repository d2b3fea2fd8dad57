"""What is stored of one person, or of a few."""

from collections.abc import Sequence

from bson import ObjectId

from chabad_auth_django.db.reads import Row, aggregate_together, send_together
from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models import Block, Deletion, Preferences, Profile, User
from chabad_auth_django.models.deletion import DELETING
from chabad_auth_django.models.owned import OwnedDocument


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
    """Return how many documents the users own together in each collection; with one command."""
    found = aggregate_together(
        {
            model.collection().name: (
                model.collection(),
                [{"$match": model.owned_by(user_ids)}, {"$count": "documents"}],
            )
            for model in OwnedDocument.registered()
        }
    )
    return {name: sum(row["documents"] for row in rows) for name, rows in found.items()}


def find_leaving(*, user_ids: Sequence[ObjectId]) -> set[ObjectId]:
    """Return which of the users are being deleted."""
    query = {"_id": {"$in": list(user_ids)}, "state": DELETING}
    return {row["_id"] for row in Deletion.collection().find(query, {"_id": 1})}
