"""Every write honours a precondition or refuses it; none goes on as if there was none."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from rest_framework.test import APIClient
from support.cases import each
from support.endpoints import served
from support.requests import check_error

from chabad_auth_django.api.urls import urlpatterns
from chabad_auth_django.models import AppData, User
from chabad_auth_django.services.signing_in import flows

#: What fills the variable parts of a path.
PARTS = {
    "role": "moderator",
    "permission": "users:read",
    "method": "google",
    "app": "cteen",
    "widget": "w",
    "key": "settings",
}

#: Body of the writes that take one.
BODIES: dict[str, Any] = {
    "auth-login": {"token": "x"},
    "auth-refresh": {"refreshToken": "x"},
    "users": {"email": "new@example.org"},
    "user": {"name": "New"},
    "user-block": {"reason": "abuse"},
    "user-identities": {"token": "x"},
    "profile": {"bio": "New"},
    "profile-avatar": {"url": "https://example.org/a.png"},
    "profile-metadata": {"value": 1},
    "preferences": {"theme": "dark"},
    "widget": {"enabled": True},
    "user-activities": {"eventType": "x"},
    "user-analytics": {"eventName": "x", "eventCategory": "custom"},
    "app-data-value": {"dataValue": 2},
}

#: Header of the request, or member of its body, and its value.
PRECONDITIONS = [
    ("If-Match", '"stale"'),
    ("If-None-Match", "*"),
    ("If-None-Match", '"stale"'),
    ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("version", 77),
]

WRITES = [(name, verb) for name, verb in served() if verb not in ("get", "options")]


def content(raw: Database[Any]) -> dict[str, Any]:
    """Return all that is stored but the refusals in the audit trail."""
    done = {"outcome": {"$ne": "refused"}}
    return {
        name: list(raw[name].find(done, {"lastUsedAt": 0}).sort("_id"))
        for name in raw.list_collection_names()
        if not name.startswith("system.")
    }


def paths(user: User, session: ObjectId) -> dict[str, str]:
    routes = {pattern.name: str(pattern.pattern) for pattern in urlpatterns if pattern.name}
    values = {**PARTS, "user": str(user.id), "session": str(session), "identity": "0" * 24}
    found = {}
    for name, route in routes.items():
        for part, value in values.items():
            route = re.sub(rf"<\w+:{part}>", value, route)
        found[name] = f"/api/{route}"
    return found


@pytest.fixture
def signed_in(admin: User) -> Iterator[tuple[APIClient, ObjectId]]:
    result = flows.issue_tokens(name="admin@example.org")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {result.access_token}")
    session = ObjectId(result.refresh_token.split(".")[0])
    yield client, session


@each(("name", "value"), PRECONDITIONS)
@pytest.mark.parametrize(("endpoint", "verb"), WRITES)
def test_a_precondition_that_fails_or_is_unknown_lets_nothing_happen(
    signed_in: tuple[APIClient, ObjectId],
    owner: User,
    raw: Database[Any],
    endpoint: str,
    verb: str,
    name: str,
    value: Any,
) -> None:
    client, session = signed_in
    AppData.upsert_app_data(owner.id, "cteen", "settings", {})
    path = paths(owner, session)[endpoint]
    body = BODIES.get(endpoint) if verb != "delete" else None
    headers = {}
    if name == "version":
        body = {**(body or {}), "version": value}
    else:
        headers[name] = value
    before = content(raw)
    answer = getattr(client, verb)(path, body, format="json", headers=headers)
    holds = (name, value) == ("If-None-Match", "*") and (endpoint, verb) == ("user-block", "put")
    if holds:
        # Nothing is stored there yet.
        assert answer.status_code == 201
        client.delete(path)
        return
    check_error(answer, answer.status_code)
    # Of a header that does not hold, or that the endpoint does not know, is told before all else.
    assert answer.status_code in ((400, 412) if headers else (400, 403, 409)), answer.content
    assert content(raw) == before


def test_a_version_and_a_new_key_cannot_both_be_expected(api: APIClient) -> None:
    path = "/api/users/me/app-data/cteen/settings/"
    for extra, body in (
        ({"HTTP_IF_MATCH": "*"}, {"dataValue": 1}),
        ({"HTTP_IF_MATCH": '"1"'}, {"dataValue": 1}),
        ({}, {"dataValue": 1, "version": 1}),
    ):
        answer = api.put(path, body, format="json", HTTP_IF_NONE_MATCH="*", **extra)
        check_error(answer, 400, "invalid")
        assert list(answer.json()["errors"]) == ["If-None-Match"]
    assert api.get(path).status_code == 404
