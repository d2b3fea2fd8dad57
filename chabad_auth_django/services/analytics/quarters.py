"""The quarter hours of a day: how many events each has, and the set of the users in it.

The figures of a day in any time zone are sums and unions of these. The document of a day has them
for all events, and for each application, category and name. It is valid if its build is the one
that the record of the day names.

No set shows a deleted user:

- A user is in the set of a day only if it has a row of that day in ``analytics_daily_users``. The
  transaction that deletes rows of a user removes the documents of their days.
- A build stores an empty document *before* the transaction that fills it. If that transaction does
  not see a deletion of rows, both write this document, and one of the two fails.
- That transaction reads which users exist, so a late build adds no deleted user.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from chabad_auth_django.models import AnalyticsDailyUser, AnalyticsQuarters
from chabad_auth_django.models.rollup import ARCHIVED, KEYS, QUARTERS
from chabad_auth_django.services.analytics import bitmaps
from chabad_auth_django.services.analytics.user_numbers import existing
from chabad_auth_django.texts import is_text

#: More values of a field than this are not counted by quarter hours, but from the events.
MAX_VALUES = 300

#: The same for more users of a day.
MAX_USERS = 200_000

#: The most bytes of a document; MongoDB takes 16 MiB.
MAX_BYTES = 15 * 2**20

#: The part of a document with all events.
ALL = "all"

#: Sets are kept of the day, and of 6 hours, hours and quarter hours: of whole numbers of quarters.
BLOCKS = (QUARTERS, 24, 4, 1)

#: The set of those of the day whose events are archived.
IN_ARCHIVE = "archived"

#: Reads whatever other programs have stored in an event.
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="surrogateescape",
)

_COUNTS = struct.Struct(f"<{QUARTERS}I")


@dataclass
class _Part:
    counts: list[int] = field(default_factory=lambda: [0] * QUARTERS)
    #: Quarter hour, or ``IN_ARCHIVE`` -> the positions of its users in the tally.
    users: dict[Any, list[int]] = field(default_factory=dict)


class Tally:
    """What the rows of a day say."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Count the rows of a build, and those of archived events of the same day."""
        #: User -> position.
        self.users: dict[ObjectId, int] = {}
        self._all = _Part()
        self._fields: dict[str, dict[str | None, _Part]] = {name: {} for name in KEYS}
        # An event of another program can have several times.
        self._is_odd = False
        for row in rows:
            self._add(row)

    @property
    def has_sets(self) -> bool:
        """Whether the document has sets of users."""
        return bitmaps.is_installed and len(self.users) <= MAX_USERS

    def fields(self, living: Mapping[ObjectId, int]) -> dict[str, Any]:
        """Return the fields of the document, with the sets of the users who have a number here."""
        if self._is_odd:
            return {}
        numbers = [living.get(user) for user in self.users] if self.has_sets else None
        by_value = {
            name: [{"value": value} | _stored(part, numbers) for value, part in values.items()]
            for name, values in self._fields.items()
        }
        return {ALL: _stored(self._all, numbers)} | by_value

    def _add(self, row: Mapping[str, Any]) -> None:
        user, position = row.get("userId"), None
        if isinstance(user, ObjectId):
            position = self.users.setdefault(user, len(self.users))
        for part in self._parts_of(row):
            if "quarters" not in row and position is not None:
                part.users.setdefault(IN_ARCHIVE, []).append(position)
            for of_quarter in row.get("quarters", ()):
                quarter, count = of_quarter["quarter"], of_quarter["count"]
                if quarter is None:
                    self._is_odd = True
                    return
                part.counts[quarter] += count
                if position is not None:
                    part.users.setdefault(quarter, []).append(position)

    def _parts_of(self, row: Mapping[str, Any]) -> Iterator[_Part]:
        yield self._all
        for name in list(self._fields):
            values, value = self._fields[name], row.get(name)
            if value is not None and not is_text(value):
                del self._fields[name]
            elif value in values:
                yield values[value]
            elif len(values) < MAX_VALUES and _is_text(value or ""):
                yield values.setdefault(value, _Part())
            else:
                del self._fields[name]


