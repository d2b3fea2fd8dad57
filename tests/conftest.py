"""Two real servers for each test process: a replica set and a standalone one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pymongo
import pytest
from django.test import override_settings
from support.commands import CommandCounter

from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.services.deployment import indexes

pytest_plugins = ["support.claims"]


def pytest_configure() -> None:
    # A background job of a shell ignores Ctrl-C, and so would the processes that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _serve(
    tmp_path_factory: pytest.TempPathFactory, name: str, replica_set: str | None
) -> Iterator[str]:
    server = Mongod(
        tmp_path_factory.mktemp(name),
        replica_set=replica_set,
        parameters={"ttlMonitorSleepSecs": 1},
        database=f"chabad_auth_{os.environ.get('PYTEST_XDIST_WORKER', 'tests')}",
    )
    yield server.start()
    connection.close()
    server.stop()


@pytest.fixture(scope="session")
def replica_set_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a single-node replica set whose TTL monitor runs each second."""
    yield from _serve(tmp_path_factory, "replica_set", "rs0")


@pytest.fixture(scope="session")
def standalone_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a server without transactions."""
    yield from _serve(tmp_path_factory, "standalone", None)


def _use(uri: str) -> Iterator[str]:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "DELETION_GRACE_SECONDS": 0}):
        database = connection.get_database()
        for name in database.list_collection_names():
            # Dropping would take the indexes with it; deleting is quicker than deploying them.
            database[name].delete_many({})
        indexes.create()
        yield uri


@pytest.fixture
def mongodb(replica_set_uri: str) -> Iterator[str]:
    """An empty database on the replica set, with the indexes deployed."""
    yield from _use(replica_set_uri)


@pytest.fixture
def standalone(standalone_uri: str) -> Iterator[str]:
    """An empty database on the standalone server, with the indexes deployed."""
    yield from _use(standalone_uri)


@pytest.fixture(params=["replica set", "standalone"])
def either_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database on each kind of server in turn."""
    name = "replica_set_uri" if request.param == "replica set" else "standalone_uri"
    yield from _use(request.getfixturevalue(name))


@pytest.fixture
def commands(mongodb: str) -> Iterator[CommandCounter]:
    """Record the commands that are sent to MongoDB."""
    counter = CommandCounter()
    with override_settings(
        CHABAD_AUTH={"MONGODB_URI": mongodb, "MONGODB_OPTIONS": {"event_listeners": [counter]}}
    ):
        connection.get_client().admin.command("ping")
        connection.supports_transactions()
        counter.clear()
        yield counter


@pytest.fixture
def raw(mongodb: str) -> Iterator[pymongo.database.Database]:
    """The same database through a client of the test's own, as another program sees it."""
    with pymongo.MongoClient(mongodb, tz_aware=True) as client:
        yield client.get_default_database()


@pytest.fixture
def user(mongodb: str) -> User:
    """A stored user with one authentication method, a Profile and Preferences."""
    return User.create_user(email="ann@example.org", name="Ann", auth_methods=["google"])
