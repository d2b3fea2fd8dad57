"""``--repair`` changes what it names and nothing else: a database, document by document."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bson
import pytest
from bson import DatetimeMS, Decimal128, Int64, ObjectId, Regex
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from support.management import run

from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import RAW
from chabad_auth_django.models import Activity, Analytics, AppData, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import external_ids

COMMAND = "chabad_check_integrity"

#: What tells of the run itself.
OWN = {"audit_log", "heartbeats"}

#: A document by its collection and the bytes of its id.
Place = tuple[str, bytes]

ODD: list[Any] = [
    {"$date": 1},
    [1, [2.0]],
    Decimal128("1.5"),
    DatetimeMS(2**60),
    Int64(7),
    Regex("a"),
    {"": None, "a.b": 1},
    "Ж\x1b",
]


@dataclass
class Trial:
    """A database, and what the repair may change of it."""

    database: Database[dict[str, Any]]
    chance: random.Random
    users: list[User] = field(default_factory=list)
    #: Documents that have to go, and what has to be otherwise in others: field -> value.
    gone: set[Place] = field(default_factory=set)
    changed: dict[Place, dict[str, Any]] = field(default_factory=dict)
    #: Collections in which a user has to have a new document.
    new: set[tuple[str, ObjectId]] = field(default_factory=set)

    def fill(self) -> None:
        for name in self.database.list_collection_names():
            self.database[name].delete_many({})
        for number in range(3):
            user = User.create_user(email=f"user{number}@example.org", roles=["user"])
            external_ids.link_external_id(user_id=user.id, field="valuUserId", value=f"v{number}")
            Activity.create_activity(user_id=user.id, event_type="x")
            Analytics.create_analytics(user_id=user.id, event_name="x", event_category="custom")
            for key in "abc":
                AppData.upsert_app_data(user.id, "app", key, {"n": number})
            AppData.delete_app_data(user.id, "app", "a")
            self.users.append(user)
        for name in ("users", "profiles", "preferences", "appdatas", "activities", "analytics"):
            for row in self.database[name].find({}, {"_id": 1}):
                odd = {f"theirs{n}": self.chance.choice(ODD) for n in range(2)}
                self.database[name].update_one(row, {"$set": odd})
        self.database.other.insert_many([{"_id": n, "userId": ObjectId()} for n in range(3)])

    def insert(self, name: str, **fields: Any) -> Place:
        row = {"_id": ObjectId(), **fields}
        self.database[name].insert_one(row)
        return name, bson.encode({"": row["_id"]})

    def orphan(self) -> None:
        """What is left of a user who is gone, wherever it is."""
        user_id = ObjectId()
        names = ["profiles", "preferences", "appdatas", "activities", "analytics", "sessions"]
        for name in self.chance.sample(names, self.chance.randint(1, 4)):
            for number in range(self.chance.choice([1, 1, 3]) if name != "profiles" else 1):
                if name == "preferences" and number:
                    break
                fields = {"userId": user_id, "appId": "app", "dataKey": f"k{number}"}
                self.gone.add(self.insert(name, **fields, timestamp=now()))
        key = {"userId": user_id, "appId": "app", "dataKey": "k"}
        self.database.appdata_tombstones.insert_one({"_id": key, "version": 1})
        self.gone.add(("appdata_tombstones", bson.encode({"": key})))

    def lose_document(self) -> None:
        user, name = self.chance.choice(self.users), self.chance.choice(["profiles", "preferences"])
        self.database[name].delete_many({"userId": user.id})
        self.new.add((name, user.id))

    def shout_address(self) -> None:
        user = self.chance.choice(self.users)
        self.database.users.update_one({"_id": user.id}, {"$set": {"email": user.email.upper()}})
        self.changed[("users", bson.encode({"": user.id}))] = {"email": user.email}

    def claim_wrongly(self) -> None:
        user, value = self.chance.choice(self.users), f"valuUserId:x{self.chance.random()}"
        self.gone.add(self.insert("external_ids", _id=value, userId=user.id))

    def use_version_again(self) -> None:
        user = self.chance.choice(self.users)
        row = self.database.appdatas.find_one({"userId": user.id, "dataKey": "b"}) or {}
        key = {name: row[name] for name in ("userId", "appId", "dataKey")}
        last = self.chance.randint(1, 9)
        change = {"$set": {"version": last}}
        self.database.appdata_tombstones.update_one({"_id": key}, change, upsert=True)
        self.changed[("appdatas", bson.encode({"": row["_id"]}))] = {"version": last + 1}

    def break_what_nobody_repairs(self) -> None:
        """Documents that need a decision."""
        user = self.chance.choice(self.users)
        self.insert("activities", userId=self.chance.choice(["x", [user.id], None, {"a": 1}, 5.0]))
        self.insert("activities", userId=user.id, eventType=self.chance.choice(ODD))
        self.insert("analytics", timestamp="never")
        broken = bson.encode({"_id": ObjectId(), "userId": user.id, "eventType": "abc"})
        broken = broken.replace(b"abc", b"\xff\xfeb")
        self.database.analytics.insert_one(RawBSONDocument(broken))
        value = f"d{self.chance.random()}"
        for other in self.chance.sample(self.users, 2):
            change = {"$set": {"merkosUserId": value}}
            self.database.users.update_one({"_id": other.id}, change)

    def spoil(self) -> None:
        faults: list[Callable[[], None]] = [
            *[self.orphan, self.lose_document, self.use_version_again] * 2,
            *[self.shout_address, self.claim_wrongly, self.break_what_nobody_repairs],
        ]
        for fault in self.chance.sample(faults, self.chance.randint(1, 6)):
            fault()

    def content(self) -> dict[Place, bytes]:
        return {
            (name, bson.encode({"": row["_id"]})): row.raw
            for name in set(self.database.list_collection_names()) - OWN
            for row in self.database.get_collection(name, RAW).find()
        }

    def check(self, before: dict[Place, bytes]) -> None:
        after = self.content()
        assert self.gone & set(after) == set()
        new = {
            (place[0], bson.decode(raw)["userId"])
            for place, raw in after.items()
            if place not in before
        }
        assert new == self.new
        for place, raw in before.items():
            if place in self.gone:
                continue
            if place not in self.changed:
                assert after[place] == raw, (place, bson.decode(raw, RAW))
                continue
            was, became = (dict(RawBSONDocument(data, RAW)) for data in (raw, after[place]))
            if "updatedAt" in self.changed[place] or place[0] == "users":
                assert was.pop("updatedAt") <= became.pop("updatedAt")
            assert became == was | self.changed[place]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_repairs(either_server: str, seed: int) -> None:
    """Ten of them on each server."""
    chance = random.Random(seed)
    for _ in range(10):
        trial = Trial(connection.get_database(), chance)
        trial.fill()
        sound = trial.content()
        run(COMMAND, "--repair")
        assert trial.content() == sound
        trial.spoil()
        before = trial.content()
        run(COMMAND)
        assert trial.content() == before
        result = run(COMMAND, "--repair", "--json")
        assert result.code in (0, 1), result
        trial.check(before)
        again = run(COMMAND, "--repair", "--json")
        assert not any(again.json["repaired"].values())
