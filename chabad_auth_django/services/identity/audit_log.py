"""Reading the audit trail."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.pages import PageQuery, Position
from chabad_auth_django.models import AuditEntry

#: What a table of entries shows of each, as it is stored.
FIELDS = (
    "timestamp",
    "actorKind",
    "actorId",
    "operator",
    "action",
    "userId",
    "outcome",
    "code",
    "details",
)

#: The fields in which an entry names a user.
ID_FIELDS = ("userId", "actorId")


def list_entries(
    *,
    limit: int = 100,
    position: Position | None = None,
    user_id: ObjectId | None = None,
    actor: str | None = None,
    action: str | Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> PageQuery:
    """Return a page of the entries that match every criterion given, the newest first.

    ``actor`` is a user's id, or what else ``AuditEntry.actor_id`` may be. ``action`` is one, or
    several.
    """
    criteria: dict[str, Any] = {"userId": user_id, "actorId": actor, "action": action}
    if action is not None and not isinstance(action, str):
        criteria["action"] = {"$in": list(action)}
    query = {name: value for name, value in criteria.items() if value is not None}
    times = {"$gte": since, "$lt": until}
    times = {operator: time for operator, time in times.items() if time is not None}
    if times:
        query["timestamp"] = times
    return PageQuery(
        AuditEntry.collection(),
        query,
        field="timestamp",
        descending=True,
        limit=limit,
        position=position,
    )


def count_entries(*, user_ids: Iterable[ObjectId]) -> int:
    """Return how many entries name one of the users, as the one who acts or whom it is done to."""
    ids = list(user_ids)
    names = {"userId": {"$in": ids}}, {"actorId": {"$in": [str(id) for id in ids]}}
    return AuditEntry.collection().count_documents({"$or": names})
