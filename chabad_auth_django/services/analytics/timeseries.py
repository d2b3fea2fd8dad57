"""Counting Analytics by hours, days, weeks and months of a time zone."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from chabad_auth_django.db.batches import id_key
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import AnalyticsDailyUser
from chabad_auth_django.models.counting import (
    Sources,
    Stages,
    count_pipeline,
    rows_model,
    snapshot_read,
    sum_by,
)
from chabad_auth_django.models.event import utc_argument
from chabad_auth_django.services.analytics import parts, quarters
from chabad_auth_django.services.analytics.buckets import Bucket, Buckets, Key, Run
from chabad_auth_django.services.analytics.snapshots import Snapshot, open_snapshot
from chabad_auth_django.validators import to_object_id

#: What the counts may be divided by.
BY = ("eventName", "eventCategory", "appId")

#: Bucket -> the longest range in which hours, and other zones than UTC, are counted.
LONGEST = {
    "hour": timedelta(days=31),
    "day": timedelta(days=366),
    "week": timedelta(days=366),
    "month": timedelta(days=366),
}

#: The most rows of an answer.
MAX_ROWS = 10_000

Row = dict[str, Any]


@snapshot_read
def get_timeseries(
    *,
    start: datetime,
    end: datetime,
    bucket: Bucket = "day",
    time_zone: str = "UTC",
    by: str | None = None,
    user_id: Any = None,
    distinct: bool = False,
) -> list[dict[str, Any]]:
    """Count the events with ``start <= timestamp < end`` in each bucket that has any.

    Returns rows of ``time``, when the bucket begins (aware, UTC), ``count`` and the field that
    ``by`` names; in order of time, the most frequent first. ``distinct`` adds ``users`` and
    ``sessions``, how many different ones there are, which takes far longer than counting. A week
    begins on Monday. Hours are those of the wall clock. Where the clock is set back, the same hour
    comes twice. An hour in which the clock changes is split, or begins at the change.

    Hours and other zones than UTC have ranges of at most ``LONGEST``. Raises ``ValidationError``,
    also for more than ``MAX_ROWS`` rows, ``EventsArchived`` and ``TooSlow``.
    """
    start, end = utc_argument(start), utc_argument(end)
    if bucket not in LONGEST:
        raise ValidationError(f"A bucket is one of {', '.join(LONGEST)}.")
    if by is not None and by not in BY:
        raise ValidationError(f"Counts can be divided by {', '.join(BY)}.")
    in_utc = bucket != "hour" and time_zone == "UTC"
    if not in_utc and end - start > LONGEST[bucket]:
        days = LONGEST[bucket].days
        raise ValidationError(f"A time series by {bucket} in {time_zone} has at most {days} days.")
    buckets = Buckets.of(bucket, time_zone, start, end)
    user_id = None if user_id is None else to_object_id(user_id)
    # Of single users the roll-ups have days in UTC only.
    rolled_up = in_utc or user_id is None
    with open_snapshot(start=start, end=end, rolled_up=rolled_up) as snapshot:
        sources = snapshot.find_sources(user_id, by_days=in_utc)
        if in_utc or user_id is not None:
            rows = _count(sources, buckets, by)
        else:
            rows = _count_by_quarters(sources, snapshot, buckets, by)
        if len(rows) > MAX_ROWS:
            raise ValidationError(f"The time series has more than {MAX_ROWS:,} rows.")
        numbers = {
            name: _distinct(sources, buckets, by, field)
            for name, field in (("users", "userId"), ("sessions", "sessionId"))
            if distinct
        }
    found_rows = [
        {
            "time": buckets.begin((row["_id"]["label"], row["_id"]["offset"])),
            **({} if by is None else {by: row["_id"]["by"]}),
            "count": row["count"],
            **{name: found.get(_hashable(row["_id"]), 0) for name, found in numbers.items()},
        }
        for row in rows
    ]
    return sorted(found_rows, key=itemgetter("time"))


def _count(sources: Sources, buckets: Buckets, by: str | None) -> list[Row]:
    """Return the buckets with the number of their events, the most frequent first."""
    counts = [
        *_pipeline(sources, buckets, by),
        {"$match": {"_id.label": {"$ne": None}}},
        {"$sort": {"count": -1, "_id.by": 1}},
        {"$limit": MAX_ROWS + 1},
    ]
    collection = rows_model(sources).collection()
    # Without the size, the rows beyond 101 take another command.
    return list(collection.aggregate(counts, session=sources.session, batchSize=MAX_ROWS + 2))


def _count_by_quarters(
    sources: Sources, snapshot: Snapshot, buckets: Buckets, by: str | None
) -> list[Row]:
    """Return the same from the documents of quarter hours, and from the events for the rest."""
    totals: Counter[tuple[Key, str | None]] = Counter()

    def count(document: Mapping[str, Any], runs: list[Run]) -> bool:
        found = document.get(by or quarters.ALL)
        for part in [] if found is None else found if by else [found]:
            counts = quarters.counts_of(part)
            for key, begin, end in runs:
                totals[key, part.get("value")] += sum(counts[begin:end])
        return found is not None

    fields = {f"{by}.value": 1, f"{by}.counts": 1} if by else {f"{quarters.ALL}.counts": 1}
    rest = parts.count_days(
        sources, snapshot.builds, runs=buckets.runs, fields=lambda runs: fields, count=count
    )
    rows = {
        _hashable(row["_id"]): row for row in (_count(rest, buckets, by) if rest.ranges else ())
    }
    for (key, value), number in totals.items():
        label, offset = key
        bucket = {"label": label, "offset": offset} | ({"by": value} if by else {})
        rows.setdefault(_hashable(bucket), {"_id": bucket, "count": 0})["count"] += number
    there = [row for row in rows.values() if row["count"]]
    return sorted(there, key=lambda row: (-row["count"], _order(row["_id"].get("by"))))


def _order(value: Any) -> tuple[int, str]:
    """Return the place of a value as the server sorts texts and null, with all else at the end."""
    return (
        (2, repr(value)) if not isinstance(value, str | None) else (value is not None, value or "")
    )


def _pipeline(
    sources: Sources, buckets: Buckets, by: str | None, value: str | None = None
) -> Stages:
    """Return the stages that count by bucket, by the field ``by`` and by a value."""
    fields = {name: f"${field}" for name, field in (("by", by), ("value", value)) if field}
    # By plain fields first, which is quick, and then the few days that are left by bucket.
    days = sum_by({"day": "$day", **fields})
    by_bucket = sum_by(
        buckets.expression("$_id.day") | {name: _or_null(f"$_id.{name}") for name in fields}
    )
    event_key = buckets.expression("$timestamp") | {
        name: _or_null(path) for name, path in fields.items()
    }
    return count_pipeline(sources, rows=[days, by_bucket], event_key=event_key)


def _or_null(path: str) -> dict[str, Any]:
    return {"$ifNull": [path, None]}


def _distinct(sources: Sources, buckets: Buckets, by: str | None, field: str) -> dict[Any, int]:
    """Return how many values of the field the events of each bucket have."""
    bucket = {name: f"$_id.{name}" for name in ("label", "offset", "by")}
    pipeline: Stages = [
        *_pipeline(sources, buckets, by, field),
        {"$match": {"_id.value": {"$ne": None}}},
        {"$group": {"_id": bucket, "values": {"$sum": 1}}},
    ]
    rows = AnalyticsDailyUser.collection().aggregate(
        pipeline, session=sources.session, allowDiskUse=True
    )
    return {_hashable(row["_id"]): row["values"] for row in rows}


def _hashable(key: dict[str, Any]) -> Any:
    # To MongoDB, 1 and 1.0 are one value.
    return key["label"], key["offset"], id_key({"_id": key.get("by")})
