"""Which quarter hours of a range are counted by the documents of their days, and what is left."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bson import ObjectId

from chabad_auth_django.models import AnalyticsQuarters
from chabad_auth_django.models.counting import Sources, start_of_day
from chabad_auth_django.models.rollup import QUARTER
from chabad_auth_django.services.analytics.buckets import Run

#: Counts the quarter hours of a document; tells whether it has what is asked for.
Count = Callable[[Mapping[str, Any], list[Run]], bool]


def count_days(
    sources: Sources,
    builds: Mapping[datetime, ObjectId],
    *,
    runs: Callable[[datetime], list[Run] | None],
    fields: Callable[[list[Run]], Mapping[str, Any]],
    count: Count,
) -> Sources:
    """Count what the valid documents have of the sources' ranges; return the sources of the rest.

    ``builds`` are the valid ones, ``runs`` says how a day (UTC) is divided, ``fields`` what is read
    of the documents for runs.
    """
    if sources.session is None or not sources.ranges:
        return sources
    start, end = sources.ranges[0][0], sources.ranges[-1][1]
    divided = {
        day: list(_clip(day, runs(day) or [], start, end))
        for day in builds
        if start_of_day(start) <= day < end
    }
    days = sorted(day for day in divided if divided[day])
    all_runs = [run for day in days for run in divided[day]]
    if not days:
        return sources
    documents = AnalyticsQuarters.collection().aggregate(
        [{"$match": {"_id": {"$in": days}}}, {"$project": {"build": 1, **fields(all_runs)}}],
        session=sources.session,
        # Otherwise those beyond 101 take another command.
        batchSize=10_000,
    )
    counted = []
    for document in documents:
        day = document["_id"]
        if document.get("build") == builds[day] and count(document, divided[day]):
            begin, until = divided[day][0][1], divided[day][-1][2]
            counted.append((day + begin * QUARTER, day + until * QUARTER))
    return replace(sources, ranges=list(_between(start, sorted(counted), end)))


def _clip(day: datetime, runs: list[Run], start: datetime, end: datetime) -> Iterator[Run]:
    """Yield the parts of the runs that are in the range."""
    # Rounded inwards.
    first, last = -((day - start) // QUARTER), (end - day) // QUARTER
    for key, begin, until in runs:
        if max(first, begin) < min(last, until):
            yield key, max(first, begin), min(last, until)


def _between(
    start: datetime, counted: list[tuple[datetime, datetime]], end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    for begin, until in [*counted, (end, end)]:
        if start < begin:
            yield start, begin
        start = until
