"""Conditions that contradict each other, paths and parameters that are not exact, are refused."""

import re

import pytest
from api.conftest import Login
from rest_framework.test import APIClient
from support.endpoints import PATTERNS

from chabad_auth_django.models import AppData, Profile, User

NAMES = {
    "user": "me",
    "session": "0" * 24,
    "identity": "0" * 24,
    "role": "moderator",
    "permission": "users:read",
    "method": "google",
    "key": "settings",
    "app": "cteen",
    "widget": "clock",
}


def path_of(name: str) -> str:
    pattern = str(PATTERNS[name].pattern)
    return "/api/" + re.sub(r"<\w+:(\w+)>", lambda match: NAMES[match[1]], pattern)


@pytest.fixture
def client(admin: User, login: Login) -> APIClient:
    # Somebody else who may do everything, so that the caller can be deleted.
    User.create_user(email="other@example.org", roles=["admin"])
    AppData.upsert_app_data(admin.id, "cteen", "settings", {})
    Profile(user_id=admin.id).set_metadata("settings", 1)
    return login(admin)


def test_contradictory_conditions_are_refused(client: APIClient) -> None:
    path = path_of("app-data-value")
    for body, headers in (
        ({"dataValue": 1, "version": 1}, {}),
        ({"dataValue": 1}, {"HTTP_IF_MATCH": '"1"'}),
    ):
        answer = client.put(path, body, format="json", HTTP_IF_NONE_MATCH="*", **headers)
        assert answer.status_code == 400


def test_a_delete_takes_no_body_that_it_would_ignore(client: APIClient) -> None:
    answer = client.delete(path_of("app-data-value"), {"version": 5}, format="json")
    assert answer.status_code == 400
    assert AppData.objects.count() == 1


@pytest.mark.parametrize(
    "part", ["%FF", "a%FF", "%C3%28", "%ED%A0%80"], ids=["FF", "end", "cut", "surrogate"]
)
def test_a_path_that_is_no_utf_8_names_nothing(client: APIClient, part: str) -> None:
    for path, body in (("app-data/cteen", {"dataValue": 1}), ("profile/metadata", {"value": 1})):
        for answer in (
            client.get(f"/api/users/me/{path}/{part}/"),
            client.put(f"/api/users/me/{path}/{part}/", body, format="json"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert AppData.objects.count() == 1


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limit=2&limit=2", "order=id&order=-id"])
def test_a_repeated_parameter_is_refused(client: APIClient, query: str) -> None:
    answer = client.get(f"/api/users/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("path", ["docs/", "docs/x", "schema/", "schema/x/", "users/x/y/z"])
@pytest.mark.parametrize("verb", ["options", "post", "get"])
def test_every_refusal_has_the_one_shape(client: APIClient, path: str, verb: str) -> None:
    answer = getattr(client, verb)(f"/api/{path}", HTTP_ACCEPT="application/json")
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"].startswith("application/json")
        assert {"code", "detail"} <= set(answer.json())
    assert answer.status_code < 500
