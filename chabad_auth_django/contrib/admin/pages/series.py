"""Events over time: what a page asks for, and the chart of the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.utils import translation

from chabad_auth_django.contrib.admin.charts.columns import Column, Columns, stack
from chabad_auth_django.contrib.admin.charts.marks import name_of
from chabad_auth_django.contrib.admin.page import section
from chabad_auth_django.contrib.admin.pages import periods
from chabad_auth_django.contrib.admin.pages.periods import Period
from chabad_auth_django.contrib.admin.reads import calendar
from chabad_auth_django.exceptions import (
    EventsArchived,
    ReplicaSetRequired,
    TooSlow,
    ValidationError,
)
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.models.counting import DAY
from chabad_auth_django.services.analytics import timeseries

#: The states of days that a chart marks, and what it calls them.
MARKED = {"archived": "archived", calendar.OPEN: "open", calendar.CHANGED: "open"}


@dataclass(frozen=True)
class Question:
    """Which events are counted, in which buckets of which zone."""

    period: Period
    bucket: Any
    by: str | None
    #: The one value of the field ``by`` that counts, as a chart calls it.
    only: str
    zone: tzinfo
    zone_name: str
    user_id: Any = None

    def rows(self, period: Period) -> list[dict[str, Any]]:
        """Return the rows of the time series."""
        rows = timeseries.get_timeseries(
            start=periods.floor(period.start, self.bucket, self.zone),
            end=period.end,
            bucket=self.bucket,
            time_zone=self.zone_name,
            by=self.by,
            user_id=self.user_id,
        )
        if self.by and self.only:
            rows = [row for row in rows if name_of(row[self.by]) == self.only]
        return rows

    def begins(self, times: Sequence[datetime]) -> list[datetime]:
        """Return when the buckets begin, those without events too."""
        return sorted({*periods.buckets(self.period, self.bucket, self.zone), *times})

    def label(self, begin: datetime, *, is_short: bool) -> str:
        """Return what a bucket is called."""
        return periods.label(begin, self.bucket, self.zone, is_short=is_short)


def read_if_countable(read: Callable[[], Columns]) -> Columns | TooSlow | None:
    """Return the chart, ``TooSlow``, or ``None`` where there is the list of the events alone.

    So it is of a very long range, and of hours that are in files by now.
    """
    try:
        return section(read)
    except (EventsArchived, ReplicaSetRequired, ValidationError):
        return None


def chart(
    question: Question,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: str,
    title: str,
    value: str = "count",
    states: Mapping[datetime, str] | None = None,
    link: Callable[[datetime], str] = lambda begin: "",
    has_total: bool = True,
) -> Columns:
    """Return the chart of the rows; ``states`` are those of the UTC days."""
    by = question.by if rows and question.by in rows[0] else None
    parts, values = stack(rows, by=by, value=value, name=title, first=EVENT_CATEGORIES)
    columns = []
    for begin in question.begins(list(values)):
        counts = values.get(begin, (0,) * len(parts))
        state = _state(question, begin, states or {})
        columns.append(
            Column(
                label=question.label(begin, is_short=True),
                name=question.label(begin, is_short=False),
                values=counts,
                state=state if any(counts) else "",
                href=link(begin),
            )
        )
    is_rtl = translation.get_language_bidi()
    return Columns(key, title, parts, tuple(columns), is_rtl, has_total)


def _state(question: Question, begin: datetime, states: Mapping[datetime, str]) -> str:
    """Return how the first UTC day is marked that the bucket has a part of and that is marked."""
    day = periods.midnight(begin.astimezone(UTC).date(), UTC)
    end = periods.following(begin, question.bucket, question.zone)
    while day < end:
        if state := MARKED.get(states.get(day, "")):
            return state
        day += DAY
    return ""
