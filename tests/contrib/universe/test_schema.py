"""The OpenAPI description of the calls is one of its own."""

from support.universe import FrontEnd

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
