"""Whether an installation may serve."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database
from rest_framework.test import APIClient
from support.clients import fresh_database
from support.requests import check_error

from chabad_auth_django.db import connection
from chabad_auth_django.services.deployment import indexes, readiness, retention


@pytest.fixture
def database(replica_set_uri: str) -> Iterator[Database]:
    """A database of its own, with the indexes."""
    with fresh_database(replica_set_uri):
        indexes.create()
        yield connection.get_database()


def ready() -> Any:
    readiness.forget()
    return APIClient().get("/api/health/ready/")


def test_it_is_ready_with_the_indexes_and_others_beside_them(database: Database) -> None:
    database.users.create_index("name")
    answer = ready()
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_it_is_not_ready_without_an_index(database: Database) -> None:
    database.analytics.drop_index("timestamp_1")
    check_error(ready(), 503, "not_ready")


def test_it_is_not_ready_when_an_index_is_not_unique(database: Database) -> None:
    database.users.drop_index("email_1")
    database.users.create_index("email")
    check_error(ready(), 503, "not_ready")
    indexes.fix()
    assert ready().status_code == 200


def test_a_changed_retention_takes_no_server_out_of_service(database: Database) -> None:
    retention.set_days(days=30)
    assert not indexes.compare().is_clean
    assert ready().status_code == 200
