import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import mongoengine
import pymongo
import pytest
from bson import SON
from bson.binary import UuidRepresentation
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError
from pymongo.monitoring import TopologyListener
from pymongo.server_api import ServerApi
from support.clients import with_options
from support.replica_set import Member
from support.threads import together

from chabad_auth_django.contrib.embedded.probe import free_port
from chabad_auth_django.db import connection, testing
from chabad_auth_django.models import Analytics, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import counts, rollups
from chabad_auth_django.services.data import idempotency
from chabad_auth_django.services.data.idempotency import Answer

NOBODY = "mongodb://127.0.0.1:1/test_nothing"


class Topologies(TopologyListener):
    """Count the clients that were opened."""

    def __init__(self) -> None:
        self.count = 0

    def opened(self, event: Any) -> None:
        self.count += 1

    def description_changed(self, event: Any) -> None:
        pass

    def closed(self, event: Any) -> None:
        pass


@pytest.fixture
def uri(replica_set_uri: str) -> str:
    return replica_set_uri


def test_the_client_has_the_defaults(uri: str) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
        client = connection.get_client()
        options = client.options
        pool = options.pool_options
        assert (pool.max_pool_size, pool.min_pool_size) == (10, 2)
        assert pool.appname == "chabad_auth_django"
        assert options.server_selection_timeout == 5
        assert client.write_concern.document == {"w": "majority"}
        assert (options.retry_reads, options.retry_writes) == (True, True)
        assert client.codec_options.tz_aware
        assert client.codec_options.uuid_representation == UuidRepresentation.STANDARD
        assert pool.socket_timeout == 20


def test_no_server_is_an_error_after_the_selection_timeout() -> None:
    changed = {
        "MONGODB_URI": "mongodb://127.0.0.1:1/",
        "MONGODB_OPTIONS": {"serverSelectionTimeoutMS": 300},
    }
    with (
        override_settings(CHABAD_AUTH=changed),
        pytest.raises(ServerSelectionTimeoutError, match=r"Timeout: 0\.[23]"),
    ):
        connection.get_database().users.find_one()


@pytest.mark.parametrize(
    ("query", "options", "expected"),
    [
        ("", {}, 10),
        ("maxPoolSize=7", {}, 7),
        ("maxpoolsize=7", {}, 7),
        ("", {"maxPoolSize": 3}, 3),
        ("", {"maxpoolsize": 3}, 3),
        ("maxPoolSize=7", {"maxPoolSize": 3}, 3),
        ("maxPoolSize=7", {"MAXPOOLSIZE": 3}, 3),
        ("retryReads=false&maxPoolSize=7", {"minPoolSize": 1}, 7),
        # Ours would be a minimum above the maximum.
        ("maxPoolSize=1", {}, 1),
        ("", {"MAXPOOLSIZE": 1}, 1),
        ("minPoolSize=20", {}, 100),
    ],
)
def test_the_settings_win_over_the_uri_and_the_uri_over_the_defaults(
    uri: str, query: str, options: dict[str, Any], expected: int
) -> None:
    settings = {"MONGODB_URI": with_options(uri, query), "MONGODB_OPTIONS": options}
    with override_settings(CHABAD_AUTH=settings):
        assert connection.get_client().options.pool_options.max_pool_size == expected


def test_a_uri_of_several_ipv6_hosts_is_read() -> None:
    options = connection.client_options("mongodb://a:1,[::1]:2,[::2]:3/db?maxPoolSize=7")
    assert "maxPoolSize" not in options


def test_options_of_a_uri_may_be_separated_by_semicolons() -> None:
    options = connection.client_options("mongodb://a/db?appName=x;MAXPOOLSIZE=7;w=majority")
    assert options.keys().isdisjoint({"maxPoolSize", "appname"})
    assert "retryReads" in options


