"""The sets of the users who were active in buckets of any time zone, exactly.

A user is active in a bucket when it exists and has an event in it, stored or archived. As counts
are, the sets are those of one snapshot of the database, whoever writes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from chabad_auth_django.models import Analytics, AnalyticsDailyUser, Deletion
from chabad_auth_django.models.counting import Sources, start_of_day
from chabad_auth_django.models.deletion import OPEN
from chabad_auth_django.models.rollup import ARCHIVED, QUARTERS
from chabad_auth_django.services.analytics import bitmaps, numbers, parts, quarters
from chabad_auth_django.services.analytics.buckets import Buckets, Run

FIRST = datetime(1, 1, 1, tzinfo=UTC)

#: Users who have no number yet are given these, downwards, for one answer.
_HIGHEST = 2**32 - 1

Sets = dict[datetime, "bitmaps.BitMap"]


@dataclass
class Reader:
    """Reads sets of users in one snapshot, for events of any kind or with a value of a field."""

    sources: Sources
    by: str | None = None
    value: str | None = None
    _temporary: dict[ObjectId, int] = field(default_factory=dict)

    def in_buckets(self, buckets: Buckets) -> Sets:
        """Return label -> the users who were active in the bucket, in the range of the sources."""
        return self._read(self.sources, buckets.runs, buckets.expression)

    def before(self) -> bitmaps.BitMap:
        """Return the users who were active before the range, as far back as there are events."""
        start = self.sources.ranges[0][0]
        last = start_of_day(start)
        earlier = replace(self.sources, ranges=[(FIRST, start)], first=FIRST, last=last)
        whole: list[Run] = [((FIRST, None), 0, QUARTERS)]
        label = {"label": {"$literal": FIRST}}
        found = self._read(earlier, lambda day: whole, lambda time: label)
        return found.get(FIRST, bitmaps.BitMap())

    def _read(
        self,
        sources: Sources,
        runs: Callable[[datetime], list[Run] | None],
        label: Callable[[str], dict[str, Any]],
    ) -> Sets:
        found: dict[datetime, list[bitmaps.BitMap]] = {}

        def count(document: Mapping[str, Any], runs: list[Run]) -> bool:
            part = document.get(self.by or quarters.ALL)
            if self.by and part is not None:
                part = next(iter(part), {"users": {}})
            if part is None or (users := part.get("users")) is None:
                return False
            for (name, _), begin, end in runs:
                names = _names(begin, end)
                sets = [
                    bitmaps.BitMap.deserialize(users[block]) for block in names if block in users
                ]
                found.setdefault(name, []).extend(sets)
            return True

        rest = parts.count_days(sources, runs=runs, fields=self._fields, count=count)
        events = self._from_events(rest, label)
        leaving = self._leaving() if found else set()
        known, gone = self._numbers(leaving.union(*events.values()))
        sets = {name: bitmaps.union(some) - gone for name, some in found.items()}
        for name, users in events.items():
            active = bitmaps.BitMap([known[user] for user in users if user in known])
            sets[name] = sets.get(name, bitmaps.BitMap()) | active
        return sets

    def _fields(self, runs: list[Run]) -> dict[str, Any]:
        if self.by:
            is_it = {"$eq": ["$$part.value", {"$literal": self.value}]}
            return {self.by: {"$filter": {"input": f"${self.by}", "as": "part", "cond": is_it}}}
        names = {name for _, begin, end in runs for name in _names(begin, end)}
        return {f"{quarters.ALL}.users.{name}": 1 for name in names}

    def _from_events(
        self, rest: Sources, label: Callable[[str], dict[str, Any]]
    ) -> dict[datetime, set[ObjectId]]:
        """Return the ids of the users of the events, and of the rows of archived ones."""
        if not rest.ranges:
            return {}
        value = {"$eq": [{"$ifNull": [f"${self.by}", None]}, {"$literal": self.value}]}
        wanted = {"userId": {"$type": "objectId"}, **({"$expr": value} if self.by else {})}
        days = [{"day": {"$gte": begin, "$lt": end}} for begin, end in rest.ranges]
        archived = {"build": ARCHIVED, "count": {"$gt": 0}, "$or": days}
        rows: list[dict[str, Any]] = [
            {"$match": {**archived, **wanted}},
            {"$group": {"_id": {**label("$day"), "user": "$userId"}}},
        ]
        events: list[dict[str, Any]] = [
            {"$match": {**rest.events(), **wanted}},
            {"$group": {"_id": {**label("$timestamp"), "user": "$userId"}}},
            {"$unionWith": {"coll": AnalyticsDailyUser.collection().name, "pipeline": rows}},
        ]
        found: dict[datetime, set[ObjectId]] = {}
        collection = Analytics.collection()
        for row in collection.aggregate(events, session=rest.session, allowDiskUse=True):
            found.setdefault(row["_id"]["label"], set()).add(row["_id"]["user"])
        return found

    def _numbers(self, users: set[ObjectId]) -> tuple[dict[ObjectId, int], bitmaps.BitMap]:
        """Return a number for each of the users who are there, and the numbers of the others."""
        there = numbers.existing(users, self.sources.session)
        known = numbers.read(users, self.sources.session)
        gone = bitmaps.BitMap([known.pop(user) for user in known.keys() - there])
        for user in there - known.keys():
            number = _HIGHEST - len(self._temporary)
            known[user] = self._temporary.setdefault(user, number)
        return known, gone

    def _leaving(self) -> set[ObjectId]:
        """Return the users who are being deleted, and may still be in a set."""
        jobs = Deletion.collection().find({"state": OPEN}, {"_id": 1}, session=self.sources.session)
        return {job["_id"] for job in jobs}


def _names(begin: int, end: int) -> list[str]:
    # Of archived events only the day is known.
    archived = [quarters.IN_ARCHIVE] if end - begin == QUARTERS else []
    return [*quarters.blocks(begin, end), *archived]
