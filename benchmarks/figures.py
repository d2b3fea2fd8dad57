"""``python -m benchmarks --only figures``: what figures and roll-ups cost, and how that grows."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.database import Database

from benchmarks.data import Row
from benchmarks.processes import Worker, environment, python_contestant
from benchmarks.report import as_text
from chabad_auth_django.contrib.embedded.server import Mongod

DAYS = 90
FIRST = datetime(2025, 9, 1, tzinfo=UTC)
RANGE = {"start": FIRST.isoformat(), "end": (FIRST + timedelta(days=DAYS)).isoformat()}

#: Gigabytes of cache of the MongoDB server.
CACHE = 1

#: Documents of one insert.
BATCH = 20_000

#: Calls of a figure, of which the median counts.
CALLS = 11

#: As a part of the whole: a roll-up of few events shows what does not grow with them.
SLOPE = 4

ZONES = ("Asia/Jerusalem", "Asia/Kolkata", "Australia/Lord_Howe")

#: Figure -> function, arguments, and the most milliseconds.
FIGURES: dict[str, tuple[str, dict[str, Any], float | None]] = {
    "series by day, UTC": ("series", {}, None),
    **{f"series by day, {zone}": ("series", {"time_zone": zone}, None) for zone in ZONES},
    "series by week and name, Asia/Jerusalem": (
        "series",
        {"time_zone": ZONES[0], "bucket": "week", "by": "eventName"},
        None,
    ),
    "different users by day, UTC": ("active", {}, 50),
    "different users by day, Asia/Jerusalem": ("active", {"time_zone": ZONES[0]}, 50),
    "the same, with first-time users": (
        "active",
        {"time_zone": ZONES[0], "first_time": True},
        None,
    ),
    "retention of 90 days, UTC": ("retention", {"periods": DAYS}, 100),
    "retention of 90 days, Asia/Jerusalem": (
        "retention",
        {"periods": DAYS, "time_zone": ZONES[0]},
        100,
    ),
}

#: How many times as long as in UTC a series of another zone may take.
MOST_OF_ZONES = 3

#: How many times as long as without sets a roll-up may take.
MOST_OF_SETS = 1.5

Say = Callable[[str], object]


def run(*, events: int, users: int, say: Say) -> bool:
    """Measure and print everything; tell whether every target is met."""
    few = events // SLOPE, max(1, users // SLOPE)
    roll_ups: dict[tuple[int, int], tuple[float, int]] = {}
    for size in ((few[0], few[1]), (few[0], users)):
        with _stored(*size, say) as (variables, database):
            roll_ups[size] = _roll_up(variables, database)
    with _stored(events, users, say) as (variables, database):
        say("rolling up without sets")
        without, _ = _roll_up(variables, database, has_sets=False)
        say("rolling up")
        roll_ups[events, users] = _roll_up(variables, database)
        say("asking for figures")
        worker = _worker(variables)
        try:
            times = {
                name: _median(worker, function, asked)
                for name, (function, asked, _) in FIGURES.items()
            }
        finally:
            worker.stop()
        sizes = {
            name: database.command("collStats", name)["size"]
            for name in ("analytics", "analytics_daily_users", "analytics_quarters")
        }
    utc = times["series by day, UTC"]
    most = {name: limit for name, (*_, limit) in FIGURES.items()}
    most |= {f"series by day, {zone}": MOST_OF_ZONES * utc for zone in ZONES}
    rows = [["figure", "ms", "target", ""]]
    rows += [_row(name, times[name], most[name]) for name in FIGURES]
    print(f"\n{events:,} events of {users:,} users in {DAYS} days\n\n{as_text(rows)}")
    print(f"\n{as_text([['events', 'users', 'roll-up, s', 'MiB'], *_sizes(roll_ups)])}")
    share = roll_ups[events, users][0] / without
    rows = [["", "times", "target", ""], _row("roll-up, of one without sets", share, MOST_OF_SETS)]
    print(f"\n{as_text(rows)}")
    print("\n" + ", ".join(f"{name}: {size / 2**20:,.1f} MiB" for name, size in sizes.items()))
    is_held = all(times[name] <= (limit or times[name]) for name, limit in most.items())
    return is_held and share <= MOST_OF_SETS


def _row(name: str, value: float, most: float | None) -> list[str]:
    if most is None:
        return [name, f"{value:.1f}", "", ""]
    return [name, f"{value:.1f}", f"≤ {most:.1f}", "met" if value <= most else "missed"]


def _sizes(roll_ups: Mapping[tuple[int, int], tuple[float, int]]) -> Iterator[list[str]]:
    for (events, users), (seconds, mebibytes) in roll_ups.items():
        yield [f"{events:,}", f"{users:,}", f"{seconds:.1f}", f"{mebibytes:,}"]


def _median(worker: Worker, function: str, asked: Mapping[str, Any]) -> float:
    calls = [worker.call(function, {**RANGE, **asked})[0] for _ in range(CALLS + 1)]
    # The first one warms up.
    return statistics.median(calls[1:]) * 1000


def _roll_up(
    variables: Mapping[str, str], database: Database[Row], *, has_sets: bool = True
) -> tuple[float, int]:
    """Roll all days up in a process of its own; return the seconds and the MiB that it took."""
    for name in ("daily", "daily_users", "quarters", "rollups", "user_numbers"):
        database[f"analytics_{name}"].delete_many({})
    worker = _worker(variables)
    try:
        seconds, (days, mebibytes) = worker.call("roll_up", {"has_sets": has_sets})
    finally:
        worker.stop()
    if days != DAYS:
        raise RuntimeError(f"{days} days were counted, and not {DAYS}.")
    return seconds, mebibytes


def _worker(variables: Mapping[str, str]) -> Worker:
    contestant = python_contestant(
        "figures",
        "chabad_auth_django",
        works="benchmarks.contestants.figures",
        wsgi="config.wsgi",
        settings="benchmarks.settings",
    )
    return Worker(contestant, variables)


@contextmanager
def _stored(events: int, users: int, say: Say) -> Iterator[tuple[Mapping[str, str], Database[Row]]]:
    """Run a server that has so many events; remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="chabad-auth-benchmarks-") as folder:
        server = Mongod(Path(folder, "mongodb-data"), cache_size_gb=CACHE, database="figures")
        uri = server.start()
        variables = environment(
            MONGODB_URI=uri,
            EXAMPLE_DATA_DIR=folder,
            DJANGO_DEBUG="0",
            DJANGO_SECRET_KEY="x" * 64,
            DJANGO_ALLOWED_HOSTS="127.0.0.1",
            BENCHMARK_SIGNING_KEY="x" * 64,
        )
        try:
            client: pymongo.MongoClient[Row] = pymongo.MongoClient(uri)
            with client:
                database = client.get_default_database()
                say(f"storing {events:,} events of {users:,} users")
                _store(database, events, users)
                worker = _worker(variables)
                # Later than the events, which takes less time.
                worker.call("deploy", {})
                worker.stop()
                yield variables, database
        finally:
            server.stop()


def _store(database: Database[Row], events: int, users: int) -> None:
    chance = random.Random(1)
    ids = [ObjectId() for _ in range(users)]
    database.users.insert_many({"_id": id, "email": f"{id}@example.org"} for id in ids)
    for stored in range(0, events, BATCH):
        database.analytics.insert_many(
            {
                "userId": ids[int(chance.random() * users)],
                "sessionId": f"s{int(chance.random() * users * 10)}",
                "appId": ("cteen", "portal", "kids")[int(chance.random() * 3)],
                "eventName": f"e{int(chance.random() * 20)}",
                "eventCategory": ("engagement", "conversion")[int(chance.random() * 2)],
                "timestamp": FIRST + timedelta(seconds=chance.random() * DAYS * 86_400),
            }
            for _ in range(min(BATCH, events - stored))
        )
