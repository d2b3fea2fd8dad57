"""Whatever is killed during a deletion, and whenever: one run afterwards leaves nothing."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import mongoengine
import pymongo
import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.errors import PyMongoError
from support import jobs
from support.claims import Claim
from support.fork_server import LIFETIME, ForkServer, Process, crashes
from support.invariants import (
    content,
    end_transactions_of_the_dead,
    incomplete_users,
    leftovers,
    watched,
)
from support.threads import errors, together

from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ChabadAuthError, UserNotFound
from chabad_auth_django.models import Activity, AppData, Profile, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.lifecycle import deletion

EMAIL = "ann@example.org"


@pytest.fixture(params=["rs0", None], ids=["replica set", "standalone"])
def own_server(
    our_server: None, request: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mongod]:
    """Serve one test alone with a server that it may kill."""
    server = Mongod(
        tmp_path_factory.mktemp("own_server"), replica_set=request.param, database="test_crash"
    )
    chabad = {"MONGODB_URI": server.start(), "DELETION_GRACE_SECONDS": 0, "PURGE_BATCH_SIZE": 20}
    with override_settings(CHABAD_AUTH=chabad):
        indexes.create()
        yield server
        connection.close()
    server.stop()


def database() -> Any:
    return connection.get_database()


def kind() -> str:
    return "replica set" if connection.supports_transactions() else "standalone"


def worker_settings(**changes: Any) -> dict[str, Any]:
    return {**settings.CHABAD_AUTH, "PURGE_BATCH_SIZE": 50, **changes}


def stored_user(email: str, events: int) -> User:
    user = User.create_user(email=email)
    for name in ("activities", "analytics"):
        rows = [{"userId": user.id, "timestamp": now()} for _ in range(events)]
        database()[name].insert_many(rows)
    for number in range(4):
        AppData.upsert_app_data(user.id, "app", f"key{number}", number)
    AppData.delete_app_data(user.id, "app", "key0")
    return user


def recover() -> None:
    end_transactions_of_the_dead(database())
    list(deletion.run())


def assert_whole(*, seed: object = None) -> None:
    """Assert that every user who is there is complete and that nothing is there of others."""
    assert leftovers(database()) == {}, f"seed {seed}"
    assert incomplete_users(database()) == [], f"seed {seed}"


def assert_nothing_after_deleting_all() -> None:
    User.objects.delete()
    list(deletion.run())
    assert content(database()) == {}


@pytest.mark.slow
def test_a_deletion_killed_at_any_command_is_finished_by_one_run(
    either_server: str, processes: ForkServer
) -> None:
    gone = kept = 0

    def start(crash: tuple[str, int]) -> Process:
        user = stored_user(EMAIL, events=60)
        return processes.start("delete", worker_settings(), crash=crash, user_id=str(user.id))

    with watched(either_server):
        for crash in crashes(start):
            assert incomplete_users(database()) == [], crash
            recover()
            assert_whole(seed=crash)
            if user := User.find_by_email(EMAIL):
                # The transaction was not committed: for everybody the call never was.
                kept += 1
                user.delete()
            else:
                gone += 1
            recover()
            assert content(database()) == {}, crash
    assert gone > 20
    assert kept > 0


@pytest.mark.slow
def test_a_recovery_killed_at_any_command_is_finished_by_the_next(
    either_server: str, processes: ForkServer
) -> None:
    def start(crash: tuple[str, int]) -> Process:
        recover()
        user = stored_user(EMAIL, events=1)
        user.delete()
        for name in ("activities", "analytics", "profiles"):
            database()[name].insert_one({"userId": user.id})
        return processes.start("recover", worker_settings(), crash=crash)

    for crash in crashes(start):
        recover()
        assert content(database()) == {}, crash


@pytest.mark.slow
@pytest.mark.parametrize("write", sorted({write.__name__ for write in jobs.WRITES}))
def test_a_writer_killed_at_any_command_after_the_deletion_leaves_nothing(
    either_server: str, processes: ForkServer, write: str
) -> None:
    def start(crash: tuple[str, int]) -> Process:
        recover()
        user = User.create_user(email=EMAIL)
        for number in range(6 if write.startswith("delete") else 0):
            AppData.upsert_app_data(user.id, "app", f"key{number}", 0)
        rows = list(database().appdatas.find())
        user.delete()
        if rows:
            # For a deletion of keys the purge has yet to come.
            database().appdatas.insert_many(rows)
        arguments = {"user_id": str(user.id), "name": write}
        return processes.start("write_once", worker_settings(), crash=crash, **arguments)

    for crash in crashes(start):
        recover()
        assert content(database()) == {}, crash


@pytest.mark.slow
def test_killing_the_deleter_and_writers_at_random_leaves_nothing(
    either_server: str, processes: ForkServer, trials: int, claim: Claim
) -> None:
    interrupted = gone = 0
    with watched(either_server):
        for trial in range(trials):
            seed = random.randrange(2**32)
            print(f"seed {seed}")
            chance = random.Random(seed)
            user = stored_user(f"user{trial}@example.org", events=500)
            user_id = str(user.id)
            deleter = processes.start("delete", worker_settings(), user_id=user_id)
            writers = [
                processes.start("write", worker_settings(), user_id=user_id, seed=seed + number)
                for number in range(2)
            ]
            for process in writers:
                process.go()
            time.sleep(chance.uniform(0, 0.03))
            deleter.go()
            for process in chance.sample([deleter, *writers], 3):
                time.sleep(chance.uniform(0, 0.06))
                process.kill()
            statuses = [process.wait() for process in (deleter, *writers)]
            assert statuses[0] in (0, -signal.SIGKILL)
            assert statuses[1:] == [-signal.SIGKILL] * 2

            end_transactions_of_the_dead(database())
            visible = User.find_by_email(user.email) is not None
            gone += not visible
            interrupted += not visible and statuses[0] != 0
            recover()
            assert_whole(seed=seed)
    assert_nothing_after_deleting_all()
    claim(
        f"Kills: nothing is left after a killed deleter and killed writers ({kind()})",
        f"{trials} trials, {gone} users gone, {interrupted} deletions interrupted half-way",
        gone > trials / 6 and interrupted > trials / 10,
    )


def kill(server: Mongod) -> None:
    """Kill the server with ``kill -9`` and wait for its end."""
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.005)


@contextmanager
def failures_expected() -> Iterator[None]:
    """Pass over what clients of a killed server have to expect."""
    with suppress(PyMongoError, mongoengine.OperationError, ChabadAuthError):
        yield


@pytest.mark.slow
def test_killing_the_server_at_random_leaves_nothing(
    own_server: Mongod, trials: int, claim: Claim
) -> None:
    uri = settings.CHABAD_AUTH["MONGODB_URI"]
    gone = 0
    with watched(uri):
        for trial in range(trials):
            seed = random.randrange(2**32)
            print(f"seed {seed}")
            chance = random.Random(seed)
            user = stored_user(f"user{trial}@example.org", events=100)
            end = threading.Event()

            def write(seed: int, user: User = user, end: threading.Event = end) -> None:
                chance = random.Random(seed)
                while not end.is_set():
                    with failures_expected():
                        chance.choice(jobs.WRITES)(user.id, chance)

            def create(end: threading.Event = end, prefix: str = f"new{trial}") -> None:
                for call in jobs.ways_to_create(prefix, random.Random(0)):
                    with failures_expected():
                        call()
                    if end.is_set():
                        break

            def delete(user: User = user) -> None:
                with failures_expected():
                    user.delete()

            def strike(wait: float = chance.uniform(0, 0.15), end: threading.Event = end) -> None:
                time.sleep(wait)
                kill(own_server)
                own_server.start()
                end.set()

            calls = [delete, create, strike, *[partial(write, seed + n) for n in range(3)]]
            assert errors(together(calls)) == [], f"seed {seed}"
            gone += User.find_by_email(user.email) is None
            recover()
            assert_whole(seed=seed)
    assert_nothing_after_deleting_all()
    claim(
        f"Kills: nobody is half there after a killed MongoDB ({kind()})",
        f"{trials} trials, {gone} users gone",
        gone > trials / 6,
    )


@pytest.mark.slow
def test_a_creation_that_the_server_died_in_can_be_tried_again(own_server: Mongod) -> None:
    for number in range(3):
        user = User(email=f"user{number}@example.org")
        strike = threading.Timer(0.01 * number, kill, [own_server])
        strike.start()
        while strike.is_alive():
            with failures_expected(), pymongo.timeout(0.2):
                user.save()
                user = User(email=f"other{number}-{ObjectId()}@example.org")
        strike.join()
        with failures_expected(), pymongo.timeout(0.2):
            user.save()
        own_server.start()
        with suppress(ChabadAuthError):
            user.save()
        assert User.find_by_email(user.email) is not None
        recover()
        assert_whole()
        assert User.find_by_email(user.email) is not None
    assert_nothing_after_deleting_all()


def rss(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("own_server", ["rs0"], indirect=True)
def test_a_user_with_very_many_events_is_gone_at_once_and_purged_quickly(
    own_server: Mongod,
    processes: ForkServer,
    record_property: Callable[[str, object], None],
    long: bool,
) -> None:
    events = 1_000_000 if long else 200_000
    user = User.create_user(email=EMAIL)
    with pymongo.MongoClient(settings.CHABAD_AUTH["MONGODB_URI"], w=0) as client:
        unacknowledged = client.get_default_database()
        for name in ("activities", "analytics"):
            # The indexes are built when the events are there: that is several times quicker.
            database()[name].drop_indexes()
            for _ in range(events // 20_000):
                unacknowledged[name].insert_many(
                    [
                        {
                            "userId": user.id,
                            "eventType": "view",
                            "eventName": "view",
                            "eventCategory": "custom",
                            "appId": "app",
                            "sessionId": "session",
                            "timestamp": now(),
                        }
                        for _ in range(10_000)
                    ],
                    ordered=False,
                )
            while database()[name].estimated_document_count() < events // 2:
                time.sleep(0.05)
    indexes.create()

    deleter = processes.start(
        "delete", worker_settings(PURGE_BATCH_SIZE=1000), user_id=str(user.id)
    )
    before = most = rss(deleter.pid)
    started = time.monotonic()
    deleter.go()
    while User.find_by_email(EMAIL) is not None:
        # Asking without a pause would take a processor from the deleter and the server.
        time.sleep(0.001)
    assert Profile.find_by_user_id(user.id) is None
    with pytest.raises(UserNotFound):
        Activity.create_activity(user_id=user.id, event_type="late")
    fence = time.monotonic() - started
    assert database().activities.estimated_document_count() > 0

    while content_of_events() > 0:
        # A forked process ends by itself then, and what it has left would stay.
        assert time.monotonic() - started < LIFETIME, "The machine is too slow for this number."
        with suppress(FileNotFoundError, IndexError):
            most = max(most, rss(deleter.pid))
        time.sleep(0.05)
    rate = events / (time.monotonic() - started)
    assert deleter.wait() == 0
    recover()

    record_property("fence_ms", round(fence * 1000))
    record_property("documents_per_second", round(rate))
    record_property("memory_growth_mb", round((most - before) / 2**20, 1))
    print(f"fence {fence * 1000:.0f} ms, {rate:,.0f}/s, memory +{(most - before) / 2**20:.1f} MB")
    assert content(database()) == {}
    # Of an idle machine; a slow and busy one has ten times as long.
    slowness = 1 if long else 10
    assert fence < 0.1 * slowness
    assert rate > 5_000 / slowness
    assert most - before < 30 * 2**20


def content_of_events() -> int:
    return sum(database()[name].estimated_document_count() for name in ("activities", "analytics"))
