"""Each operation on app data happens at one moment, deletions included, on both kinds of servers.

Four threads read, create, update, replace and delete one key, and Wing and Gong's search has to
find an order that explains all that they got. Versions of a key that is created again grow, too,
but for a standalone server, as its table says.
"""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from support.linearizability import Operation, Value, first_unexplained, is_linearizable, step

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import AlreadyExists, NotFound, VersionConflict
from chabad_auth_django.models import AppData, User

THREADS, CALLS, KEYS = 4, 13, 20


class Client:
    """One of several that work on a key; it knows the version that it has seen last."""

    def __init__(self, user: User, key: str, chance: random.Random) -> None:
        self.where = (user.id, "app", key)
        self.chance = chance
        self.seen = 1

    def work(self, barrier: threading.Barrier) -> list[Operation]:
        barrier.wait(60)
        return [self.call() for _ in range(CALLS)]

    def call(self) -> Operation:
        name = self.chance.choice(
            ["read", "upsert", "update", "update", "create", "delete", "delete"]
        )
        expected = self.chance.choice([self.seen, self.seen + 1])
        argument: Any = (self.chance.random(), expected)
        if name in ("read", "delete"):
            argument = self.chance.choice([None, expected]) if name == "delete" else None
        started = time.monotonic()
        result = self.send(name, argument)
        return Operation(started, time.monotonic(), name, argument, result)

    def send(self, name: str, argument: Any) -> Any:
        if name == "read":
            stored = AppData.read_key(*self.where)
            if stored is None:
                return None
            self.seen = stored["version"]
            return stored["dataValue"], stored["version"]
        if name == "delete":
            deleted = AppData.delete_app_data(*self.where, expected_version=argument)
            assert deleted in (0, 1)
            return bool(deleted)
        value, expected = argument
        try:
            if name == "upsert":
                document = AppData.upsert_app_data(*self.where, value)
            elif name == "update":
                document = AppData.update_app_data(*self.where, value, expected)
            else:
                user_id, app_id, key = self.where
                document = AppData.create_app_data(
                    user_id=user_id, app_id=app_id, data_key=key, data_value=value
                )
        except AlreadyExists:
            return "exists"
        except NotFound:
            return "missing"
        except VersionConflict:
            return "conflict"
        self.seen = document.version
        return document.version


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_app_data_is_linearizable(either_server: str, seed: int) -> None:
    """A thousand operations; twenty times on each server."""
    chance = random.Random(seed)
    user = User.create_user(email="ann@example.org")
    rule = partial(step, versions_grow=connection.supports_transactions())
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(KEYS):
            barrier = threading.Barrier(THREADS)
            clients = [
                Client(user, f"key{number}", random.Random(chance.random())) for _ in range(THREADS)
            ]
            running = [pool.submit(client.work, barrier) for client in clients]
            operations = [operation for future in running for operation in future.result()]
            assert first_unexplained(operations, rule) == []


def history(*calls: tuple[int, int, str, Any, Any]) -> bool:
    return is_linearizable([Operation(*call) for call in calls], step, Value())


def test_the_search_finds_what_no_order_explains() -> None:
    create = (0, 1, "create", ("a", None), 1)
    assert history(create, (2, 3, "read", None, ("a", 1)))
    assert not history(create, (2, 3, "read", None, None))
    # A read beside a write may come before it, but not after one that has seen it.
    write = (2, 9, "upsert", ("b", None), 2)
    old, new = ("a", 1), ("b", 2)
    assert history(create, write, (3, 4, "read", None, old), (5, 6, "read", None, new))
    assert not history(create, write, (3, 4, "read", None, new), (5, 6, "read", None, old))
    # A lost update, a version that is used twice, a deletion that was none.
    assert not history(create, (2, 9, "update", ("b", 1), 2), (3, 8, "update", ("c", 1), 2))
    delete = (2, 3, "delete", None, True)
    assert history(create, delete, (4, 5, "create", ("b", None), 2))
    assert not history(create, delete, (4, 5, "create", ("b", None), 1))
    assert not history(create, delete, (4, 5, "delete", None, True))
    assert not history(create, (2, 3, "update", ("b", 2), "missing"))
