"""Active users by day, week and month of any time zone, and how many come back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.counting import DAY, FIRST, snapshot_read
from chabad_auth_django.models.event import utc_argument
from chabad_auth_django.models.rollup import KEYS
from chabad_auth_django.services.analytics import bitmaps
from chabad_auth_django.services.analytics.buckets import Bucket, Buckets
from chabad_auth_django.services.analytics.counts import refuse_in_transaction
from chabad_auth_django.services.analytics.snapshots import open_snapshot
from chabad_auth_django.services.analytics.user_sets import BEFORE, Reader, Sets

BUCKETS = ("day", "week", "month")
COHORTS = ("active", "firstTime")

#: The longest range that is counted.
LONGEST = timedelta(days=366)

#: The most later buckets of a row of retention.
MAX_PERIODS = 90

#: The days that make the month that ends with a day.
MONTH = 30

#: The last bucket of a range ends within this time.
_MARGIN = timedelta(days=33)

Cohort = Literal["active", "firstTime"]


@snapshot_read
def get_active_users(
    *,
    start: datetime,
    end: datetime,
    bucket: Bucket = "day",
    time_zone: str = "UTC",
    by: str | None = None,
    value: str | None = None,
    first_time: bool = False,
) -> list[dict[str, Any]]:
    """Count the users who were active in each whole bucket that begins with ``start <= … < end``.

    Returns rows of ``time``, when the bucket begins, and ``users``; days have ``week`` and
    ``month`` too, the users of the 7 and 30 days that end with the day, and ``stickiness``, users
    divided by month. ``first_time`` adds ``firstTime``, those who were never active before, and
    ``returning``, the others. ``by`` and ``value`` choose events, such as those of an ``appId``.

    Raises ``ValidationError``, ``EventsArchived``, ``ExtraRequired`` and ``TooSlow``.
    """
    lead = (MONTH - 1) * DAY if bucket == "day" else timedelta(0)
    start, end = utc_argument(start), utc_argument(end)
    labels, sets = _read(start, end, bucket, time_zone, by, value, lead=lead, before=first_time)
    seen = sets.pop(BEFORE, bitmaps.BitMap())
    days = by_number(sets)
    rows = []
    for label, begin in labels:
        active = sets.get(label, bitmaps.BitMap())
        if begin >= start:
            row: dict[str, Any] = {"time": begin, "users": len(active)}
            if bucket == "day":
                row |= {"week": trailing(days, label, 7), "month": trailing(days, label, MONTH)}
                row["stickiness"] = len(active) / row["month"] if row["month"] else 0.0
            if first_time:
                row["firstTime"] = len(active - seen)
                row["returning"] = len(active) - row["firstTime"]
            rows.append(row)
        if first_time:
            seen |= active
    return rows


@snapshot_read
def get_retention(
    *,
    start: datetime,
    end: datetime,
    bucket: Bucket = "day",
    time_zone: str = "UTC",
    by: str | None = None,
    value: str | None = None,
    cohort: Cohort = "active",
    periods: int = 30,
) -> list[dict[str, Any]]:
    """Count how many users of each whole bucket are active in the later ones of the range.

    Returns rows of ``time``, ``users``, how many the cohort has, and ``retained``: how many of them
    were active in the next bucket, in the one after it and so on, for ``periods`` at most. A
    cohort is the users who were active in the bucket, or those for whom it was the first time.
    Takes and raises what ``get_active_users`` does.
    """
    if cohort not in COHORTS:
        raise ValidationError(f"A cohort is one of {', '.join(COHORTS)}.")
    if not 1 <= periods <= MAX_PERIODS:
        raise ValidationError(f"There are 1 to {MAX_PERIODS} periods.")
    is_new = cohort == "firstTime"
    start, end = utc_argument(start), utc_argument(end)
    labels, sets = _read(start, end, bucket, time_zone, by, value, before=is_new)
    seen = sets.pop(BEFORE, bitmaps.BitMap())
    cohorts: list[tuple[datetime, bitmaps.BitMap]] = []
    actives: list[bitmaps.BitMap] = []
    for label, begin in labels:
        active = sets.get(label, bitmaps.BitMap())
        if begin >= start:
            actives.append(active)
            cohorts.append((begin, active - seen))
        if is_new:
            seen |= active
    return [
        {
            "time": begin,
            "users": len(users),
            "retained": [
                users.intersection_cardinality(later)
                for later in actives[index + 1 : index + 1 + periods]
            ],
        }
        for index, (begin, users) in enumerate(cohorts)
    ]


def _read(
    start: datetime,
    end: datetime,
    bucket: Bucket,
    time_zone: str,
    by: str | None,
    value: str | None,
    *,
    lead: timedelta = timedelta(0),
    before: bool,
) -> tuple[list[tuple[datetime, datetime]], Sets]:
    """Return the labels, each with when its bucket begins, and the users of each label.

    ``lead`` is how much time before the range there is too.
    """
    bitmaps.require()
    refuse_in_transaction()
    _check(start, end, bucket, by, value)
    try:
        buckets = Buckets.of(bucket, time_zone, start - lead, end + _MARGIN)
        first = buckets.label(start) - lead
        labels, stop = _labels(buckets, first, start, end)
    except OverflowError:
        raise ValidationError("The time is not within the years 1 to 9999.") from None
    if not labels:
        return [], {}
    begin = labels[0][1]
    with open_snapshot(start=begin, end=stop, earlier=before) as snapshot:
        sources = snapshot.find_sources(by_days=time_zone == "UTC")
        # All of it: sums of days do not tell who was there.
        sources = replace(sources, ranges=[(FIRST if before else begin, stop)])
        reader = Reader(snapshot, buckets, by, value, begin if before else None)
        return labels, reader.read(sources)


def _check(start: datetime, end: datetime, bucket: str, by: str | None, value: str | None) -> None:
    if bucket not in BUCKETS:
        raise ValidationError(f"A bucket is one of {', '.join(BUCKETS)}.")
    if by is not None and by not in KEYS:
        raise ValidationError(f"Events are chosen by {', '.join(KEYS)}.")
    if by is None and value is not None:
        raise ValidationError("A value takes a field that has it.")
    if end - start > LONGEST:
        raise ValidationError(f"A range has at most {LONGEST.days} days.")


def _labels(
    buckets: Buckets, label: datetime, start: datetime, end: datetime
) -> tuple[list[tuple[datetime, datetime]], datetime]:
    """Return the labels from one to the last that begins before the end, and where that ends."""
    labels: list[tuple[datetime, datetime]] = []
    # A zone may have left a day out.
    while (begin := buckets.begin((label, None))) is None or begin < end:
        if begin is not None:
            labels.append((label, begin))
        label = buckets.next_label(label)
    # Where the clock is set back over midnight, the last day comes twice.
    is_near = any(abs(moment - begin) < DAY for moment, _ in buckets.offsets[1:])
    is_empty = not labels or labels[-1][1] < start
    return [] if is_empty else labels, begin + DAY if is_near else begin


def by_number(sets: Sets) -> dict[int, "bitmaps.BitMap"]:
    """Return the sets by the numbers of their days."""
    # To find a time that PyMongo has read takes ten times as long as a number.
    return {label.toordinal(): users for label, users in sets.items()}


def trailing(days: Mapping[int, "bitmaps.BitMap"], label: datetime, count: int) -> int:
    """Return how many users were active in so many days that end with one."""
    last = label.toordinal()
    some = [days[day] for day in range(last - count + 1, last + 1) if day in days]
    return len(bitmaps.union(some))