@pytest.mark.parametrize("source", ["setting", "environment", "callable"])
def test_the_uri_comes_from_the_setting_or_the_environment(
    uri: str, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("MONGODB_URI", uri if source == "environment" else NOBODY)
    value = {"setting": uri, "environment": None, "callable": lambda: uri}[source]
    with override_settings(CHABAD_AUTH={"MONGODB_URI": value}):
        connection.close()
        assert connection.ping() >= 0
    connection.close()


def test_without_the_app_the_first_use_says_what_to_add(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(apps.app_configs, "chabad_auth")
    connection.close()
    with pytest.raises(ImproperlyConfigured, match="INSTALLED_APPS"):
        User.create_user(email="ann@example.org")


def test_without_a_uri_the_first_use_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    with override_settings(CHABAD_AUTH={}):
        connection.close()
        for use in (connection.get_client, connection.ping, lambda: User.find_by_email("a@b.org")):
            with pytest.raises(ImproperlyConfigured, match="MONGODB_URI"):
                use()


def test_the_database_is_the_one_that_the_uri_names(uri: str) -> None:
    base = uri.partition("?")[0].rpartition("/")[0]
    # Not the ones that are named: a test run has begun.
    names = {"/chosen": "test_chosen", "/": "test_test", "": "test_test", "/test_own": "test_own"}
    for path, name in names.items():
        with override_settings(CHABAD_AUTH={"MONGODB_URI": base + path}):
            assert connection.get_database().name == name
            assert User.collection().database.name == name


def test_what_a_process_of_a_test_run_asked_is_forgotten_in_one_that_it_forks(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.supports_transactions()
    monkeypatch.setattr(testing, "worker", lambda: "forked")
    # Its first use is a transaction, in which MongoDB would not answer the question.
    assert User.create_user(email="ann@example.org").id


@pytest.mark.parametrize("kind", ["text", "callable"])
def test_sixteen_threads_on_first_use_make_one_client(uri: str, kind: str) -> None:
    topologies, calls = Topologies(), []

    def ask() -> str:
        calls.append(1)
        return uri

    value = uri if kind == "text" else ask
    options = {"event_listeners": [topologies]}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": value, "MONGODB_OPTIONS": options}):
        connection.close()
        clients = together([connection.get_client] * 8 + [lambda: User.objects.first()] * 8)
        assert len({id(client) for client in clients[:8]}) == 1
        assert clients[0] is connection.get_client() is mongoengine.get_connection(connection.ALIAS)
        assert topologies.count == 1
        assert len(calls) == (kind == "callable")


def test_a_callable_uri_that_fails_is_asked_again() -> None:
    answers: Iterator[Any] = iter([OSError("not yet"), NOBODY])

    def ask() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with override_settings(CHABAD_AUTH={"MONGODB_URI": ask}):
        with pytest.raises(OSError, match="not yet"):
            connection.get_client()
        assert connection.get_client() is connection.get_client()


def test_register_opens_nothing() -> None:
    topologies = Topologies()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        uri = f"mongodb://127.0.0.1:{server.getsockname()[1]}/db"
        settings = {"MONGODB_URI": uri, "MONGODB_OPTIONS": {"event_listeners": [topologies]}}
        with override_settings(CHABAD_AUTH=settings):
            connection.close()
            connection.register()
            assert topologies.count == 0
            with pytest.raises(TimeoutError):
                server.accept()
            assert mongoengine.connection._connection_settings[connection.ALIAS]["name"] == "db"


@pytest.mark.parametrize("uri", [lambda: pytest.fail("asked"), "mongodb+srv://nowhere.invalid/db"])
def test_register_asks_neither_a_callable_nor_dns(uri: Any) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
        connection.close()
        connection.register()
        assert connection.ALIAS not in mongoengine.connection._connection_settings


def test_override_settings_switches_the_server(replica_set_uri: str, standalone_uri: str) -> None:
    seen = []
    with override_settings(CHABAD_AUTH={"MONGODB_URI": replica_set_uri}):
        seen.append(connection.supports_transactions())
        with override_settings(CHABAD_AUTH={"MONGODB_URI": standalone_uri}):
            seen.append(connection.supports_transactions())
        seen.append(connection.supports_transactions())
    assert seen == [True, False, True]


def test_a_member_that_still_starts_is_no_standalone_server(
    our_server: None, tmp_path: Path
) -> None:
    member = Member(tmp_path, port=free_port())
    try:
        member.start()
        uri = f"mongodb://127.0.0.1:{member.listening}/test_member?directConnection=true"
        with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
            assert connection.supports_transactions()
    finally:
        connection.close()
        member.kill()


def test_a_server_named_while_another_one_is_opened_is_the_one_that_is_used(uri: str) -> None:
    switch = override_settings(CHABAD_AUTH={"MONGODB_URI": NOBODY})

    def ask() -> str:
        switch.enable()
        return uri

    # Django tells of the setting at once, before the first server is open, or after it.
    with override_settings(CHABAD_AUTH={"MONGODB_URI": ask}):
        connection.get_client()
        connection.close_if_changed(setting="CHABAD_AUTH")
        with suppress(PyMongoError):
            connection.ping()
            pytest.fail("The first server answers.")
        switch.disable()


def test_a_setting_that_is_no_part_of_the_connection_keeps_the_client(uri: str) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
        client = connection.get_client()
        with override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "JSON_MAX_DEPTH": 3}):
            assert connection.get_client() is client
        with override_settings(DEBUG=True):
            assert connection.get_client() is client


def test_close_ends_the_connection_and_the_next_use_opens_another(uri: str) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
        client = connection.get_client()
        connection.close()
        connection.close()
        with pytest.raises(pymongo.errors.InvalidOperation):
            client.admin.command("ping")
        assert connection.get_client() is not client
        assert User.find_by_email("nobody@example.org") is None
        assert connection.ping() < 60


def test_ping_fails_within_its_timeout_when_nobody_answers() -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": NOBODY}), pytest.raises(PyMongoError):
        connection.ping(timeout=0.2)


def test_a_server_that_has_to_start_first_takes_no_time_from_the_ping(uri: str) -> None:
    def start() -> str:
        time.sleep(2.5)
        return uri

    with override_settings(CHABAD_AUTH={"MONGODB_URI": start}):
        assert connection.ping(timeout=2) < 2


#: Options that a project may have, and that must not reach the commands they break.
UNFIT: list[Any] = [
    ("readConcernLevel=local", {}),
    ("readConcernLevel=linearizable", {}),
    ("", {"readConcernLevel": "majority"}),
    ("tz_aware=false", {}),
    ("", {"TZ_AWARE": False}),
    ("", {"document_class": SON}),
    ("", {"datetime_conversion": "datetime_ms"}),
    ("uuidRepresentation=javaLegacy", {}),
    ("w=1", {}),
    ("readPreference=secondaryPreferred", {"readConcernLevel": "local"}),
    pytest.param("", {"server_api": ServerApi("1", strict=True)}, id="strict"),
]


@pytest.mark.parametrize(("query", "options"), UNFIT, ids=str)
def test_an_option_that_would_break_us_has_no_effect(
    mongodb: str, query: str, options: dict[str, Any]
) -> None:
    """Counts, roll-ups and an idempotent request's answer work as without the option."""
    settings = {"MONGODB_URI": with_options(mongodb, query), "MONGODB_OPTIONS": options}
    with override_settings(CHABAD_AUTH=settings):
        user = User.create_user(email="ann@example.org")
        key = {"user_id": user.id, "key": "key", "fingerprints": ["same"]}
        run = partial(
            idempotency.run_once, **key, run=int, answer_of=lambda _: Answer(200, {}, b"")
        )
        run()
        assert isinstance(run(), Answer)
        assert user.created_at.utcoffset() == timedelta(0)
        assert type(User.read(_id=user.id)) is dict
        # A day is counted once it is over for some minutes, so yesterday may be too late.
        start = now() - timedelta(days=5)
        for days in (2, 1):
            Analytics.create_analytics(
                user_id=user.id,
                event_name="x",
                event_category="custom",
                timestamp=start + timedelta(days=days),
            )
        assert list(rollups.run())
        Analytics.collection().delete_one({})
        assert list(rollups.run())
        counted = counts.get_event_counts(start=start, end=now())
        assert [row["count"] for row in counted] == [1]


def test_a_connection_that_the_host_closes_is_opened_again(mongodb: str) -> None:
    def through_mongoengine() -> None:
        mongoengine.disconnect(connection.ALIAS)

    closings = (
        mongoengine.disconnect_all,
        through_mongoengine,
        lambda: connection.get_client().close(),
        lambda: mongoengine.get_connection(connection.ALIAS).close(),
    )
    user = User.create_user(email="ann@example.org")
    for close in closings:
        close()
        assert User.find_by_email("ann@example.org").id == user.id
        close()
        assert connection.ping() < 60
        close()
        user.add_role("admin")
        assert connection.get_client() is mongoengine.get_connection(connection.ALIAS)


def test_threads_go_on_while_the_host_closes_its_connections(mongodb: str) -> None:
    User.create_user(email="ann@example.org")
    done = threading.Event()

    def close() -> None:
        for _ in range(30):
            mongoengine.disconnect_all()
        done.set()

    def read() -> None:
        while not done.is_set():
            # Whoever is in the middle of an operation may get an error of the driver.
            with suppress(PyMongoError):
                User.find_by_email("ann@example.org")

    together([close, read, read, read])
    assert User.find_by_email("ann@example.org") is not None
    assert connection.get_database().users.count_documents({}) == 1
