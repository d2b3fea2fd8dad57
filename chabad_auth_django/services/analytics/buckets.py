"""Hours, days, weeks and months of a time zone: which one a moment is in, and when it begins."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.counting import FIRST
from chabad_auth_django.models.rollup import QUARTER, QUARTERS

Bucket = Literal["hour", "day", "week", "month"]

#: The label of a bucket, which is the wall clock at its begin as if it were UTC, and the offset in
#: milliseconds where the bucket is an hour: where the clock is set back, an hour comes twice.
Key = tuple[datetime, int | None]

#: The quarter hours of a day from one to before another, and the bucket that they are in.
Run = tuple[Key, int, int]

#: No zone has changed its offset twice within this time.
_STEP = timedelta(hours=6)

_LAST = datetime.max.replace(tzinfo=UTC)

#: How long before the first event the bucket can begin that it is in.
_LONGEST_BUCKET = timedelta(days=32)

_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Buckets:
    """The buckets of one kind in a range of a time zone."""

    bucket: Bucket
    #: The offsets from UTC in the range, each with the moment from which it holds.
    offsets: list[tuple[datetime, timedelta]]

    @classmethod
    def of(cls, bucket: Bucket, time_zone: str, start: datetime, end: datetime) -> Self:
        """Return the buckets of a range; raise ``ValidationError``."""
        try:
            return cls(bucket, _offsets(_zone(time_zone), start, end))
        except OverflowError:
            raise _beyond_the_calendar() from None

    def expression(self, time: str) -> dict[str, Any]:
        """Return the expression of the label and the offset of a stored time.

        MongoDB knows time zones too, but its table of them is another one than Python's.
        """
        offset: Any = {"$literal": self.offsets[0][1] // _MILLISECOND}
        for moment, later in self.offsets[1:]:
            offset = {"$cond": [{"$gte": [time, moment]}, later // _MILLISECOND, offset]}
        # Other programs may have stored several times in one event: it is in no bucket.
        local = {"$cond": [{"$isArray": [time]}, None, {"$add": [time, offset]}]}
        return {
            "label": {"$dateTrunc": {"date": local, "unit": self.bucket, "startOfWeek": "monday"}},
            "offset": offset if self.bucket == "hour" else None,
        }

    def label(self, time: datetime) -> datetime:
        """Return the label of the bucket that a moment is in; may raise ``OverflowError``."""
        return self._truncate(time + self._offset(time))

    def runs(self, day: datetime) -> list[Run] | None:
        """Return the buckets of the quarter hours of a day (UTC).

        ``None`` where a bucket begins within a quarter hour: its events have to be counted.
        """
        try:
            return list(self._runs(day))
        except (_WithinQuarterError, OverflowError):
            return None

    def begin(self, key: Key) -> datetime | None:
        """Return the first moment at which the wall clock shows a time of the bucket, if any does.

        Raises ``ValidationError`` beyond the calendar.
        """
        label, shown = key
        length = _LENGTHS.get(self.bucket) or _days_of_month(label)
        ends = [moment for moment, _ in self.offsets[1:]] + [_LAST]
        try:
            for (moment, offset), end in zip(self.offsets, ends, strict=True):
                begin = max(label - offset, moment)
                is_it = shown in (None, offset // _MILLISECOND)
                if is_it and begin < min(label - offset + length, end):
                    return begin
        except OverflowError:
            raise _beyond_the_calendar() from None
        return None

    def next_label(self, label: datetime) -> datetime:
        """Return the label after this one; may raise ``OverflowError``."""
        return label + (_LENGTHS.get(self.bucket) or _days_of_month(label))

    def _runs(self, day: datetime) -> Iterator[Run]:
        quarter = 0
        while quarter < QUARTERS:
            time = day + quarter * QUARTER
            offset = self._offset(time)
            local = time + offset
            hour = local.replace(minute=0, second=0, microsecond=0)
            is_hour = self.bucket == "hour"
            # Weeks and months begin with a day.
            end = hour + _LENGTHS["hour"] if is_hour else hour.replace(hour=0) + _LENGTHS["day"]
            changes = [moment for moment, _ in self.offsets[1:] if moment > time]
            length = min([end - local, *(moment - time for moment in changes)])
            last = min(QUARTERS, quarter + length // QUARTER)
            if last < QUARTERS and length % QUARTER:
                raise _WithinQuarterError
            shown = offset // _MILLISECOND if is_hour else None
            yield (self._truncate(local), shown), quarter, last
            quarter = last

    def _offset(self, time: datetime) -> timedelta:
        return next(offset for moment, offset in reversed(self.offsets) if moment <= time)

    def _truncate(self, local: datetime) -> datetime:
        if self.bucket == "hour":
            return local.replace(minute=0, second=0, microsecond=0)
        day = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.bucket == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.bucket == "month" else day


class _WithinQuarterError(Exception):
    """A bucket begins within a quarter hour."""


def _zone(name: object) -> ZoneInfo:
    if not isinstance(name, str) or name not in zone_names():
        raise ValidationError("The time zone is unknown; use a name such as Asia/Jerusalem.")
    return ZoneInfo(name)


@cache
def zone_names() -> set[str]:
    """Return the names of the time zones."""
    # "localtime" is another zone on each machine. Some file systems would take "asia/jerusalem".
    return available_timezones() - {"localtime"}


def _offsets(zone: ZoneInfo, start: datetime, end: datetime) -> list[tuple[datetime, timedelta]]:
    """Return the offsets that the zone has in the buckets of the range."""
    if zone.key == "UTC":
        return [(FIRST, timedelta(0))]
    time = start - _LONGEST_BUCKET
    offsets = [(FIRST, _offset(zone, time))]
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


def _days_of_month(label: datetime) -> timedelta:
    return timedelta(days=monthrange(label.year, label.month)[1])


def _beyond_the_calendar() -> ValidationError:
    return ValidationError("The time is not within the years 1 to 9999.")
