"""How many different users were active; the one place that knows how they are counted."""

from datetime import datetime
from typing import Any

from chabad_auth_django.services.analytics import active_users, bitmaps, timeseries


def users_by_bucket(
    *, start: datetime, end: datetime, bucket: Any, time_zone: str
) -> list[dict[str, Any]]:
    """Return rows of ``time``, when a bucket begins, and ``users``; raise ``TooSlow``."""
    if bitmaps.is_installed and bucket in active_users.BUCKETS:
        return active_users.get_active_users(
            start=start, end=end, bucket=bucket, time_zone=time_zone
        )
    # Slow: it reads the events.
    return timeseries.get_timeseries(
        start=start, end=end, bucket=bucket, time_zone=time_zone, distinct=True
    )
