"""``Idempotency-Key`` when the process that serves the request dies of ``kill -9``."""

import json
from collections.abc import Callable
from http.client import RemoteDisconnected
from typing import Any

import pytest
from rest_framework.test import APIClient
from support.api_server import api_server
from support.invariants import end_transactions_of_the_dead
from support.signed_in import access_token

from chabad_auth_django.db import connection
from chabad_auth_django.models import AppData, User
from chabad_auth_django.models.fields import now

Login = Callable[[User | None], APIClient]

VALUE = "/api/users/me/app-data/cteen/settings/"
BODY = json.dumps({"dataValue": {"a": 1}})


def make_user() -> User:
    """Return a user with one value, of version 1."""
    user = User.create_user(email="ann@example.org", auth_methods=["google"])
    AppData.create_app_data(user_id=user.id, app_id="cteen", data_key="settings", data_value=0)
    return user


def die(uri: str, user: User, after: str) -> None:
    """Send the request to a server that dies after the command."""
    token = access_token(user.id)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": "k",
    }
    with api_server(uri, DIE_AFTER=after) as server:
        server.request("PUT", VALUE, BODY, headers)
        with pytest.raises(RemoteDisconnected):
            server.getresponse()
    end_transactions_of_the_dead(connection.get_database())


def send(client: APIClient) -> Any:
    return client.put(VALUE, BODY, content_type="application/json", HTTP_IDEMPOTENCY_KEY="k")


@pytest.mark.parametrize("after", ["insert", "findAndModify", "update", "commitTransaction"])
def test_a_crash_in_a_transaction_makes_it_exactly_once(
    mongodb: str, login: Login, after: str
) -> None:
    ann = make_user()
    die(mongodb, ann, after)
    committed = after == "commitTransaction"
    assert AppData.objects.get().version == (2 if committed else 1)
    answer = send(login(ann))
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert answer.headers.get("Idempotent-Replayed") == ("true" if committed else None)
    assert answer.headers["ETag"].startswith('"2-')
    assert AppData.objects.get().version == 2


@pytest.mark.parametrize(("after", "version"), [("insert", 1), ("findAndModify", 2), ("update", 2)])
def test_a_crash_without_transactions_makes_it_at_least_once(
    standalone: str, login: Login, after: str, version: int
) -> None:
    ann = make_user()
    die(standalone, ann, after)
    assert AppData.objects.get().version == version
    answer = send(login(ann))
    if after == "update":
        assert (answer.status_code, answer.json()["version"]) == (200, 2)
        assert answer.headers["Idempotent-Replayed"] == "true"
        return
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
    assert 0 < int(answer.headers["Retry-After"]) <= 40
    abandoned = {"$set": {"expiresAt": now()}}
    connection.get_database().idempotency_keys.update_one({}, abandoned)
    answer = send(login(ann))
    assert (answer.status_code, answer.json()["version"]) == (200, version + 1)
    again = send(login(ann))
    assert (again.content, again.headers["Idempotent-Replayed"]) == (answer.content, "true")
