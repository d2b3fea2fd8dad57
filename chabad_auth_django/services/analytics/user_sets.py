"""The sets of the users who were active in buckets of any time zone, exactly.

A user is active in a bucket when it exists and has an event in it, stored or archived. As counts
are, the sets are those of one snapshot of the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from bson import ObjectId

from chabad_auth_django.models import Analytics, AnalyticsDailyUser
from chabad_auth_django.models.counting import DAY, Sources
from chabad_auth_django.models.rollup import ARCHIVED, QUARTER, QUARTERS
from chabad_auth_django.services.analytics import bitmaps, parts, quarters, user_numbers
from chabad_auth_django.services.analytics.buckets import Buckets, Run
from chabad_auth_django.services.analytics.snapshots import Snapshot

#: The label of what was before the range.
BEFORE = datetime.max.replace(microsecond=0, tzinfo=UTC)

#: The greatest number that a set can have.
_HIGHEST = 2**32 - 1

Sets = dict[datetime, "bitmaps.BitMap"]


@dataclass(frozen=True)
class Reader:
    """Reads sets of users in one snapshot, for events of any kind or with a value of a field."""

    snapshot: Snapshot
    buckets: Buckets
    by: str | None
    value: str | None
    #: Where the range begins, if what was before it is asked for too.
    begin: datetime | None

    def read(self, sources: Sources) -> Sets:
        """Return label -> the users who were active in the bucket, in the range of the sources.

        What was before ``begin`` has the label ``BEFORE``.
        """
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

        builds = self.snapshot.builds
        rest = parts.count_days(sources, builds, runs=self._runs, fields=self._fields, count=count)
        users = self._users_of_events(rest)
        ids = {user for some in users.values() for user in some}
        there, known = user_numbers.look_up(ids.union(self.snapshot.deleting), sources.session)
        deleted = bitmaps.BitMap([number for user, number in known.items() if user not in there])
        # Users who have no number yet are given these, downwards, for this answer.
        known |= dict(zip(there - known.keys(), range(_HIGHEST, 0, -1), strict=False))
        for name, some in users.items():
            found.setdefault(name, []).append(
                bitmaps.BitMap([known[u] for u in some if u in known])
            )
        return {name: bitmaps.union(some) - deleted for name, some in found.items()}

    def _runs(self, day: datetime) -> list[Run] | None:
        begin = self.begin
        if begin is None or begin <= day:
            return self.buckets.runs(day)
        if day + DAY <= begin:
            return [((BEFORE, None), 0, QUARTERS)]
        first, odd = divmod(begin - day, QUARTER)
        runs = self.buckets.runs(day)
        if runs is None or odd:
            return None
        return [((BEFORE, None), 0, first), *(run for run in runs if run[1] >= first)]

    def _label(self, time: str) -> dict[str, Any]:
        label = self.buckets.expression(time)["label"]
        if self.begin is None:
            return {"label": label}
        return {"label": {"$cond": [{"$lt": [time, self.begin]}, {"$literal": BEFORE}, label]}}

    def _fields(self, runs: list[Run]) -> dict[str, Any]:
        if self.by:
            is_it = {"$eq": ["$$part.value", {"$literal": self.value}]}
            return {self.by: {"$filter": {"input": f"${self.by}", "as": "part", "cond": is_it}}}
        names = {name for _, begin, end in runs for name in _names(begin, end)}
        return {f"{quarters.ALL}.users.{name}": 1 for name in names}

    def _users_of_events(self, rest: Sources) -> dict[datetime, list[ObjectId]]:
        """Return label -> the users, by the events and the rows of archived ones."""
        if not rest.ranges:
            return {}
        value = {"$eq": [{"$ifNull": [f"${self.by}", None]}, {"$literal": self.value}]}
        wanted = {"$expr": value} if self.by else {}
        # With a condition MongoDB would weigh the indexes of userId for each of the ranges.
        user = {"$cond": [{"$eq": [{"$type": "$userId"}, "objectId"]}, "$userId", None]}
        days = [{"day": {"$gte": begin, "$lt": end}} for begin, end in rest.ranges]
        archived = {"build": ARCHIVED, "count": {"$gt": 0}, "$or": days}
        rows: list[dict[str, Any]] = [
            {"$match": {**archived, **wanted}},
            {"$group": {"_id": {**self._label("$day"), "user": user}}},
        ]
        events: list[dict[str, Any]] = [
            {"$match": {**rest.events(), **wanted}},
            {"$group": {"_id": {**self._label("$timestamp"), "user": user}}},
            {"$unionWith": {"coll": AnalyticsDailyUser.collection().name, "pipeline": rows}},
            {"$match": {"_id.label": {"$ne": None}, "_id.user": {"$ne": None}}},
        ]
        found: dict[datetime, list[ObjectId]] = {}
        collection = Analytics.collection()
        for row in collection.aggregate(events, session=rest.session, allowDiskUse=True):
            found.setdefault(row["_id"]["label"], []).append(row["_id"]["user"])
        return found


@cache
def _names(begin: int, end: int) -> Sequence[str]:
    # Of archived events only the day is known.
    archived = [quarters.IN_ARCHIVE] if end - begin == QUARTERS else []
    return [*quarters.blocks(begin, end), *archived]
