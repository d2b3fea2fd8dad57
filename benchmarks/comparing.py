"""Whether the contestants have done the same work: what they answer, and what they store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from benchmarks.data import Row
from benchmarks.measure import BASE


def stored(database: Database[Row], criteria: Mapping[str, Row], since: datetime) -> Any:
    """Return the documents that match, without what differs: ids, addresses and times of now."""
    # Mongoose counts the versions of arrays in __v.
    varying = {"_id": 0, "__v": 0, "email": 0}
    return {
        name: [_comparable(row, since) for row in database[name].find(query, varying).sort("_id")]
        for name, query in criteria.items()
    }


def answered(value: Any) -> Any:
    """Return a JSON value without what must differ after a write: ids, and times of now."""
    varying = {"id", "createdAt", "updatedAt"}
    if isinstance(value, dict):
        return {name: answered(item) for name, item in value.items() if name not in varying}
    return value


def check_equal(what: str, values: Mapping[str, Any]) -> None:
    """Raise ``AssertionError`` unless all contestants have the value of raw PyMongo."""
    for name, value in values.items():
        if value != values[BASE]:
            raise AssertionError(
                f"{what}: {name} differs from {BASE}.\n{name}: {value!r:.2000}\n"
                f"{BASE}: {values[BASE]!r:.2000}"
            )


def _comparable(value: Any, since: datetime) -> Any:
    if isinstance(value, dict):
        return {name: _comparable(item, since) for name, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item, since) for item in value]
    if isinstance(value, ObjectId):
        return "an id"
    if isinstance(value, datetime) and value.replace(tzinfo=UTC) >= since:
        return "now"
    return value
