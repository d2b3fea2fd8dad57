"""No cache between the API and its callers may serve one what another was answered."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from rest_framework.test import APIClient
from support.cases import each
from support.endpoints import PATTERNS, served

from chabad_auth_django.models import AppData, User
from chabad_auth_django.services.signing_in import flows

RANGE = "?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"
PARTS = {"app": "cteen", "key": "settings", "user": "me"}

#: What says the same to everybody.
PUBLIC = {"schema", "docs", "index", "health-live", "health-ready"}

READS = [name for name, verb in served() if verb == "get" and name not in PUBLIC]


@pytest.fixture
def site_wide_cache() -> Iterator[None]:
    """A host project that caches every page, as Django's manual says."""
    middleware = [
        "django.middleware.cache.UpdateCacheMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    with override_settings(MIDDLEWARE=middleware, CACHE_MIDDLEWARE_SECONDS=600):
        yield


def caller(email: str) -> APIClient:
    user = User.create_user(email=email, roles=["admin"], auth_methods=["google"])
    AppData.upsert_app_data(user.id, "cteen", "settings", {"of": email})
    tokens = flows.issue_tokens(name=email)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tokens.access_token}")
    client.put("/api/users/me/profile/metadata/settings/", {"value": email}, format="json")
    return client


def path_of(name: str) -> str:
    route = str(PATTERNS[name].pattern)
    for part, value in PARTS.items():
        route = re.sub(rf"<\w+:{part}>", value, route)
    ranged = ("counts", "timeseries", "active-users", "retention")
    return f"/api/{route}{RANGE if any(part in name for part in ranged) else ''}"


@pytest.fixture
def ann(mongodb: str) -> APIClient:
    return caller("ann@example.org")


@pytest.fixture
def bob(mongodb: str) -> APIClient:
    return caller("bob@example.org")


@each("name", READS)
def test_nobody_is_served_what_was_answered_to_another(
    ann: APIClient, bob: APIClient, site_wide_cache: None, name: str
) -> None:
    path = path_of(name)
    for_ann = ann.get(path)
    for_bob = bob.get(path)
    assert for_ann.status_code == for_bob.status_code
    assert APIClient().get(path).status_code == 401
    assert bob.head(path).status_code == for_bob.status_code
    content = b"".join(for_bob.streaming_content) if for_bob.streaming else for_bob.content
    assert b"ann@example.org" not in content or name in ("users", "audit")
    if tag := for_ann.headers.get("ETag"):
        assert ann.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 304
        assert bob.get(path).content == content
        # The tag of a value is its version, so two users may have the same.
        if content != for_ann.content and name != "app-data-value":
            assert bob.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 200
    assert not any("cache_page" in key for key in cache._cache)


@each("name", READS)
def test_every_answer_says_that_it_is_private(ann: APIClient, name: str) -> None:
    path = path_of(name)
    for answer in (
        ann.get(path),
        ann.get(path, HTTP_IF_NONE_MATCH="*"),
        ann.get(path, {"format": "nonsense"}),
        ann.get("/api/users/x/"),
        ann.patch("/api/users/me/", {"name": 5}, format="json"),
        ann.options(path),
        ann.trace(path),
        APIClient().get(path),
    ):
        directives = answer.headers["Cache-Control"].split(", ")
        assert directives[0] == "private"
        assert directives[1] in ("no-cache", "no-store")
        varies = {part.strip() for part in answer.headers["Vary"].split(",")}
        assert {"Authorization", "Cookie"} <= varies
    if name == "user-export":
        assert ann.get(path).headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["login", "refresh", "me", "sessions"])
def test_no_cache_keeps_what_tells_of_tokens(mongodb: str, path: str) -> None:
    client: Any = APIClient()
    for answer in (client.get(f"/api/auth/{path}/"), client.post(f"/api/auth/{path}/")):
        assert answer.headers["Cache-Control"] == "private, no-store"
