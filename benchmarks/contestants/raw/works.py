"""The works."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from bson import ObjectId

from benchmarks.contestants.raw import shapes, store


def create_user(email: str, name: str) -> None:
    """Store a user, the profile and the preferences."""
    store.create_user(email, name)


def record_login(user_id: str, app_id: str, session_id: str) -> None:
    """Store what a sign-in leaves."""
    store.record_login(ObjectId(user_id), app_id, session_id)


def ingest(user_id: str, activities: list[dict[str, Any]]) -> int:
    """Store a batch of activities; return how many are new."""
    owner = ObjectId(user_id)
    store.insert_activities(owner, [store.activity(owner, sent) for sent in activities])
    return len(activities)


def list_activities(user_id: str) -> bytes:
    """Return the newest 100 activities of a user."""
    rows = store.list_activities(ObjectId(user_id), 100)
    return orjson.dumps([shapes.activity(row) for row in rows])


def upsert_app_data(user_id: str, app_id: str, data_key: str, data_value: Any) -> int:
    """Store a value, whatever is there; return its version."""
    return store.upsert_app_data(ObjectId(user_id), app_id, data_key, data_value)["version"]


def update_app_data(
    user_id: str, app_id: str, data_key: str, data_value: Any, expected_version: int
) -> int:
    """Store a value in place of the version that is expected; return the new version."""
    return store.update_app_data(ObjectId(user_id), app_id, data_key, data_value, expected_version)[
        "version"
    ]


def count_events(start: str, end: str) -> list[dict[str, Any]]:
    """Count analytics events by name."""
    return store.count_events(datetime.fromisoformat(start), datetime.fromisoformat(end))
