"""Counting events the slow way, in Python, to compare with."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Events = Iterable[Mapping[str, Any]]


def between(events: Events, start: datetime, end: datetime, user_id: Any = None) -> list[Any]:
    """Return the events of the range, and of the user if one is given."""
    return [
        event
        for event in events
        if start <= event["timestamp"] < end and user_id in (None, event["userId"])
    ]


def counts(events: Events, field: str, name: str) -> list[dict[str, Any]]:
    """Return what ``get_event_counts`` and ``get_category_counts`` have to."""
    numbers: dict[Any, int] = {}
    for event in events:
        key = event.get(field)
        numbers[key] = numbers.get(key, 0) + 1
    ordered = sorted(numbers, key=lambda key: (-numbers[key], key is not None, key or ""))
    return [{name: key, "count": numbers[key]} for key in ordered]


def timeseries(events: Events, bucket: str, zone: str, by: str | None) -> list[dict[str, Any]]:
    """Return what ``get_timeseries`` has to, in any order."""
    groups: dict[Any, list[Any]] = {}
    for event in events:
        key = (begin(event["timestamp"], bucket, ZoneInfo(zone)), event.get(by) if by else None)
        groups.setdefault(key, []).append(event)
    return [
        {
            "time": time,
            **({by: value} if by else {}),
            "count": len(found),
            "users": len({event["userId"] for event in found}),
            "sessions": len({event.get("sessionId") for event in found} - {None}),
        }
        for (time, value), found in groups.items()
    ]


def begin(time: datetime, bucket: str, zone: ZoneInfo) -> datetime:
    """Return when the bucket begins that the time is in."""
    local = time.astimezone(zone)
    if bucket == "hour":
        return _first_moment(time - timedelta(hours=1), zone, _hour(local))
    day = local.date()
    if bucket == "week":
        day -= timedelta(days=day.weekday())
    if bucket == "month":
        day = day.replace(day=1)
    return _first_day(day, zone, bucket)


@functools.cache
def _first_day(day: date, zone: ZoneInfo, bucket: str) -> datetime:
    # A zone may have left a whole day out.
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=27)
    days = [day + timedelta(days=number) for number in range(1 if bucket == "day" else 3)]
    return min(_first_moment(start, zone, day) for day in days)


def _hour(local: datetime) -> Any:
    return local.replace(tzinfo=None, fold=0, minute=0, second=0, microsecond=0), local.utcoffset()


def _first_moment(start: datetime, zone: ZoneInfo, label: Any) -> datetime:
    """Return the first moment after the start whose hour, or day, of the wall clock it is."""

    def is_in(time: datetime) -> bool:
        local = time.astimezone(zone)
        return label == (local.date() if isinstance(label, date) else _hour(local))

    step, time = timedelta(minutes=5), start
    for _ in range(60 * 60 // 5):
        if is_in(time + step):
            break
        time += step
    else:
        return datetime.max.replace(tzinfo=UTC)
    while step > timedelta(seconds=1):
        step /= 2
        if not is_in(time + step):
            time += step
    return (time + step).replace(microsecond=0)
