"""Analytics at a glance: days by category, and what is most common, in one answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chabad_auth_django.models.counting import (
    Stages,
    count_pipeline,
    open_sources,
    rows_model,
    snapshot_read,
    sum_by,
)
from chabad_auth_django.services.analytics.buckets import Buckets
from chabad_auth_django.services.analytics.counts import refuse_in_transaction, valid_builds

#: The fields that are looked at for what is most common.
FIELDS = ("eventName", "appId")

#: Rows of days and categories; other programs may have stored any category.
MAX_ROWS = 5_000


@dataclass(frozen=True)
class Summary:
    """Counts of a range; each list has the most frequent first."""

    #: Rows of ``time`` (a midnight in UTC), ``eventCategory`` and ``count``.
    days: list[dict[str, Any]]
    #: Field -> rows of its name and ``count``.
    common: dict[str, list[dict[str, Any]]]


@snapshot_read
def summarize(*, start: datetime, end: datetime, most: int = 10, user_id: Any = None) -> Summary:
    """Count the events with ``start <= timestamp < end`` by UTC day and category, name, and appId.

    Those of one user, where one is given.

    Raises ``EventsArchived``, and ``TooSlow``.
    """
    refuse_in_transaction()
    fields = ("eventCategory", *FIELDS)
    with open_sources(start, end, user_id, valid_builds) as sources:
        midnight = Buckets.of("day", "UTC", start, end).expression("$timestamp")["label"]
        rows: Stages = [sum_by({"day": "$day"} | {name: f"${name}" for name in fields})]
        event_key = {"day": midnight} | {name: f"${name}" for name in fields}
        facets = {name: _most_common(name, most) for name in FIELDS}
        pipeline = [
            *count_pipeline(sources, rows=rows, event_key=event_key),
            {"$facet": {**facets, "days": _days()}},
        ]
        found = rows_model(sources).collection().aggregate(pipeline, session=sources.session)
        answer = next(iter(found))
    return Summary(days=answer.pop("days"), common=answer)


def _days() -> Stages:
    key = {"time": "$_id.day", "eventCategory": "$_id.eventCategory"}
    category = {"$ifNull": ["$_id.eventCategory", None]}
    return [
        {"$match": {"_id.day": {"$ne": None}}},
        sum_by(key),
        {"$sort": {"count": -1}},
        {"$limit": MAX_ROWS},
        {"$project": {"_id": 0, "time": "$_id.time", "eventCategory": category, "count": 1}},
    ]


def _most_common(name: str, most: int) -> Stages:
    return [
        sum_by(f"$_id.{name}"),
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": most},
        {"$project": {"_id": 0, name: {"$ifNull": ["$_id", None]}, "count": 1}},
    ]
