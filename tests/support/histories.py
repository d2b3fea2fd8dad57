"""Random histories of events: what happens to them.

A history is a random row of inserts, deletions, corrections, roll-ups, archives, restores, erasures
and imports, with one of the two settings. It knows which events there are, and nothing of how they
are counted.
"""

import io
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database

from chabad_auth_django.exceptions import ArchiveError, CountedAlready
from chabad_auth_django.models import User
from chabad_auth_django.services.analytics import archive, rollups
from chabad_auth_django.services.lifecycle import deletion, portability

DAY = timedelta(days=1)
JANUARY = datetime(2025, 1, 1, tzinfo=UTC)
#: Days of a history.
DAYS = 90

Rows = dict[Any, dict[str, Any]]


@dataclass
class History:
    """What is there, and what happens to it."""

    raw: Database[dict[str, Any]]
    folder: Path
    chance: random.Random
    keep: bool
    first: datetime = JANUARY
    users: list[User] = field(default_factory=list)
    stored: Rows = field(default_factory=dict)
    archived: Rows = field(default_factory=dict)
    #: Of erased users, whose counts stay.
    anonymous: list[dict[str, Any]] = field(default_factory=list)
    #: Files of users, and what was in them.
    exports: dict[ObjectId, tuple[io.BytesIO, Rows]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def begin(self) -> None:
        for name in self.raw.list_collection_names():
            self.raw[name].delete_many({})
        rollups.catch_up()
        self.add_user()
        self.add_user()
        self.insert()

    def add_user(self) -> None:
        self.users.append(User.create_user(email=f"{ObjectId()}@example.org"))

    @property
    def months(self) -> list[datetime]:
        """When the three months begin, and the one after them."""
        middles = [self.first + timedelta(days=14 + 30 * number) for number in range(4)]
        return [middle.replace(day=1) for middle in middles]

    def any_id(self) -> Any:
        return self.chance.choice(list(self.stored)) if self.stored else None

    def time(self) -> datetime:
        day = self.first + self.chance.randrange(DAYS) * DAY
        # Midnights are where mistakes are.
        return day + self.chance.choice([0, 0, 1, 700, 1439]) * timedelta(minutes=1)

    def insert(self) -> None:
        rows = [self.event() for _ in range(self.chance.randint(1, 25))]
        self.raw.analytics.insert_many(rows)
        self.stored |= {row["_id"]: row for row in rows}

    def event(self) -> dict[str, Any]:
        return {
            "_id": self.chance.choice([ObjectId(), str(ObjectId()), self.chance.random()]),
            "userId": self.chance.choice([*(user.id for user in self.users), None, [1]]),
            "sessionId": self.chance.choice(["a", "b", None]),
            "appId": self.chance.choice(["cteen", "portal", None]),
            "eventName": self.chance.choice(["click", "view", "buy"]),
            "eventCategory": self.chance.choice(["engagement", "conversion"]),
            "timestamp": self.time(),
        }

    def delete(self) -> None:
        if self.raw.analytics.delete_one({"_id": (id := self.any_id())}).deleted_count:
            del self.stored[id]

    def change(self) -> None:
        change = self.chance.choice([{"timestamp": self.time()}, {"eventName": "renamed"}])
        if self.raw.analytics.update_one({"_id": (id := self.any_id())}, {"$set": change}):
            self.stored.get(id, {}).update(change)

    def roll_up(self) -> None:
        list(rollups.run())

    def archive(self) -> None:
        before = self.chance.choice(self.months[1:])
        list(archive.archive(before=before, folder=self.folder))
        for id in [id for id, row in self.stored.items() if row["timestamp"] < before]:
            self.archived[id] = self.stored.pop(id)

    def restore(self) -> None:
        month = f"{self.chance.choice(self.months[:3]):%Y-%m}"
        try:
            list(archive.restore(month=month, folder=self.folder))
        except ArchiveError:
            assert not any(f"{row['timestamp']:%Y-%m}" == month for row in self.archived.values())
        for id in [id for id, row in self.archived.items() if f"{row['timestamp']:%Y-%m}" == month]:
            self.stored[id] = self.archived.pop(id)

    def erase(self) -> None:
        user = self.users.pop(self.chance.randrange(len(self.users)))
        User.objects.get(id=user.id).delete()
        if self.chance.random() < 0.7:
            list(deletion.run())
        for rows in (self.stored, self.archived):
            for id in [id for id, row in rows.items() if row["userId"] == user.id]:
                row = rows.pop(id)
                if self.keep:
                    self.anonymous.append(row)
        self.add_user()

    def export(self) -> None:
        user = self.chance.choice(self.users)
        file = io.BytesIO()
        portability.export_user(user_id=user.id, file=file, advance=lambda count: None)
        rows = {id: dict(row) for id, row in self.stored.items() if row["userId"] == user.id}
        self.exports[user.id] = file, rows

    def bring_back(self) -> None:
        if not self.exports:
            return
        user_id = self.chance.choice(list(self.exports))
        file, rows = self.exports[user_id]
        list(deletion.run())
        with_analytics = self.chance.random() < 0.8
        try:
            portability.import_user(
                file=file,
                content=portability.check(file=file),
                advance=lambda count: None,
                with_analytics=with_analytics,
            )
        except CountedAlready:
            assert with_analytics
            return
        if user_id not in {user.id for user in self.users}:
            self.users.append(User.objects.get(id=user_id))
        for id in set(rows) - set(self.stored) if with_analytics else ():
            # What comes back is counted once: as it was.
            assert id not in self.archived
            counted = [row for row in self.anonymous if row["_id"] == id]
            assert len(counted) <= 1
            self.anonymous = [row for row in self.anonymous if row["_id"] != id]
            self.stored[id] = dict(rows[id])

    def step(self) -> None:
        steps: list[Callable[[], None]] = [
            *[self.insert, self.archive, self.restore] * 2,
            *[self.delete, self.change, self.roll_up, self.erase, self.export, self.bring_back],
        ]
        step = self.chance.choice(steps)
        self.log.append(step.__name__)
        step()


@contextmanager
def settings(uri: str, keep: bool) -> Iterator[None]:
    with override_settings(
        CHABAD_AUTH={
            "MONGODB_URI": uri,
            "DELETION_GRACE_SECONDS": 0,
            "PURGE_BATCH_SIZE": 5,
            "ANALYTICS_KEEP_ANONYMOUS_COUNTS": keep,
        }
    ):
        yield
