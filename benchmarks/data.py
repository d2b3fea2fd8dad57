"""What is stored before the works begin, and what the works send."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.database import Database

Row = dict[str, Any]

#: Days over which the analytics events are spread; they end with the last midnight.
DAYS = 90

#: Those to whom the analytics events belong, in equal shares.
USERS = 100

INSERT_BATCH = 10_000

#: What happens in three applications: event, category and application.
EVENTS = [
    ("page_view", "engagement", "cteen"),
    ("search", "engagement", "cteen"),
    ("share", "engagement", "cteen"),
    ("signup", "conversion", "cteen"),
    ("page_view", "engagement", "shop"),
    ("add_to_cart", "engagement", "shop"),
    ("purchase", "conversion", "shop"),
    ("payment_failed", "error", "shop"),
    ("lesson_started", "engagement", "learn"),
    ("lesson_finished", "custom", "learn"),
]


@dataclass(frozen=True)
class Scale:
    """How much is stored, how often each work is done in one round, and for how many seconds."""

    activities: int
    analytics: int
    ingested: int
    calls: int
    list_calls: int
    rounds: int
    http_rounds: int
    seconds: int
    warm_up: int


FULL = Scale(
    activities=200_000,
    analytics=1_000_000,
    ingested=20_000,
    calls=100,
    list_calls=100,
    rounds=11,
    http_rounds=11,
    seconds=1,
    warm_up=1,
)
QUICK = Scale(
    activities=2_000,
    analytics=20_000,
    ingested=1_000,
    calls=5,
    list_calls=2,
    rounds=1,
    http_rounds=1,
    seconds=1,
    warm_up=0,
)


@dataclass(frozen=True)
class Data:
    """What is stored: whose it is, and the midnight with which it ends."""

    end: datetime
    reader: ObjectId
    writer: ObjectId
    #: Who has a tenth of the others' analytics events.
    newcomer: ObjectId

    @property
    def start(self) -> datetime:
        """The midnight with which it begins."""
        return self.end - timedelta(days=DAYS)


def iso(time: datetime) -> str:
    """Return a time as clients send it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def load(database: Database[Row], scale: Scale) -> Data:
    """Store users, activities and analytics events; the same ones each time."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    users = [insert_user(database, f"user-{number}@example.org") for number in range(USERS)]
    data = Data(
        end,
        reader=users[0],
        writer=insert_user(database, "writer@example.org"),
        newcomer=insert_user(database, "newcomer@example.org"),
    )
    insert_app_data(database, data.reader, "cteen", "settings")
    insert(database, "activities", stored_activities(data, scale.activities))
    insert(database, "analytics", stored_analytics(data, users, scale.analytics))
    few = scale.analytics // USERS // 10
    insert(database, "analytics", stored_analytics(data, [data.newcomer], few))
    return data


def insert_user(database: Database[Row], email: str) -> ObjectId:
    """Store a user with a profile; return its id."""
    time = datetime.now(UTC)
    times = {"createdAt": time, "updatedAt": time}
    user = {"email": email, "name": "Ann Example", "authMethods": ["google"], "roles": ["user"]}
    user_id: ObjectId = (
        database["users"].insert_one({**user, "permissions": [], **times}).inserted_id
    )
    profile = {
        "userId": user_id,
        "displayName": "Ann",
        "bio": "Likes gardens, trains and long lists.",
        "avatar": {
            "url": "https://images.example.org/ann.jpg",
            "thumbnailUrl": "https://images.example.org/ann-small.jpg",
        },
        "metadata": {"city": "Brooklyn", "newsletter": True, "interests": ["music", "chess"]},
    }
    database["profiles"].insert_one({**profile, **times})
    return user_id


def insert_app_data(database: Database[Row], owner: ObjectId, app_id: str, *data_keys: str) -> None:
    """Store values under keys of an application, each with version 1."""
    time = datetime.now(UTC)
    database["appdatas"].insert_many(
        {
            "userId": owner,
            "appId": app_id,
            "dataKey": data_key,
            "dataValue": app_data_value(0),
            "version": 1,
            "createdAt": time,
            "updatedAt": time,
        }
        for data_key in data_keys
    )


def insert(database: Database[Row], collection: str, rows: Iterator[Row]) -> None:
    """Store rows in batches."""
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == INSERT_BATCH:
            database[collection].insert_many(batch, ordered=False)
            batch = []
    if batch:
        database[collection].insert_many(batch, ordered=False)


def stored_activities(data: Data, count: int) -> Iterator[Row]:
    """Yield activities of one user, each at a time of its own."""
    step = timedelta(days=DAYS - 2) / count
    for number in range(count):
        kind, _, app = EVENTS[number % len(EVENTS)]
        yield {
            "userId": data.reader,
            "appId": app,
            "sessionId": f"session-{number // 20}",
            "eventType": kind,
            "eventData": {"page": f"/pages/{number}", "position": number, "seen": True},
            "metadata": {"userAgent": "Mozilla/5.0", "screen": [1920, 1080]},
            "timestamp": _milliseconds(data.end - step * number),
        }


def stored_analytics(data: Data, users: list[ObjectId], count: int) -> Iterator[Row]:
    """Yield events of all users; each user has two sessions on a day."""
    choice = random.Random(7)
    step = timedelta(days=DAYS) / count
    for number in range(count):
        name, category, app = choice.choice(EVENTS)
        time = _milliseconds(data.start + step * number)
        user = number % len(users)
        yield {
            "userId": users[user],
            "appId": app,
            "sessionId": f"session-{time:%m-%d}-{user}-{time.hour // 12}",
            "eventName": name,
            "eventCategory": category,
            "eventData": {"value": number},
            "timestamp": time,
        }


def sent_activities(data: Data, count: int) -> list[Row]:
    """Return activities as a client sends them, in order of time."""
    start = data.end - timedelta(days=7)
    return [
        {
            "appId": "cteen",
            "sessionId": f"session-{number // 20}",
            "eventType": EVENTS[number % len(EVENTS)][0],
            "eventData": {"page": f"/pages/{number}", "position": number, "seen": True},
            "metadata": {"userAgent": "Mozilla/5.0", "screen": [1920, 1080]},
            "timestamp": iso(start + timedelta(seconds=number)),
        }
        for number in range(count)
    ]


def app_data_value(number: int) -> Row:
    """Return a value that an application keeps."""
    return {"theme": "dark", "volume": number, "open": ["inbox", "map"], "size": {"w": 3, "h": 2}}


def _milliseconds(time: datetime) -> datetime:
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
