"""The OpenAPI description of the calls is one of its own, and it is true."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from support.merkos import token
from support.openapi import Description
from support.universe import FrontEnd

Configure = Callable[..., AbstractContextManager[Any]]

#: Each call of the front ends.
CALLS = {
    ("get", "/api/auth/me"),
    ("get", "/api/auth/enrich/merkos"),
    ("post", "/api/auth/link-merkos"),
    ("post", "/api/auth/logout"),
    ("post", "/api/sso/remote/status"),
    ("get", "/api/sso/status"),
    ("post", "/api/sso/logout"),
    ("get", "/api/authorization/rules"),
    ("get", "/api/profile/{user}"),
    ("patch", "/api/profile/{user}"),
    ("get", "/api/preferences/{user}"),
    ("patch", "/api/preferences/{user}"),
    ("patch", "/api/preferences/{user}/widgets"),
    ("get", "/api/app-data/{user}/{app}"),
    ("post", "/api/app-data/{user}/{app}"),
    ("delete", "/api/app-data/{user}/{app}/{namespace}"),
    ("post", "/api/activity/batch"),
    ("post", "/api/analytics"),
}


def calls(path: str) -> set[tuple[str, str]]:
    description = FrontEnd().get(path).json()
    return {(method, url) for url, item in description["paths"].items() for method in item}


def test_each_call_is_described_and_no_other() -> None:
    assert calls("universe/schema/") == CALLS
    assert not CALLS & calls("schema/")


def test_every_answer_is_as_described(page: FrontEnd, configure: Configure) -> None:
    description = Description(FrontEnd().get("universe/schema/").json())
    nobody, other_site = FrontEnd(), FrontEnd(*page.cookies, HTTP_SEC_FETCH_SITE="cross-site")

    def check(status: int, front_end: FrontEnd, method: str, path: str, body: Any = None) -> None:
        answer = front_end.send(method, path, body)
        assert answer.status_code == status, answer.content
        description.check(answer)

    values = "app-data/me/cteen"
    widget = {"widgetId": "w", "visible": False, "settings": {"a": 1}, "position": {"x": 1}}
    with configure(UNIVERSE_ENRICHMENT=lambda user: {"organizations": [{"id": "1", "name": "x"}]}):
        check(200, page, "GET", "auth/enrich/merkos")
    for status, method, path, body in (
        (200, "GET", "auth/me", None),
        (404, "GET", "auth/enrich/merkos", None),
        (200, "POST", "auth/link-merkos", {"merkosToken": token()}),
        (400, "POST", "auth/link-merkos", {"merkosToken": "x"}),
        (200, "GET", "sso/status", None),
        (200, "POST", "sso/remote/status", {"token": token()}),
        (401, "POST", "sso/remote/status", {"token": "x"}),
        (200, "GET", "authorization/rules", None),
        (200, "GET", "profile/me", None),
        (403, "GET", "profile/user123", None),
        (
            200,
            "PATCH",
            "profile/me",
            {"bio": "b", "avatar": "https://a.org/", "metadata": {"a": 1}},
        ),
        (400, "PATCH", "profile/me", {"bio": 7, "unknown": 7}),
        (200, "PATCH", "preferences/me", {"theme": "dark", "customSettings": {"a": 1}}),
        (200, "PATCH", "preferences/me/widgets", {"widgets": [widget]}),
        (200, "GET", "preferences/me", None),
        (200, "POST", values, {"namespace": "n", "data": None}),
        (409, "POST", values, {"namespace": "n", "data": 1, "version": 7}),
        (409, "POST", values, {"namespace": "other", "data": 1, "version": 7}),
        (200, "GET", values, None),
        (200, "DELETE", f"{values}/n", None),
        (200, "POST", "activity/batch", {"events": [{}, {"type": "opened"}]}),
        (200, "POST", "analytics", {"type": "event", "action": "a"}),
        (400, "POST", "analytics", {"type": "event", "properties": {"a.b": 1}}),
    ):
        check(status, page, method, path, body)
        if method != "GET":
            check(403, other_site, method, path, body)
    check(200, nobody, "GET", "sso/status")
    check(401, nobody, "GET", "auth/me")
    for path in ("auth/logout", "sso/logout"):
        check(403, other_site, "POST", path)
        check(200, page, "POST", path)
    assert {name for name, status in description.seen if status == 200} == set(
        description.operations
    )


def test_no_component_has_a_name_that_a_project_may_have() -> None:
    document = FrontEnd().get("universe/schema/").json()
    assert all(name.startswith("Chabad") for name in document["components"]["schemas"])
