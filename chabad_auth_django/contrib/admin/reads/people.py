"""Counts of users, read with one command. An id begins with the time of its creation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.models import Session, User
from chabad_auth_django.models.fields import now

#: The most users, or sessions, that are counted.
MOST = 20_000


@dataclass(frozen=True)
class People:
    """Users at a glance."""

    total: int
    #: How many users were created in the last seven days, and in the seven before.
    joined: int
    joined_before: int
    #: Sessions that began within the last 24 hours and are not ended.
    signed_in: int
    newest: Sequence[Mapping[str, Any]]


def read(*, newest: int = 0) -> People:
    """Return the figures, and so many of the newest users with ``_id`` and ``name``."""
    week = timedelta(days=7)
    middle = ObjectId.from_datetime(now() - week)
    users = User.collection()
    pipelines: dict[str, Any] = {
        "total": (users, [{"$collStats": {"count": {}}}]),
        "joined": (
            users,
            [
                {"$match": {"_id": {"$gte": ObjectId.from_datetime(now() - 2 * week)}}},
                {"$sort": {"_id": -1}},
                {"$limit": MOST},
                {"$group": {"_id": {"$gte": ["$_id", middle]}, "count": {"$sum": 1}}},
            ],
        ),
        "signed_in": (
            Session.collection(),
            [
                {"$match": {"_id": {"$gte": ObjectId.from_datetime(now() - timedelta(days=1))}}},
                {"$limit": MOST},
                {"$count": "count"},
            ],
        ),
    }
    if newest:
        pipelines["newest"] = (
            users,
            [{"$sort": {"_id": -1}}, {"$limit": newest}, {"$project": {"name": 1}}],
        )
    found = aggregate_together(pipelines)
    joined = {row["_id"]: row["count"] for row in found["joined"]}
    return People(
        total=sum(row["count"] for row in found["total"]),
        joined=joined.get(True, 0),
        joined_before=joined.get(False, 0),
        signed_in=sum(row["count"] for row in found["signed_in"]),
        newest=found.get("newest", []),
    )
