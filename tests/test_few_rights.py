"""A MongoDB user who may not do what is asked: everything says so, and shows nobody's data."""

import logging
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from bson import ObjectId
from django.test import override_settings
from rest_framework.test import APIClient
from support.management import run

from chabad_auth_django import receivers
from chabad_auth_django.checks.database import check_database
from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection, testing
from chabad_auth_django.services.signing_in import tokens

pytestmark = pytest.mark.slow

WRITES = ["insert", "update", "remove", "listCollections", "listIndexes"]


def allowed(actions: list[str], collection: str = "") -> dict[str, Any]:
    return {"resource": {"db": "test_rights", "collection": collection}, "actions": actions}


#: A role that makes no index, and one that reads a few collections only.
PRIVILEGES = {
    "clerk": [allowed(["find", *WRITES])],
    "blind": [
        allowed(WRITES),
        *(allowed(["find"], name) for name in ("audit_log", "deletions", "erasures", "users")),
    ],
}

ROLES = {
    **{name: [{"role": name, "db": "test_rights"}] for name in PRIVILEGES},
    "nothing": [],
    "read": [{"role": "read", "db": "test_rights"}],
    "write": [{"role": "readWrite", "db": "test_rights"}, {"role": "dbAdmin", "db": "test_rights"}],
}


class Guarded(Mongod):
    """A server that asks who it is."""

    def arguments(self, port: int) -> list[str]:
        return [*super().arguments(port), "--auth"]

    def _answering(self, port: int | None) -> Any:
        # It does not tell strangers about itself.
        try:
            with pymongo.MongoClient(
                "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=100
            ) as client:
                return client.admin.command("hello") if port else None
        except pymongo.errors.PyMongoError:
            return None


@pytest.fixture(scope="module")
def server(our_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    mongod = Guarded(tmp_path_factory.mktemp("rights"), replica_set=None)
    address = mongod.start().partition("://")[2].partition("/")[0]
    with pymongo.MongoClient(f"mongodb://{address}", serverSelectionTimeoutMS=60_000) as client:
        client.admin.command("createUser", "root", pwd="root", roles=["root"])
    with pymongo.MongoClient(f"mongodb://root:root@{address}") as client:
        for name, privileges in PRIVILEGES.items():
            client.test_rights.command("createRole", name, privileges=privileges, roles=[])
        for name, roles in ROLES.items():
            client.admin.command("createUser", name, pwd="password", roles=roles)
        yield address
        with pytest.raises(pymongo.errors.AutoReconnect):
            client.admin.command("shutdown", force=True)


@pytest.fixture
def by(server: str) -> Iterator[Any]:
    def use(name: str, password: str = "password") -> Any:
        uri = f"mongodb://{name}:{password}@{server}/test_rights?authSource=admin"
        return override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "HOST_ID": "site"})

    yield use
    connection.close()


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["chabad_find_users", "--email", "ann@example.org"], "aggregate users"),
        (["chabad_create_user", "--email", "ann@example.org", "--no-input"], "find users"),
        (["chabad_sync_indexes"], "listIndexes activities"),
    ],
)
def test_a_command_names_what_is_not_allowed_and_the_roles(
    by: Any, arguments: list[str], command: str
) -> None:
    with by("nothing"):
        result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "ann@example.org" not in result.err
    assert command.partition(" ")[2] in result.err
    assert "roles readWrite and dbAdmin" in result.err
    assert len(result.err) < 400, result.err


def test_who_may_make_no_index_is_told_without_the_command(by: Any) -> None:
    with by("write"):
        connection.get_database().users.drop_indexes()
    connection.close()
    with by("clerk"):
        result = run("chabad_sync_indexes", "--yes")
    assert result.code == 2
    assert "createIndexes" in result.err and "roles readWrite and dbAdmin" in result.err
    assert "lsid" not in result.err and "$db" not in result.err


def test_a_scan_that_may_read_nothing_says_so_without_the_command(by: Any) -> None:
    with by("write"):
        assert run("chabad_sync_indexes").code == 0
    with by("blind"):
        result = run("chabad_verify_erasure", "ann@example.org")
    assert result.code == 2
    assert "appdatas was not looked through" in result.err
    assert "lsid" not in result.err and "$db" not in result.err


def test_a_command_of_a_user_with_the_wrong_password_says_what_to_check(by: Any) -> None:
    with by("write", "wrong"):
        result = run("chabad_stats")
    assert result.code == 2
    assert "Authentication failed. Check the user, the password and authSource" in result.err


def test_who_has_the_roles_that_the_message_names_may_run_every_command(by: Any) -> None:
    with by("write"):
        for name in ("chabad_sync_indexes", "chabad_stats", "chabad_check_integrity"):
            assert run(name).code == 0
        result = run("chabad_index_usage")
        assert result.code == 0 or "clusterMonitor for chabad_index_usage" in result.err


@pytest.mark.parametrize(
    ("name", "password", "advice"),
    [("nothing", "password", "roles readWrite and dbAdmin"), ("read", "wrong", "authSource")],
)
def test_the_check_and_migrate_say_why_mongodb_refused(
    by: Any,
    name: str,
    password: str,
    advice: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with by(name, password):
        (message,) = check_database(databases=["default"])
        monkeypatch.setattr(testing, "worker", lambda: None)
        with caplog.at_level(logging.WARNING, "chabad_auth_django"):
            receivers.create_missing_indexes(using="default")
        connection.close()
    assert message.id == "chabad_auth.W012"
    assert advice in (message.hint or "")
    assert advice in caplog.text


@pytest.mark.parametrize(
    ("name", "password", "cause"),
    [
        ("nothing", "password", "OperationFailure Unauthorized"),
        ("write", "wrong", "OperationFailure AuthenticationFailed"),
    ],
)
def test_a_request_is_answered_503_and_the_log_names_the_cause(
    by: Any, name: str, password: str, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = tokens.issue_access_token(user_id=ObjectId(), session_id=ObjectId())
    client = APIClient(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {token}")
    with by(name, password):
        # Readiness first: once the driver knows that it is not believed, it takes the server for
        # unknown.
        for path in ("health/ready/", "users/me/"):
            answer = client.get(f"/api/{path}")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert cause in caplog.text


def test_a_test_run_that_may_not_use_its_database_hears_so_each_time(server: str) -> None:
    uri = f"mongodb://write:password@{server}/rights_of_others?authSource=admin"
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
        for _ in range(2):
            with pytest.raises(pymongo.errors.OperationFailure, match="test_rights_of_others"):
                connection.get_client()
    connection.close()
