"""Every path answers every wrong request in the one shape, in JSON."""

import re
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient
from support.cases import each
from support.endpoints import PATTERNS
from support.requests import check_error

from chabad_auth_django.api.resources import shapes

PAGES = {
    "INSTALLED_APPS": [
        "django.contrib.staticfiles",
        "rest_framework",
        "drf_spectacular",
        "drf_spectacular_sidecar",
        "chabad_auth_django",
    ],
    "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    "STATIC_URL": "static/",
}

PATHS = [re.sub(r"<\w+:(\w+)>", r"\1", f"/api/{pattern.pattern}") for pattern in PATTERNS.values()]
BELOW = [f"/api/{path}/nothing/" for path in ("docs", "schema", "health", "auth", "users/me")]

#: Not REST framework's own methods alone.
METHODS = ["TRACE", "BREW", "A" * 5000]


@pytest.fixture(params=["plain", "pages"])
def host(request: pytest.FixtureRequest) -> Any:
    if request.param == "plain":
        yield
        return
    with override_settings(**PAGES):
        yield


@pytest.fixture
def client(login: Any, admin: Any) -> APIClient:
    """An administrator's client."""
    return login(admin)


@each("path", [*PATHS, *BELOW])
def test_wrong_methods_and_types_are_refused_in_json(
    host: Any, client: APIClient, path: str
) -> None:
    for method in METHODS:
        answer = client.generic(method, path)
        check_error(answer, answer.status_code)
        assert answer.status_code in (404, 405)
        assert len(answer.content) < 500
    refused = client.get(path, HTTP_ACCEPT="application/x-nonsense")
    check_error(refused, refused.status_code)
    assert refused.status_code in (404, 405, 406)
    options = client.options(path)
    assert options.headers["Content-Type"] == "application/json"
    assert options.status_code in (200, 404)


def test_the_pages_are_still_pages(admin: Any) -> None:
    with override_settings(**PAGES):
        client = APIClient()
        assert client.get("/api/docs/")["Content-Type"].startswith("text/html")
        assert client.get("/api/schema/").json()["openapi"].startswith("3.")
        check_error(client.post("/api/docs/"), 405, "method_not_allowed")
        check_error(client.delete("/api/schema/"), 405, "method_not_allowed")
        assert client.options("/api/docs/").json()["name"] == "Docs"


def test_a_page_shows_the_beginning_of_a_long_answer(client: APIClient) -> None:
    for key in "abcd":
        body = {"dataValue": '"' * 200_000}
        client.put(f"/api/users/me/app-data/cteen/{key}/", body, format="json")
    with override_settings(**PAGES):
        page = client.get("/api/users/me/app-data/", HTTP_ACCEPT="text/html")
    assert (page.status_code, page["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert len(page.content) < 5 * 2**20
    assert "\n…" in page.content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/api/users/me/app-data/cteen/%FF/",
        "/api/users/me/app-data/%C3%28/k/",
        "/api/users/me/profile/metadata/%ED%A0%80/",
        "/api/users/me/profile/metadata/a%FF/",
        "/api/users/me/preferences/favorite-apps/%C0%AF/",
        "/api/users/%FF/",
    ],
)
def test_bytes_that_are_no_text_name_nothing(login: Any, admin: Any, path: str) -> None:
    client = login(admin)
    for method in ("get", "put", "delete"):
        answer = getattr(client, method)(path)
        if answer.status_code != 405:
            check_error(answer, 404, "not_found")
    assert client.get("/api/users/me/app-data/").json()["results"] == []


def test_a_key_may_look_like_such_bytes(api: APIClient) -> None:
    for escaped, key, server in (
        ("%25C3%25A9", "%C3%A9", {}),
        ("100%25", "100%", {}),
        ("%E2%9C%93", "✓", {}),
        # Most servers tell how the path came.
        ("%25FF", "%FF", {"RAW_URI": "/api/users/me/app-data/cteen/%25FF/?a=%FF"}),
    ):
        path = f"/api/users/me/app-data/cteen/{escaped}/"
        answer = api.put(path, {"dataValue": 1}, format="json", **server)
        assert (answer.status_code, answer.json()["dataKey"]) == (201, key)
        assert api.get(path, **server).status_code == 200


@pytest.mark.parametrize("path", ["users/me/activities/", "users/me/", "users/me/profile/"])
def test_a_query_says_one_thing(api: APIClient, path: str) -> None:
    for query in (
        "limit=1&limit=2",
        "expand=user&expand=user",
        "x=1&x=1",
        "format=json&format=json",
    ):
        answer = api.get(f"/api/{path}?{query}")
        check_error(answer, 400, "invalid")
        assert list(answer.json()["errors"]) == [query.partition("=")[0]]
    check_error(api.get(f"/api/{path}?appId=%FF"), 400, "invalid")
    write = api.patch(f"/api/{path}?a=1&a=2", {}, format="json")
    assert write.status_code in (400, 405)


def test_a_bug_is_answered_in_json_and_logged(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(row: Any) -> Any:
        raise ZeroDivisionError

    client.raise_request_exception = False
    monkeypatch.setattr(shapes, "user", fail)
    answer = client.get("/api/users/me/")
    check_error(answer, 500, "error")
    assert answer["Cache-Control"] == "private, no-cache"
    (record,) = caplog.records
    assert (record.name, record.exc_info[0]) == ("django.request", ZeroDivisionError)
