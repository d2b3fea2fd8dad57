"""The OpenAPI description is complete, and it is true."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.urls import include
from django.urls import path as url
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import patched_settings
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.response import Response
from rest_framework.test import APIClient
from support.openapi import Description
from support.processes import django_admin

from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import flows

Call = tuple[str, str, Any, dict[str, str], int]

APP, VALUE = "/api/users/me/app-data/cteen/", "/api/users/me/app-data/cteen/settings/"
ACTIVITIES, ANALYTICS = "/api/users/me/activities/", "/api/users/me/analytics/"
PROFILE, PREFERENCES = "/api/users/me/profile/", "/api/users/me/preferences/"
RANGE = "?start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"
YEAR = "?start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z"
EVENT = {"eventName": "view", "eventCategory": "engagement", "eventData": {"a": [1]}}
STALE = {"HTTP_IF_MATCH": '"stale"'}
ANY = {"HTTP_IF_NONE_MATCH": "*"}

#: What an admin sends, in this order, and the status of the answer.
CALLS: list[Call] = [
    ("GET", "/api/auth/me/", None, {}, 200),
    ("GET", "/api/auth/me/", None, ANY, 304),
    ("GET", "/api/auth/rules/", None, {}, 200),
    ("GET", "/api/auth/sessions/", None, {}, 200),
    ("POST", "/api/users/", {"email": "new@example.org", "authMethods": ["google"]}, {}, 201),
    ("POST", "/api/users/", {"email": "new@example.org"}, {}, 409),
    ("POST", "/api/users/", {"email": "nonsense", "roles": []}, {}, 400),
    ("GET", "/api/users/?order=-email&limit=1", None, {}, 200),
    ("GET", "/api/users/?cursor=nonsense", None, {}, 400),
    ("GET", "/api/users/nonsense/", None, {}, 404),
    ("GET", "/api/users/me/", None, {}, 200),
    ("GET", "/api/users/me/", None, ANY, 304),
    ("GET", "/api/users/me/?expand=profile,preferences", None, {}, 200),
    ("GET", "/api/users/me/export/", None, {}, 200),
    ("GET", "/api/users/me/erasure/", None, {}, 404),
    ("PATCH", "/api/users/me/", {"name": "Ann"}, {}, 200),
    ("PATCH", "/api/users/me/", {"name": "Ann"}, STALE, 412),
    ("PUT", "/api/users/me/roles/moderator/", None, {}, 200),
    ("DELETE", "/api/users/me/roles/moderator/", None, {}, 200),
    ("PUT", "/api/users/me/permissions/users:read/", None, {}, 200),
    ("DELETE", "/api/users/me/permissions/users:read/", None, {}, 200),
    ("PUT", "/api/users/me/auth-methods/google/", None, {}, 200),
    ("PUT", "/api/users/me/auth-methods/nonsense/", None, {}, 400),
    ("DELETE", "/api/users/me/auth-methods/google/", None, {}, 200),
    ("DELETE", "/api/users/me/auth-methods/bearer-token/", None, {}, 409),
    ("GET", PROFILE, None, {}, 200),
    ("GET", PROFILE, None, ANY, 304),
    ("PATCH", PROFILE, {"bio": "Hi", "metadata": {"a": 1}}, {}, 200),
    ("PATCH", PROFILE, {"bio": "Hi"}, STALE, 412),
    ("PUT", PROFILE + "avatar/", {"url": "https://example.org/a.png"}, {}, 200),
    ("PUT", PROFILE + "avatar/", {"url": "javascript:"}, {}, 400),
    ("DELETE", PROFILE + "avatar/", None, {}, 204),
    ("PUT", PROFILE + "metadata/k/", {"value": None}, {}, 200),
    ("GET", PROFILE + "metadata/k/", None, {}, 200),
    ("GET", PROFILE + "metadata/k/", None, ANY, 304),
    ("DELETE", PROFILE + "metadata/k/", None, {}, 204),
    ("GET", PROFILE + "metadata/k/", None, {}, 404),
    ("GET", PREFERENCES, None, {}, 200),
    ("GET", PREFERENCES, None, ANY, 304),
    ("PATCH", PREFERENCES, {"theme": "dark", "widgets": {"enabled": ["w"]}}, {}, 200),
    ("PATCH", PREFERENCES, {"theme": "pink"}, {}, 400),
    ("PATCH", PREFERENCES, {"theme": "dark"}, STALE, 412),
    ("POST", PREFERENCES + "reset/", None, {}, 200),
    ("PUT", PREFERENCES + "favorite-apps/cteen/", None, {}, 200),
    ("DELETE", PREFERENCES + "favorite-apps/cteen/", None, {}, 200),
    ("PUT", PREFERENCES + "widgets/w/", {"enabled": True, "customization": {"a": 1}}, {}, 200),
    ("DELETE", PREFERENCES + "widgets/w/", None, {}, 200),
    ("POST", ACTIVITIES, {"eventType": "view"}, {}, 201),
    ("POST", ACTIVITIES, [{"eventType": "view", "messageId": "1"}, {"eventType": ""}, 1], {}, 200),
    ("POST", ACTIVITIES, {"eventType": 1}, {}, 400),
    ("GET", ACTIVITIES + "?limit=1&expand=user", None, {}, 200),
    ("POST", ANALYTICS, EVENT, {}, 201),
    ("POST", ANALYTICS, [EVENT, {}], {}, 200),
    ("GET", ANALYTICS, None, {}, 200),
    ("GET", ANALYTICS + "event-counts/" + RANGE, None, {}, 200),
    ("GET", ANALYTICS + "event-counts/", None, {}, 400),
    ("GET", ANALYTICS + "category-counts/" + RANGE, None, {}, 200),
    ("GET", ANALYTICS + "timeseries/" + RANGE + "&by=appId&distinct=true", None, {}, 200),
    ("GET", ANALYTICS + "timeseries/" + RANGE + "&by=userId", None, {}, 400),
    ("GET", "/api/analytics/timeseries/" + RANGE + "&by=eventName", None, {}, 200),
    ("GET", "/api/analytics/active-users/" + YEAR + "&firstTime=true", None, {}, 200),
    ("GET", "/api/analytics/active-users/" + YEAR + "&bucket=week", None, {}, 200),
    ("GET", "/api/analytics/active-users/" + YEAR + "&bucket=hour", None, {}, 400),
    ("GET", "/api/analytics/retention/" + YEAR + "&cohort=firstTime&periods=2", None, {}, 200),
    ("GET", "/api/analytics/retention/" + YEAR + "&periods=91", None, {}, 400),
    ("GET", "/api/activities/?expand=user", None, {}, 200),
    ("GET", "/api/analytics/", None, {}, 200),
    ("GET", "/api/analytics/event-counts/" + RANGE, None, {}, 200),
    ("GET", "/api/analytics/category-counts/" + RANGE, None, {}, 200),
    ("PUT", VALUE, {"dataValue": {"a": 1}}, {}, 201),
    ("PUT", VALUE, {"dataValue": None, "version": 1}, {}, 200),
    ("PUT", VALUE, {"dataValue": 0, "version": 1}, {}, 409),
    ("PUT", VALUE, {"dataValue": 0}, STALE, 412),
    ("PATCH", VALUE, {"dataValue": {"b": [True]}}, {}, 200),
    ("PATCH", VALUE, {"dataValue": {}, "version": 1}, {}, 409),
    ("GET", VALUE, None, {}, 200),
    ("GET", VALUE, None, ANY, 304),
    ("GET", "/api/users/me/app-data/?appId=cteen", None, {}, 200),
    ("GET", APP, None, {}, 200),
    ("DELETE", VALUE, None, STALE, 412),
    ("DELETE", VALUE, None, {}, 204),
    ("DELETE", VALUE, None, STALE, 412),
    ("DELETE", APP, None, {}, 200),
    ("GET", "/api/audit/?action=user.create&limit=1", None, {}, 200),
    ("GET", "/api/audit/?user=nonsense", None, {}, 400),
    ("GET", "/api/health/live/", None, {}, 200),
    ("GET", "/api/health/ready/", None, {}, 200),
    ("DELETE", "/api/auth/sessions/nonsense/", None, {}, 404),
    ("DELETE", "/api/auth/sessions/", None, {}, 204),
    ("POST", "/api/auth/login/", {"token": "nonsense"}, {}, 401),
    ("POST", "/api/auth/login/", {}, {}, 400),
    ("POST", "/api/auth/refresh/", {"refreshToken": "nonsense"}, {}, 401),
    ("GET", "/api/users/me/identities/", None, {}, 200),
    ("POST", "/api/users/me/identities/", {"token": "x"}, {}, 400),
    ("DELETE", "/api/users/me/", None, {}, 204),
    ("GET", "/api/users/me/", None, {}, 401),
]

#: Answers that ``CALLS`` does not bring about, and why.
ELSEWHERE = {
    # In its own test, which has a refresh token and a session.
    ("chabad_auth_refresh", 200),
    ("chabad_auth_sessions_revoke", 204),
    ("chabad_auth_logout", 204),
    # In the tests of blocks and identities.
    ("chabad_block_retrieve", 200),
    ("chabad_block_retrieve", 304),
    ("chabad_block_set", 200),
    ("chabad_block_set", 201),
    ("chabad_block_remove", 204),
    ("chabad_identities_link", 201),
    ("chabad_identities_unlink", 204),
    # Takes an issuer or Django's own users; the answer is that of auth_refresh.
    ("chabad_auth_login", 200),
    ("chabad_users_erase", 202),
    ("chabad_users_erasure", 200),
    # Takes more events than are purged in a second.
    ("chabad_users_delete", 202),
}


@pytest.fixture
def description(mongodb: str) -> Description:
    return Description(APIClient().get("/api/schema/").json())


@pytest.fixture
def signed_in(mongodb: str) -> flows.SignedIn:
    User.create_user(email="ann@example.org", roles=["admin"], auth_methods=["bearer-token"])
    # The last administrator could not be deleted.
    User.create_user(email="bob@example.org", roles=["admin"])
    return flows.issue_tokens(name="ann@example.org")


@pytest.fixture
def client(signed_in: flows.SignedIn) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {signed_in.access_token}")


def test_every_answer_is_as_described(client: APIClient, description: Description) -> None:
    for method, path, body, headers, status in CALLS:
        response = client.generic(method, path, **_content(body), **headers)
        assert response.status_code == status, (method, path, response.content)
        description.check(response)
    successes = {
        (name, int(status))
        for name, operation in description.operations.items()
        for status in operation["responses"]
        if status < "400"
    }
    assert successes - description.seen == ELSEWHERE


def _content(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    encoded, content_type = APIClient()._encode_data(body, "json")
    return {"data": encoded, "content_type": content_type}


def test_sessions_are_as_described(
    signed_in: flows.SignedIn, client: APIClient, description: Description
) -> None:
    body = {"refreshToken": signed_in.refresh_token}
    description.check(client.post("/api/auth/refresh/", body, format="json"))
    description.check(client.get("/api/auth/sessions/"))
    description.check(client.delete(f"/api/auth/sessions/{signed_in.session.id}/"))
    assert description.seen >= {("chabad_auth_refresh", 200), ("chabad_auth_sessions_revoke", 204)}


def test_an_erasure_is_as_described(client: APIClient, description: Description) -> None:
    path = f"/api/users/{User.create_user(email='user@example.org').id}/erasure/"
    description.check(client.post(path))
    description.check(client.get(path))
    assert description.seen == {("chabad_users_erase", 202), ("chabad_users_erasure", 200)}


def test_refusals_are_as_described(
    client: APIClient, description: Description, login: Callable[..., APIClient]
) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "k"}
    user = User.create_user(email="user@example.org", auth_methods=["google"])
    for response, status in (
        (client.put(VALUE, {"dataValue": 1}, format="json", **key), 201),
        (client.put(VALUE, {"dataValue": 1}, format="json", **key), 201),
        (client.put(VALUE, {"dataValue": 2}, format="json", **key), 422),
        (client.put(VALUE, {"dataValue": "x" * 300_000}, format="json"), 400),
        (client.put(VALUE, {"dataValue": "x" * 2_000_000}, format="json"), 413),
        (client.put(VALUE, "x", content_type="text/plain"), 415),
        # These take no body.
        (client.delete(VALUE, "x", content_type="text/plain"), 415),
        (client.post(f"{PREFERENCES}reset/", "x" * 2_000_000, content_type="text/plain"), 415),
        (client.put("/api/users/me/roles/user/", {"x": "x" * 2_000_000}, format="json"), 413),
        (login(None).put(VALUE, {}, format="json"), 401),
        (login(user).get("/api/users/"), 403),
    ):
        assert response.status_code == status, response.content
        description.check(response)


def test_every_operation_is_complete(description: Description) -> None:
    tags = {tag["name"] for tag in description.document["tags"]}
    assert len(description.operations) == sum(map(len, description.document["paths"].values()))
    for name, operation in description.operations.items():
        assert re.fullmatch("[a-z_]+", name)
        assert operation["summary"].endswith(".")
        assert len(operation["tags"]) == 1 and tags.issuperset(operation["tags"])
        for parameter in operation.get("parameters", ()):
            described = parameter.get("description") or parameter["in"] == "query"
            assert described, (name, parameter)
        for status, response in operation["responses"].items():
            assert status < "400" or response["content"].keys() == {"application/json"}


def test_every_component_is_used(description: Description) -> None:
    document = json.dumps(description.document)
    for name in description.document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in document, name


def test_every_write_takes_an_idempotency_key(description: Description) -> None:
    for path, item in description.document["paths"].items():
        for method, operation in item.items():
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            is_write = method != "get" and operation.get("security", [{}]) != [{}]
            assert ("Idempotency-Key" in names) == is_write, (method, path)


def test_the_documentation_names_every_path(description: Description) -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    for path in description.document["paths"]:
        assert f"`{path.removeprefix('/api/')}`" in text


def test_it_comes_as_yaml_too() -> None:
    response = APIClient().get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi")
    assert response["Content-Type"].startswith("application/vnd.oai.openapi")
    assert b"title: ChabadUniverse" in response.content


def spectacular(cwd: Path, settings: str, *arguments: str) -> str:
    """Return what ``manage.py spectacular`` of a host project writes without a warning."""
    result = django_admin(
        *("spectacular", "--validate", "--fail-on-warn"),
        *arguments,
        cwd=cwd,
        DJANGO_SETTINGS_MODULE=settings,
        MONGODB_URI="mongodb://127.0.0.1:1/test",
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.slow
def test_the_host_project_has_no_part_in_it(tmp_path: Path) -> None:
    ours = ("--custom-settings", "chabad_auth_django.api.openapi.schema.SETTINGS")
    plain = spectacular(tmp_path, "support.pages_settings", *ours)
    assert "operationId: chabad_users_list" in plain
    assert spectacular(tmp_path, "support.odd_settings", *ours) == plain
    # With the host project's own settings it is less exact, but as clean.
    assert "operationId: chabad_users_list" in spectacular(tmp_path, "support.pages_settings")


def test_blocks_are_as_described(client: APIClient, description: Description) -> None:
    path = f"/api/users/{User.create_user(email='eve@example.org').id}/block/"
    body = {"reason": "abuse", "text": None}
    for method, content, headers, status in (
        ("PUT", body, {}, 201),
        ("PUT", body, {}, 200),
        ("GET", None, {}, 200),
        ("GET", None, ANY, 304),
        ("PUT", {"reason": ""}, {}, 400),
        ("PUT", body, STALE, 412),
        ("DELETE", None, {}, 204),
        ("GET", None, {}, 404),
    ):
        response = client.generic(method, path, **_content(content), **headers)
        assert response.status_code == status, (method, response.content)
        description.check(response)


class UserSerializer(serializers.Serializer[Any]):
    """A host project's own, like the others below."""

    theirs = serializers.CharField()


