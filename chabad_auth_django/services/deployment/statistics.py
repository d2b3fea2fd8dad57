"""Figures about the whole installation."""

from datetime import datetime, timedelta
from typing import Any

from bson import DatetimeMS

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import Advance
from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.exceptions import ExtraRequired, TooSlow
from chabad_auth_django.models import Activity, Deletion, User
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import active_users, timeseries
from chabad_auth_django.services.deployment import retention

#: Days within which a user counts as active.
ACTIVE_DAYS = (1, 7, 30)

#: Seconds that counting in large collections may take.
TIMEOUT = 5 * 60

#: A figure of a collection's size -> what MongoDB calls it.
_SIZES = {
    "documents": "count",
    "dataBytes": "size",
    "storageBytes": "storageSize",
    "indexBytes": "totalIndexSize",
}


def count_users() -> int:
    """Return how many users there are."""
    return User.collection().estimated_document_count()


def count_active_users() -> dict[int, int]:
    """Return how many users have an activity within the last 1, 7 and 30 days."""
    time = now()
    starts = {days: time - timedelta(days=days) for days in ACTIVE_DAYS}
    pipeline: list[dict[str, Any]] = [
        {"$match": {"timestamp": {"$gte": starts[max(ACTIVE_DAYS)], "$lte": time}}},
        {"$group": {"_id": "$userId", "last": {"$max": "$timestamp"}}},
        {
            "$group": {
                "_id": None,
                **{
                    str(days): {"$sum": {"$cond": [{"$gte": ["$last", start]}, 1, 0]}}
                    for days, start in starts.items()
                },
            }
        },
    ]
    with connection.long_limit(TIMEOUT):
        found = list(Activity.collection().aggregate(pipeline, allowDiskUse=True))
    return {days: found[0][str(days)] if found else 0 for days in ACTIVE_DAYS}


def read_figures() -> dict[str, Any] | None:
    """Return how many users were active yesterday (UTC), and in the week and month until then.

    ``None`` where the extra ``figures`` is not installed, or counting takes too long.
    """
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        with connection.long_limit(TIMEOUT):
            (row,) = active_users.get_active_users(start=today - timedelta(days=1), end=today)
    except (ExtraRequired, TooSlow):
        return None
    return {name: row[name] for name in ("users", "week", "month", "stickiness")}


def count_events_per_day(*, days: int, advance: Advance) -> dict[str, int]:
    """Return day -> activities and analytics events, for the last days (UTC), today included.

    Analytics are what a time series counts, those that are archived too.
    """
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    first, end = today - timedelta(days=days - 1), today + timedelta(days=1)
    with connection.long_limit(TIMEOUT):
        series = timeseries.get_timeseries(start=first, end=end)
    analytics = {row["time"]: row["count"] for row in series}
    counts = {}
    for age in reversed(range(days)):
        start = today - timedelta(days=age)
        query = {"timestamp": {"$gte": start, "$lt": start + timedelta(days=1)}}
        with connection.long_limit(TIMEOUT):
            activities = Activity.collection().count_documents(query)
        counts[f"{start:%Y-%m-%d}"] = activities + analytics.get(start, 0)
        advance(1)
    return counts


def collection_sizes() -> dict[str, dict[str, int]]:
    """Return collection -> documents, bytes of data, bytes on disk and bytes of indexes."""
    database = connection.get_database()
    # The server has no figures of a collection that nothing was stored in yet.
    there = {item["name"] for item in database.list_collections(filter={"type": "collection"})}
    collections = [model.collection() for model in Document.registered()]
    stage: dict[str, Any] = {"$collStats": {"storageStats": {}}}
    wanted = {item.name: (item, [stage]) for item in collections if item.name in there}
    found = aggregate_together(wanted) if wanted else {}
    return {
        item.name: {
            # One row for each shard.
            name: sum(int(row["storageStats"].get(key, 0)) for row in found.get(item.name, ()))
            for name, key in _SIZES.items()
        }
        for item in collections
    }


def ttl_lag() -> dict[str, Any]:
    """Return the retention in days, how many activities are overdue, and the oldest's seconds.

    The days are those of the TTL index and those of the setting. The server removes activities
    once a minute; a lag of many minutes means that it does not keep up.
    """
    days, setting = retention.current_days(), conf.ACTIVITY_RETENTION_DAYS
    if days is None:
        return {"retentionDays": None, "settingDays": setting, "overdue": 0, "lagSeconds": 0}
    lag = round(ttl_lag_seconds(days=days))
    return {
        "retentionDays": days,
        "settingDays": setting,
        "overdue": retention.count_expired(days=days) if lag else 0,
        "lagSeconds": lag,
    }


def ttl_lag_seconds(*, days: float | None) -> float:
    """Return the seconds by which the oldest activity has outlived so many days."""
    if days is None:
        return 0.0
    dated = {"timestamp": {"$type": "date"}}
    oldest = Activity.collection().find_one(dated, {"timestamp": 1}, sort=[("timestamp", 1)])
    return lag_of(oldest and oldest["timestamp"], days=days)


def lag_of(time: Any, *, days: float | None) -> float:
    """Return the seconds by which an activity of that time has outlived so many days."""
    # The server removes nothing that has no date.
    if days is None or not isinstance(time, (datetime, DatetimeMS)):
        return 0.0
    expired = now() - timedelta(days=days)
    # Other programs can store years that Python does not have.
    seconds = int(time) / 1000 if isinstance(time, DatetimeMS) else time.timestamp()
    return max(0.0, float(expired.timestamp() - seconds))


def deletion_queue() -> dict[str, Any]:
    """Return how many deletions are open, and since when the oldest is."""
    return {"open": Deletion.count_jobs(), "oldest": Deletion.oldest_job()}