def begin(*, day: datetime, build: ObjectId) -> None:
    """Leave the document of a build that begins."""
    AnalyticsQuarters.collection().replace_one({"_id": day}, {"next": build}, upsert=True)


def rows(*, day: datetime, build: ObjectId, session: ClientSession) -> Iterable[dict[str, Any]]:
    """Return the rows of users that a build has written, and those of archived events."""
    collection = AnalyticsDailyUser.collection().with_options(
        codec_options=_CODEC, read_concern=ReadConcern("majority")
    )
    wanted = {"build": {"$in": [build, ARCHIVED]}, "day": day, "count": {"$gt": 0}}
    # Of archived events no quarters are known.
    fields = {"_id": 0} | dict.fromkeys((*KEYS, "userId", "quarters"), 1)
    return collection.find(wanted, fields, session=session)


def finish(*, day: datetime, build: ObjectId, tally: Tally, numbers: Mapping[Any, int]) -> bool:
    """Fill the document of a build in its transaction; tell whether it is still the build's."""
    there = existing(numbers)
    living = {user: number for user, number in numbers.items() if user in there}
    document = {"build": build, **tally.fields(living)}
    names = iter((*KEYS, ALL))
    while len(bson.encode(document)) > MAX_BYTES:
        document.pop(next(names), None)
    key = {"_id": day, "next": build}
    return AnalyticsQuarters.collection().replace_one(key, document).matched_count == 1


def forget(*, days: Collection[datetime]) -> None:
    """Remove the documents of days, in the transaction that removes rows of a user."""
    AnalyticsQuarters.collection().delete_many({"_id": {"$in": list(days)}})


def reset(*, days: Collection[datetime]) -> None:
    """Make builds of the days begin again, in the transaction that changes archived rows.

    Each document is changed, also one that another transaction inserts now: so they conflict.
    """
    fresh = {"next": ObjectId()}
    changes = [ReplaceOne({"_id": day}, fresh, upsert=True) for day in days]
    if changes:
        AnalyticsQuarters.collection().bulk_write(changes)


def built_days() -> dict[datetime, ObjectId]:
    """Return the days that have a document, and the build of each."""
    built = {"build": {"$type": "objectId"}}
    rows = AnalyticsQuarters.collection().find(built, {"build": 1})
    return {row["_id"]: row["build"] for row in rows}


def _stored(part: _Part, numbers: list[int | None] | None) -> dict[str, Any]:
    stored: dict[str, Any] = {"counts": _COUNTS.pack(*part.counts)}
    if numbers is not None:
        sets: dict[str, bitmaps.BitMap] = {}
        for quarter, positions in part.users.items():
            users = bitmaps.BitMap([n for i in positions if (n := numbers[i]) is not None])
            sets[IN_ARCHIVE if quarter == IN_ARCHIVE else _block(quarter, 1)] = users
        for small, large in pairwise(reversed(BLOCKS)):
            for quarter in range(0, QUARTERS, large):
                names = (_block(begin, small) for begin in range(quarter, quarter + large, small))
                if some := [sets[name] for name in names if name in sets]:
                    sets[_block(quarter, large)] = bitmaps.union(some)
        stored["users"] = {name: found.serialize() for name, found in sets.items()}
    return stored


def blocks(begin: int, end: int) -> Iterator[str]:
    """Yield the names of the largest sets that make up the quarter hours of a day."""
    while begin < end:
        size = next(size for size in BLOCKS if begin % size == 0 and begin + size <= end)
        yield _block(begin, size)
        begin += size


def _block(quarter: int, size: int) -> str:
    return f"{size}:{quarter // size}"


def counts_of(part: Mapping[str, Any]) -> tuple[int, ...]:
    """Return how many events each quarter hour has."""
    return _COUNTS.unpack(part["counts"])


def _is_text(value: str) -> bool:
    """Tell whether the stored text was valid UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
