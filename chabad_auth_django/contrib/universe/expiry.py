"""Removing activities when the ``ttl`` of their batch has passed, where a setting asks for it.

Without ``UNIVERSE_HONOURS_TTL`` there is neither the field ``expiresAt`` nor its index.
"""

from datetime import timedelta
from typing import Any

from chabad_auth_django.conf import conf as core_conf
from chabad_auth_django.contrib.universe.conf import conf
from chabad_auth_django.models import Activity
from chabad_auth_django.models.fields import now

#: Most activities have no such field.
INDEX: dict[str, Any] = {"fields": [("expiresAt", 1)], "sparse": True}

SHORTEST = timedelta(days=1)


def is_honoured() -> bool:
    """Tell whether a ``ttl`` counts."""
    return conf.UNIVERSE_HONOURS_TTL


def lifetime(ttl: Any) -> timedelta | None:
    """Return for how long activities are kept whose batch has the ``ttl`` in milliseconds.

    ``None`` where it does not count, or is no number.
    """
    if not is_honoured() or isinstance(ttl, bool) or not isinstance(ttl, (int, float)):
        return None
    longest = timedelta(days=core_conf.ACTIVITY_RETENTION_DAYS)
    millisecond = timedelta(milliseconds=1)
    if ttl >= longest / millisecond:
        return longest
    # Only now is it a number that a timedelta takes.
    return ttl * millisecond if ttl > SHORTEST / millisecond else SHORTEST


def purge(**kwargs: Any) -> int:
    """Receive ``purge_due``: remove what has expired, in batches; return how many."""
    count = 0
    overdue = {"expiresAt": {"$lte": now()}}
    while is_honoured():
        found = Activity.collection().find(overdue, {"_id": 1}).limit(core_conf.PURGE_BATCH_SIZE)
        ids = [row["_id"] for row in found]
        if not ids:
            break
        count += Activity.collection().delete_many({"_id": {"$in": ids}}).deleted_count
    return count
