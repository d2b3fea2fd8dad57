"""Counting Analytics by hours, days, weeks and months of a time zone."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import AnalyticsDailyUser
from chabad_auth_django.models.counting import (
    Sources,
    Stages,
    count_pipeline,
    open_sources,
    rows_model,
    snapshot_read,
    sum_by,
)
from chabad_auth_django.models.event import utc_argument
from chabad_auth_django.services.analytics.counts import refuse_in_transaction, valid_builds

#: What the counts may be divided by.
BY = ("eventName", "eventCategory", "appId")

#: Bucket -> the longest range for which it is counted from the events alone.
LONGEST = {
    "hour": timedelta(days=31),
    "day": timedelta(days=366),
    "week": timedelta(days=366),
    "month": timedelta(days=366),
}

#: The most rows of an answer.
MAX_ROWS = 10_000

#: No zone has changed its offset twice within this time.
_STEP = timedelta(hours=6)

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

#: How long before the first event the bucket can begin that it is in.
_LONGEST_BUCKET = timedelta(days=32)

_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}

#: The offsets from UTC of a zone, each with the moment from which it holds.
Offsets = list[tuple[datetime, timedelta]]

Bucket = Literal["hour", "day", "week", "month"]
Label = Callable[[str], dict[str, Any]]


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
    begins on Monday. An hour is one of the wall clock; where the clock is set back, the same hour
    comes twice, and one in which the clock is changed is two, or begins at the change.

    Roll-ups serve whole UTC days; hours and other zones are counted from the events, for ranges of
    at most ``LONGEST``. Raises ``ValidationError``, also for more than ``MAX_ROWS`` rows,
    ``EventsArchived`` and ``TooSlow``.
    """
    start, end = utc_argument(start), utc_argument(end)
    zone = _zone(time_zone)
    if bucket not in LONGEST:
        raise ValidationError(f"A bucket is one of {', '.join(LONGEST)}.")
    if by is not None and by not in BY:
        raise ValidationError(f"Counts can be divided by {', '.join(BY)}.")
    in_utc = bucket != "hour" and time_zone == "UTC"
    if not in_utc and end - start > LONGEST[bucket]:
        days = LONGEST[bucket].days
        raise ValidationError(f"A time series by {bucket} in {time_zone} has at most {days} days.")
    try:
        offsets = _offsets(zone, start, end)
    except OverflowError:
        raise _beyond_the_calendar() from None
    label = _label(offsets, bucket)
    refuse_in_transaction()
    with open_sources(start, end, user_id, valid_builds, by_days=in_utc) as sources:
        counts = [
            *_pipeline(sources, label, by),
            {"$sort": {"count": -1, "_id.by": 1}},
            {"$limit": MAX_ROWS + 1},
        ]
        rows = list(rows_model(sources).collection().aggregate(counts, session=sources.session))
        if len(rows) > MAX_ROWS:
            raise ValidationError(f"The time series has more than {MAX_ROWS:,} rows.")
        numbers = {
            name: _distinct(sources, label, by, field)
            for name, field in (("users", "userId"), ("sessions", "sessionId"))
            if distinct
        }
    found_rows = [
        {
            "time": _begin(row["_id"], offsets, bucket),
            **({} if by is None else {by: row["_id"]["by"]}),
            "count": row["count"],
            **{name: found.get(_hashable(row["_id"]), 0) for name, found in numbers.items()},
        }
        for row in rows
    ]
    return sorted(found_rows, key=itemgetter("time"))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValidationError(
            "The time zone is unknown; use a name such as Asia/Jerusalem."
        ) from None


def _offsets(zone: ZoneInfo, start: datetime, end: datetime) -> Offsets:
    """Return the offsets that the zone has in the buckets of the range."""
    if zone.key == "UTC":
        return [(_FIRST, timedelta(0))]
    time = start - _LONGEST_BUCKET
    offsets = [(_FIRST, _offset(zone, time))]
    while time < end:
        later = min(time + _STEP, end)
        if _offset(zone, later) != offsets[-1][1]:
            before = time
            while later - before > timedelta(seconds=1):
                middle = before + (later - before) / 2
                if _offset(zone, middle) == offsets[-1][1]:
                    before = middle
                else:
                    later = middle
            later = later.replace(microsecond=0)
            offsets.append((later, _offset(zone, later)))
        time = later
    return offsets


def _offset(zone: ZoneInfo, time: datetime) -> timedelta:
    return time.astimezone(zone).utcoffset() or timedelta(0)


def _label(offsets: Offsets, bucket: str) -> Label:
    """Return what makes the label of a bucket: the wall clock at its begin, as if it were UTC.

    MongoDB knows time zones too, but its table of them is another one than Python's.
    """

    def label(time: str) -> dict[str, Any]:
        offset: Any = {"$literal": offsets[0][1] // timedelta(milliseconds=1)}
        for moment, later in offsets[1:]:
            milliseconds = later // timedelta(milliseconds=1)
            offset = {"$cond": [{"$gte": [time, moment]}, milliseconds, offset]}
        local = {"$add": [time, offset]}
        return {
            "label": {"$dateTrunc": {"date": local, "unit": bucket, "startOfWeek": "monday"}},
            "offset": offset if bucket == "hour" else None,
        }

    return label


def _pipeline(sources: Sources, label: Label, by: str | None, value: str | None = None) -> Stages:
    """Return the stages that count by bucket, by the field ``by`` and by a value."""
    fields = {name: f"${field}" for name, field in (("by", by), ("value", value)) if field}
    # By plain fields first, which is quick, and then the few days that are left by bucket.
    days = sum_by({"day": "$day", **fields})
    by_bucket = sum_by(label("$_id.day") | {name: _or_null(f"$_id.{name}") for name in fields})
    event_key = label("$timestamp") | {name: _or_null(path) for name, path in fields.items()}
    return count_pipeline(sources, rows=[days, by_bucket], event_key=event_key)


def _or_null(path: str) -> dict[str, Any]:
    return {"$ifNull": [path, None]}


def _distinct(sources: Sources, label: Label, by: str | None, field: str) -> dict[Any, int]:
    """Return how many values of the field the events of each bucket have."""
    bucket = {name: f"$_id.{name}" for name in ("label", "offset", "by")}
    pipeline: Stages = [
        *_pipeline(sources, label, by, field),
        {"$match": {"_id.value": {"$ne": None}}},
        {"$group": {"_id": bucket, "values": {"$sum": 1}}},
    ]
    rows = AnalyticsDailyUser.collection().aggregate(
        pipeline, session=sources.session, allowDiskUse=True
    )
    return {_hashable(row["_id"]): row["values"] for row in rows}


def _hashable(key: dict[str, Any]) -> Any:
    return key["label"], key["offset"], repr(key.get("by"))


def _begin(key: dict[str, Any], offsets: Offsets, bucket: str) -> datetime:
    """Return the first moment at which the wall clock shows a time of the bucket."""
    label: datetime = key["label"]
    length = _LENGTHS.get(bucket) or timedelta(days=monthrange(label.year, label.month)[1])
    ends = [moment for moment, _ in offsets[1:]] + [_LAST]
    try:
        return next(
            begin
            for (moment, offset), end in zip(offsets, ends, strict=True)
            if key["offset"] in (None, offset // timedelta(milliseconds=1))
            and (begin := max(label - offset, moment)) < min(label - offset + length, end)
        )
    except OverflowError:
        raise _beyond_the_calendar() from None


def _beyond_the_calendar() -> ValidationError:
    return ValidationError("The time is not within the years 1 to 9999.")
