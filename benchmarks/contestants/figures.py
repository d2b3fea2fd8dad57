"""Figures of Analytics, called as a host project calls them; each returns how many rows it has."""

from __future__ import annotations

import resource
from datetime import datetime
from typing import Any

from chabad_auth_django.services.analytics import active_users, bitmaps, rollups, timeseries
from chabad_auth_django.services.deployment import indexes


def deploy() -> None:
    """Create the indexes."""
    indexes.create()


def roll_up(has_sets: bool) -> list[int]:
    """Count all days; return how many there were, and the most MiB that the process ever took."""
    bitmaps.is_installed = has_sets
    days = len(list(rollups.run()))
    return [days, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]


def series(start: str, end: str, **asked: Any) -> int:
    """Count events in each bucket."""
    return len(timeseries.get_timeseries(**_range(start, end), **asked))


def active(start: str, end: str, **asked: Any) -> int:
    """Count different users of each bucket."""
    return len(active_users.get_active_users(**_range(start, end), **asked))


def retention(start: str, end: str, **asked: Any) -> int:
    """Count who comes back in each later bucket."""
    return len(active_users.get_retention(**_range(start, end), **asked))


def _range(start: str, end: str) -> dict[str, datetime]:
    return {"start": datetime.fromisoformat(start), "end": datetime.fromisoformat(end)}
