"""Two real servers for each test process: a replica set and a standalone one.

``TEST_MONGODB_URI`` names a replica set to use in place of ours.
"""

import signal
from collections.abc import Iterator

import pymongo
import pytest
from django.test import override_settings
from django.utils import translation
from hypothesis import HealthCheck, settings
from support.commands import CommandCounter
from support.databases import IndexListener, Server, database_name, named_uri, skip_unless_ours
from support.fork_server import ForkServer

from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection
from chabad_auth_django.models import User

pytest_plugins = ["support.claims", "support.faults", "support.sampling", "support.targeting"]

# A busy machine must make no test fail.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure() -> None:
    # A background job of a shell ignores Ctrl-C, and so would the processes that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Whoever ends the run by SIGTERM, as "timeout" does, ends the servers of the tests with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_language_left() -> Iterator[None]:
    """End a request's language with its test: LocaleMiddleware leaves it active in the thread."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def index_listener() -> IndexListener:
    """Hears of each index that this process changes; for clients made from now on."""
    listener = IndexListener()
    pymongo.monitoring.register(listener)
    return listener


def _serve(
    tmp_path_factory: pytest.TempPathFactory,
    listener: IndexListener,
    name: str,
    replica_set: str | None,
) -> Iterator[Server]:
    mongod = Mongod(
        tmp_path_factory.mktemp(name),
        replica_set=replica_set,
        parameters={"ttlMonitorSleepSecs": 1},
        database=database_name(name),
    )
    yield from _use(mongod.start(), listener)
    mongod.stop()


def _use(uri: str, listener: IndexListener) -> Iterator[Server]:
    server = Server(uri, listener)
    yield server
    changes = server.unheard_changes()
    server.close()
    connection.close()
    assert changes is None, f"Another process changed indexes, without fresh_indexes: {changes}"


@pytest.fixture(scope="session")
def replica_set_server(
    tmp_path_factory: pytest.TempPathFactory, index_listener: IndexListener
) -> Iterator[Server]:
    """A replica set: one of a single node whose TTL monitor runs each second, or the named one."""
    if uri := named_uri():
        servers = _use(uri, index_listener)
    else:
        servers = _serve(tmp_path_factory, index_listener, "replica_set", "rs0")
    server = next(servers)
    # With the same settings between two tests, the second goes on with the client of the first.
    with override_settings(CHABAD_AUTH=server.settings):
        yield server
    yield from servers


@pytest.fixture(scope="session")
def standalone_server(
    tmp_path_factory: pytest.TempPathFactory, index_listener: IndexListener
) -> Iterator[Server]:
    """A server without transactions."""
    skip_unless_ours()
    yield from _serve(tmp_path_factory, index_listener, "standalone", None)


@pytest.fixture(scope="session")
def our_server() -> None:
    """Skip what starts, stops or changes a server while TEST_MONGODB_URI names somebody's."""
    skip_unless_ours()


@pytest.fixture(scope="session")
def replica_set_uri(replica_set_server: Server) -> str:
    """The URI of the replica set."""
    return replica_set_server.uri


@pytest.fixture(scope="session")
def standalone_uri(standalone_server: Server) -> str:
    """The URI of the server without transactions."""
    return standalone_server.uri


@pytest.fixture
def mongodb(replica_set_server: Server) -> Iterator[str]:
    """An empty database on the replica set, with the indexes deployed."""
    with replica_set_server.prepared() as uri:
        yield uri


@pytest.fixture
def standalone(standalone_server: Server) -> Iterator[str]:
    """An empty database on the standalone server, with the indexes deployed."""
    with standalone_server.prepared() as uri:
        yield uri


@pytest.fixture(params=["replica set", "standalone"])
def either_server(request: pytest.FixtureRequest) -> str:
    """An empty database on each kind of server in turn."""
    uri: str = request.getfixturevalue(
        "mongodb" if request.param == "replica set" else "standalone"
    )
    return uri


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServer]:
    """Start processes to be killed."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def fresh_indexes(index_listener: IndexListener) -> Iterator[None]:
    """Restore the indexes for the next test: another process changes them in this one."""
    yield
    index_listener.sound.clear()


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


@pytest.fixture
def person(either_server: str) -> User:
    """The same user on each kind of server in turn."""
    return User.create_user(email="ann@example.org", name="Ann", auth_methods=["google"])
