"""Documents as they look on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def time(value: datetime | None) -> str | None:
    """Return a time (UTC) as ``2026-01-31T12:00:00.000Z``."""
    return value and value.isoformat(timespec="milliseconds")[:23] + "Z"


def activity(row: dict[str, Any]) -> dict[str, Any]:
    """Return an activity."""
    return {
        "id": str(row["_id"]),
        "userId": str(row["userId"]),
        "appId": row.get("appId"),
        "sessionId": row.get("sessionId"),
        "eventType": row["eventType"],
        "eventData": row.get("eventData"),
        "metadata": row.get("metadata"),
        "timestamp": time(row["timestamp"]),
    }


def profile(row: dict[str, Any]) -> dict[str, Any]:
    """Return a profile."""
    return {
        "id": str(row["_id"]),
        "userId": str(row["userId"]),
        "displayName": row.get("displayName"),
        "bio": row.get("bio"),
        "avatar": row.get("avatar"),
        "metadata": row.get("metadata", {}),
        "createdAt": time(row.get("createdAt")),
        "updatedAt": time(row.get("updatedAt")),
    }


def app_data(row: dict[str, Any]) -> dict[str, Any]:
    """Return a value of an application."""
    return {
        "id": str(row["_id"]),
        "userId": str(row["userId"]),
        "appId": row["appId"],
        "dataKey": row["dataKey"],
        "dataValue": row.get("dataValue"),
        "version": row["version"],
        "createdAt": time(row.get("createdAt")),
        "updatedAt": time(row.get("updatedAt")),
    }
