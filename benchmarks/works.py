"""The works that are done in a process: what each contestant is asked to do, and its budget."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from benchmarks.data import (
    Data,
    Row,
    Scale,
    app_data_value,
    insert_app_data,
    insert_user,
    iso,
    sent_activities,
)

INGEST_BATCH = 1_000

#: Collections, and what is looked for in each.
Criteria = dict[str, Row]


@dataclass(frozen=True)
class Order:
    """What one contestant does in one round; ``stored`` finds what it has written then."""

    calls: list[dict[str, Any]]
    stored: Callable[[], Criteria] = dict


@dataclass(frozen=True)
class Work:
    """One work. ``function`` is its name in each contestant, the budget a ratio of times."""

    function: str
    title: str
    budget: float
    order: Callable[[Database[Row], Data, Scale], Order]


def create_users(database: Database[Row], data: Data, scale: Scale) -> Order:
    """Users whom nobody has created."""
    emails = [f"{uuid.uuid4().hex}@example.org" for _ in range(scale.calls)]

    def stored() -> Criteria:
        users = {"email": {"$in": emails}}
        mine = {"userId": {"$in": database["users"].distinct("_id", users)}}
        return {"users": users, "profiles": mine, "preferences": mine}

    return Order([{"email": email, "name": "Ann Example"} for email in emails], stored)


def record_logins(database: Database[Row], data: Data, scale: Scale) -> Order:
    """Return a user who signs in over and over."""
    owner = _user(database)
    call = {"user_id": str(owner), "app_id": "cteen", "session_id": "session-1"}
    mine = {"userId": owner}
    return Order(
        [call] * scale.calls,
        lambda: {"users": {"_id": owner}, "activities": mine, "analytics": mine},
    )


def ingest(database: Database[Row], data: Data, scale: Scale) -> Order:
    """Batches of activities of one user."""
    owner = _user(database)
    sent = sent_activities(data, scale.ingested)
    calls = [
        {"user_id": str(owner), "activities": sent[start : start + INGEST_BATCH]}
        for start in range(0, len(sent), INGEST_BATCH)
    ]
    return Order(calls, lambda: {"activities": {"userId": owner}})


def list_activities(database: Database[Row], data: Data, scale: Scale) -> Order:
    """Return the newest activities of the user who has many."""
    return Order([{"user_id": str(data.reader)}] * scale.list_calls)


def upsert_app_data(database: Database[Row], data: Data, scale: Scale) -> Order:
    """One key, stored over and over."""
    owner = _user(database)
    key = _stored_key(database, owner)
    calls = [{**key, "data_value": app_data_value(number)} for number in range(scale.calls)]
    return Order(calls, lambda: {"appdatas": {"userId": owner}})


def create_app_data(database: Database[Row], data: Data, scale: Scale) -> Order:
    """Keys that nobody has stored."""
    owner = _user(database)
    calls = [
        {
            "user_id": str(owner),
            "app_id": "cteen",
            "data_key": f"key-{number}",
            "data_value": app_data_value(number),
        }
        for number in range(scale.calls)
    ]
    return Order(calls, lambda: {"appdatas": {"userId": owner}})


def update_app_data(database: Database[Row], data: Data, scale: Scale) -> Order:
    """One key, each time with the version that is stored."""
    owner = _user(database)
    key = _stored_key(database, owner)
    calls = [
        {**key, "data_value": app_data_value(number), "expected_version": number + 1}
        for number in range(scale.calls)
    ]
    return Order(calls, lambda: {"appdatas": {"userId": owner}})


def count_events(database: Database[Row], data: Data, scale: Scale) -> Order:
    """All analytics events."""
    return Order([{"start": iso(data.start), "end": iso(data.end)}])


#: Counting comes first, when the events were rolled up just now.
WORKS = [
    Work("count_events", "counts over 90 days, rolled up", 0.02, count_events),
    Work("create_user", "create user + profile + preferences", 1.4, create_users),
    Work("record_login", "sign-in flow", 1.2, record_logins),
    Work("ingest", "validated bulk insert", 1.4, ingest),
    Work("list_activities", "last 100 activities to JSON", 1.2, list_activities),
    Work("upsert_app_data", "AppData upsert", 1.2, upsert_app_data),
    Work("upsert_app_data", "AppData upsert of a new key", 2, create_app_data),
    Work("update_app_data", "AppData optimistic update", 1.2, update_app_data),
]


def _user(database: Database[Row]) -> ObjectId:
    return insert_user(database, f"{uuid.uuid4().hex}@example.org")


def _stored_key(database: Database[Row], owner: ObjectId) -> dict[str, str]:
    insert_app_data(database, owner, "cteen", "settings")
    return {"user_id": str(owner), "app_id": "cteen", "data_key": "settings"}