class ErrorSerializer(UserSerializer):
    """Its errors."""


class SessionSerializer(UserSerializer):
    """Its sessions."""


class ProfileSerializer(UserSerializer):
    """Its profiles."""


class Theirs(GenericAPIView[Any]):
    """A view of a host project."""

    schema = AutoSchema()

    def get(self, request: Any) -> Response:
        return Response(None)


def test_what_a_host_project_describes_beside_us_stays_its_own(mongodb: str) -> None:
    kinds = [UserSerializer, ErrorSerializer, SessionSerializer, ProfileSerializer]
    patterns = [
        url("api/", include("chabad_auth_django.api.urls")),
        *(url(f"theirs/{kind.__name__}/", Theirs.as_view(serializer_class=kind)) for kind in kinds),
        url("users/", ListAPIView.as_view(schema=AutoSchema(), serializer_class=UserSerializer)),
    ]
    document = SchemaGenerator(patterns=patterns).get_schema(public=True)
    assert document["paths"]["/users/"]["get"]["operationId"] == "users_list"
    schemas = document["components"]["schemas"]
    names = {kind.__name__.removesuffix("Serializer") for kind in kinds}
    for name in names:
        assert schemas[name]["properties"].keys() == {"theirs"}
        assert "theirs" not in schemas[f"Chabad{name}"]["properties"]
    rest = {name for name in schemas if "Chabad" not in name} - names
    assert rest == set()


def test_a_host_project_may_describe_its_urls_in_openapi_3_1() -> None:
    patterns = [url("api/", include("chabad_auth_django.api.urls"))]
    with patched_settings({"OAS_VERSION": "3.1.0"}):
        document = SchemaGenerator(patterns=patterns).get_schema(public=True)
    profile = document["components"]["schemas"]["ChabadProfile"]
    assert profile["properties"]["bio"]["type"] == ["string", "null"]
