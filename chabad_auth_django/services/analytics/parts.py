"""Which quarter hours of a range are counted by the documents of their days, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chabad_auth_django.models import AnalyticsQuarters
from chabad_auth_django.models.counting import DAY, Sources, start_of_day
from chabad_auth_django.models.rollup import QUARTER, QUARTERS
from chabad_auth_django.services.analytics.buckets import Run
from chabad_auth_django.services.analytics.counts import valid_builds

#: Counts the quarter hours of a document; tells whether it has what is asked for.
Count = Callable[[Mapping[str, Any], list[Run]], bool]

_LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)


def count_days(
    sources: Sources,
    *,
    runs: Callable[[datetime], list[Run] | None],
    fields: Mapping[str, Any],
    count: Count,
) -> Sources:
    """Count what the valid documents have of the sources' ranges; return the sources of the rest.

    ``runs`` says how a day (UTC) is divided, ``fields`` is what is read of a document.
    """
    if sources.session is None or not sources.ranges:
        return sources
    start, end = sources.ranges[0][0], sources.ranges[-1][1]
    first, last = start_of_day(start), start_of_day(end)
    if last < min(end, _LAST_DAY):
        last += DAY
    builds = valid_builds(sources.session, first, last)
    documents = AnalyticsQuarters.collection().aggregate(
        [{"$match": {"_id": {"$in": sorted(builds)}}}, {"$project": {"build": 1, **fields}}],
        session=sources.session,
    )
    counted = []
    for document in documents:
        day = document["_id"]
        from_quarter = max(0, -((day - start) // QUARTER))
        to_quarter = min(QUARTERS, (end - day) // QUARTER)
        if document.get("build") == builds[day] and from_quarter < to_quarter:
            clipped = _clip(runs(day), from_quarter, to_quarter)
            if clipped and count(document, clipped):
                counted.append((day + from_quarter * QUARTER, day + to_quarter * QUARTER))
    return replace(sources, ranges=list(_between(start, sorted(counted), end)))


def _clip(runs: list[Run] | None, first: int, last: int) -> list[Run]:
    clipped = [(key, max(first, begin), min(last, end)) for key, begin, end in runs or ()]
    return [run for run in clipped if run[1] < run[2]]


def _between(
    start: datetime, counted: list[tuple[datetime, datetime]], end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    for begin, until in [*counted, (end, end)]:
        if start < begin:
            yield start, begin
        start = until
