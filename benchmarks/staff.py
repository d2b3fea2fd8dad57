"""The pages for staff with very many users and events: how long each takes."""

from __future__ import annotations

import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
import pymongo
from bson import ObjectId
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from benchmarks.data import Data, Row, insert, stored_analytics
from benchmarks.processes import ROOT
from chabad_auth_django.contrib.embedded.server import Mongod

#: Users and events, and how often each page is read.
FULL, QUICK = (1_000_000, 11), (2_000, 1)

#: Users who have events.
ACTIVE = 1_000

#: Milliseconds that a page may take in the median.
BUDGET = 300

PAGES = (
    "overview/",
    "people/",
    "people/?q=user-5",
    "people/?order=email",
    "people/{id}/",
    "people/{id}/timeline/",
    "people/{id}/sessions/",
    "people/{id}/figures/",
    "people/{id}/app-data/",
    "people/{id}/access/",
    "people/{id}/identities/",
    "people/{id}/raw/",
    "people/{id}/history/",
    "sessions/",
    "events/",
    "analytics/",
    "analytics/?compare=on&zone=UTC",
    "analytics/?count=users",
    "deletions/",
    "operations/",
    "audit/",
)


def run(is_quick: bool, say: Callable[[str], object]) -> int:
    """Load, measure and print; return 1 where a page misses the budget."""
    count, rounds = QUICK if is_quick else FULL
    sys.path.insert(0, str(ROOT / "example_project"))
    with tempfile.TemporaryDirectory(prefix="chabad-auth-benchmarks-") as folder:
        server = Mongod(Path(folder, "data"), cache_size_gb=1, database="chabad_auth_staff")
        os.environ |= {
            "MONGODB_URI": server.start(),
            "EXAMPLE_DATA_DIR": folder,
            "DJANGO_DEBUG": "0",
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(64),
            "DJANGO_ALLOWED_HOSTS": "testserver",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        try:
            django.setup()
            found = _measure(_load(count, say), rounds, say)
        finally:
            server.stop()
    slow = [page for page, (milliseconds, _) in found.items() if milliseconds > BUDGET]
    print(f"load of the machine: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")
    for page, (milliseconds, ours) in found.items():
        print(f"{milliseconds:8.1f} ms, {ours:6.1f} ms of them Python at work  {page}")
    print("\n".join(f"{page} takes more than {BUDGET} ms." for page in slow) or "All are in time.")
    return int(bool(slow) and not is_quick)


def _load(count: int, say: Callable[[str], object]) -> ObjectId:
    """Store everything; return a user who has much."""
    with pymongo.MongoClient[Row](os.environ["MONGODB_URI"], tz_aware=True, w=1) as client:
        database = client.get_default_database()
        say(f"storing {count:,} users and as many events")
        users = [ObjectId() for _ in range(min(count, ACTIVE))]
        insert(database, "users", _users(count, users))
        insert(database, "sessions", _sessions(users))
        end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        data = Data(end, reader=users[0], writer=users[0], newcomer=users[0])
        insert(database, "analytics", stored_analytics(data, users, count))
    say("creating the indexes")
    call_command("migrate", verbosity=0)
    call_command("chabad_sync_indexes", verbosity=0)
    say("rolling up")
    call_command("chabad_rollup_analytics", verbosity=0)
    return users[0]


def _users(count: int, first: list[ObjectId]) -> Iterator[Row]:
    now = datetime.now(UTC)
    for number in range(count):
        joined = now - timedelta(minutes=number)
        yield {
            "_id": first[number] if number < len(first) else ObjectId(),
            "email": f"user-{number}@example.org",
            "name": f"Ann Example {number}",
            "authMethods": ["google"],
            "roles": ["user"],
            "permissions": [],
            "createdAt": joined,
            "updatedAt": joined,
        }


def _sessions(users: list[ObjectId]) -> Iterator[Row]:
    now = datetime.now(UTC)
    for number, user_id in enumerate(users * 20):
        yield {
            "userId": user_id,
            "authMethod": "google",
            "createdAt": now,
            "lastUsedAt": now,
            "expiresAt": now + timedelta(days=30),
            "familyHash": f"family-{number}",
            "tokenHash": f"token-{number}",
        }


def _measure(
    user_id: ObjectId, rounds: int, say: Callable[[str], object]
) -> dict[str, tuple[float, float]]:
    """Return the milliseconds of each page in the median, and those of our process at work."""
    browser = _browser()
    found = {}
    for page in PAGES:
        address = f"/admin/chabad_admin/{page}".format(id=user_id)
        times = []
        # The first one is for warming up.
        for _ in range(rounds + 1):
            began, worked = time.perf_counter(), time.process_time()
            answer = browser.get(address, secure=True)
            times.append((time.perf_counter() - began, time.process_time() - worked))
            if answer.status_code != 200:
                raise RuntimeError(f"{page}: {answer.status_code}")
        taken, ours = (statistics.median(column) * 1_000 for column in zip(*times[1:], strict=True))
        found[page] = taken, ours
        say(f"{page}: {taken:.0f} ms")
    return found


def _browser() -> Any:
    """Return a client whose account may do everything."""
    account = get_user_model()._default_manager.create(
        username="staff", is_staff=True, is_superuser=True
    )
    browser = Client()
    browser.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return browser
