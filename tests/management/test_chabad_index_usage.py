from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database
from support.clients import fresh_database
from support.management import run

from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity, User
from chabad_auth_django.services.deployment import indexes

COMMAND = "chabad_index_usage"


@pytest.fixture
def database(replica_set_uri: str) -> Iterator[Database]:
    with fresh_database(replica_set_uri):
        indexes.create()
        yield connection.get_database()
        connection.get_database().command("profile", 0)


def index(result: Any, collection: str, name: str) -> dict[str, Any]:
    (found,) = (
        row
        for row in result.json["indexes"]
        if (row["collection"], row["name"]) == (collection, name)
    )
    return dict(found)


def test_what_is_used_unused_and_redundant_is_named(database: Database) -> None:
    user = User.create_user(email="ann@example.org")
    for _ in range(3):
        User.find_by_email(user.email)
    database.users.create_index("name")
    result = run(COMMAND, "--json")
    assert (result.code, result.err) == (0, "")
    assert len(result.json["indexes"]) == len(indexes.declared_indexes()) + 1
    email = index(result, "users", "email_1")
    assert list(email) == [
        *("collection", "name", "keys", "operations", "since", "declared", "constraint"),
        *("neverUsed", "redundantWith"),
    ]
    assert (email["neverUsed"], email["constraint"], email["redundantWith"]) == (False, True, None)
    assert email["operations"] >= 3
    assert index(result, "users", "name_1")["declared"] is False
    plain = index(result, "activities", "userId_1")
    assert (plain["neverUsed"], plain["redundantWith"]) == (True, "userId_1_timestamp_-1")
    assert index(result, "activities", "timestamp_1")["redundantWith"] is None
    [line] = (line for line in run(COMMAND).lines if line.split()[:2] == ["activities", "userId_1"])
    note = "never used, redundant: userId_1_timestamp_-1 begins with it"
    assert line.split(maxsplit=4)[2:] == ["0", "yes", note]


@pytest.mark.parametrize("collection", ["sessions", "idempotency_keys"])
def test_a_ttl_of_no_seconds_is_a_constraint(database: Database, collection: str) -> None:
    assert index(run(COMMAND, "--json"), collection, "expiresAt_1")["constraint"] is True


def test_queries_without_an_index_are_named_without_their_values(database: Database) -> None:
    assert run(COMMAND, "--json").json["unindexed"] == []
    database.command("profile", 2)
    list(Activity.collection().find({"metadata.secret": "the value", "x": 1}))
    list(Activity.collection().aggregate([{"$match": {"x": "the value"}}]))
    list(Activity.collection().find({"userId": 1}))
    result = run(COMMAND, "--json")
    assert result.json["profilerLevel"] == 2
    shapes = {(row["collection"], *row["fields"]): row["count"] for row in result.json["unindexed"]}
    assert shapes == {("activities", "metadata.secret", "x"): 1, ("activities", "x"): 1}
    text = run(COMMAND).out
    assert "No index: query of activities by metadata.secret, x, 1 time, " in text
    assert "the value" not in text


def test_an_empty_database_has_no_indexes(replica_set_uri: str) -> None:
    with fresh_database(replica_set_uri):
        assert run(COMMAND, "--json").json["indexes"] == []
        assert run(COMMAND).lines[-1].startswith("The profiler is off")
