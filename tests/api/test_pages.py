"""The pages for people: an index, forms that begin with what is stored, a way to log in."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient
from support.processes import run_code

from chabad_auth_django.models import AppData, Preferences, User

SCRIPT = """
import json
from django.conf import settings
from rest_framework.test import APIClient
from chabad_auth_django.services.signing_in import flows
settings.ALLOWED_HOSTS = ["testserver"]
client = APIClient(HTTP_ACCEPT="text/html")
token = flows.issue_tokens(name="ann@example.org").access_token
client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

def show(method, path, body="", **headers):
    answer = client.generic(method, path, body, content_type="application/json", **headers)
    print(json.dumps([answer.status_code, answer.content.decode()]))
"""


@pytest.fixture
def ann(mongodb: str) -> str:
    """The URI of a database with a user who has data."""
    user = User.create_user(email="ann@example.org", roles=["admin"], auth_methods=["google"])
    Preferences.find_by_user_id(user.id).update_theme("dark")
    AppData.upsert_app_data(user.id, "cteen", "settings", {"volume": 7})
    return mongodb


def pages(calls: str, uri: str, cwd: Path) -> list[Any]:
    result = run_code(
        SCRIPT + calls, cwd=cwd, DJANGO_SETTINGS_MODULE="support.pages_settings", MONGODB_URI=uri
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def typed(page: str) -> list[str]:
    """Return what stands in the forms of a page."""
    return [html.unescape(text) for text in re.findall(r"<textarea[^>]*>\n?([^<]*)<", page)]


def test_a_form_begins_with_the_resource(ann: str, tmp_path: Path) -> None:
    calls = """
for path in ("preferences/", "profile/", "app-data/cteen/settings/", ""):
    show("GET", f"/api/users/me/{path}")
show("GET", "/api/users/")
"""
    found = pages(calls, ann, tmp_path)
    assert [status for status, _ in found] == [200] * 5
    preferences, profile, value, user, new_user = (json.loads(typed(page)[0]) for _, page in found)
    assert preferences["theme"] == "dark" and "createdAt" not in preferences
    assert profile.keys() == {"displayName", "bio", "avatar", "metadata"}
    assert value == {"dataValue": {"volume": 7}, "version": 1}
    assert user == {"name": None, "email": "ann@example.org"}
    # What is new begins with the example of the description.
    assert "email" in new_user


def test_what_was_typed_is_there_after_an_error(ann: str, tmp_path: Path) -> None:
    bodies = (
        '{"theme": "pink", "language": "<b>"}',
        '{"theme": ',
        "[]",
        '{"dataValue": {"$a": 1}}',
    )
    calls = f"""
bodies = {bodies!r}
for body in bodies[:3]:
    show("PATCH", "/api/users/me/preferences/", body)
for method in ("PUT", "PATCH"):
    show(method, "/api/users/me/app-data/cteen/settings/", bodies[3])
show("POST", "/api/users/", bodies[1])
show("POST", "/api/auth/login/", '{{"username": "ann", "password": "a-secret"}}')
show("POST", "/api/users/me/identities/", '{{"token": "a-secret"}}')
"""
    *kept, login, link = pages(calls, ann, tmp_path)
    assert [(status, typed(page)[0]) for status, page in kept] == [
        (400, body) for body in (*bodies[:3], bodies[3], bodies[3], bodies[1])
    ]
    for status, page in (login, link):
        assert status >= 400 and "a-secret" not in page


def test_a_page_leads_on(ann: str, tmp_path: Path) -> None:
    calls = """
show("GET", "/api/")
show("GET", "/api/users/me/", HTTP_IF_NONE_MATCH="*")
show("GET", "/api/users/me/")
client.credentials()
show("GET", "/api/users/me/")
from django.test import override_settings
with override_settings(ROOT_URLCONF="support.page_urls", LOGIN_URL="/log-in/"):
    show("GET", "/api/users/me/?expand=profile")
"""
    index, unchanged, mine, nobody, login = pages(calls, ann, tmp_path)
    assert 'href="http://testserver/api/users/me/preferences/"' in index[1]
    assert unchanged == [304, ""]
    assert "ann@example.org" in mine[1] and "Log in" not in mine[1] + nobody[1]
    assert login[0] == 401
    assert 'href="/log-in/?next=%2Fapi%2Fusers%2Fme%2F%3Fexpand%3Dprofile"' in login[1]


def test_a_caller_who_is_refused_gets_a_page(ann: str, tmp_path: Path) -> None:
    calls = """
from django.test import override_settings
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import blocking
for header in ("Bearer x", "Bearer x.y.z", f"Bearer {token}x", "Bearer "):
    for method, path in (("GET", "users/me/"), ("PATCH", "users/me/"), ("DELETE", "activities/")):
        client.credentials(HTTP_AUTHORIZATION=header)
        show(method, f"/api/{path}", "{}")
client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
User.create_user(email="bob@example.org", roles=["admin"])
blocking.block_user(user_id=User.objects.get(email="ann@example.org").id, reason="abuse")
show("GET", "/api/users/me/")
nobody = {"MONGODB_URI": "mongodb://127.0.0.1:1/test_db", "REQUEST_TIMEOUT": 0.5}
with override_settings(CHABAD_AUTH=nobody):
    show("GET", "/api/users/me/")
"""
    *refused, blocked, outage = pages(calls, ann, tmp_path)
    assert [status for status, _ in refused] == [401] * 12
    assert blocked[0] in (401, 403) and outage[0] == 503
    for _, page in (*refused, blocked, outage):
        assert "<html>" in page and "&quot;code&quot;" in page


def test_looking_at_a_page_is_neither_recorded_nor_throttled(ann: str, tmp_path: Path) -> None:
    """What the caller may not do has no form; it is not recorded as refused, and not counted."""
    bob = User.create_user(email="bob@example.org", permissions=["users:read", "identities:read"])
    calls = f"""
from django.core.cache import cache
from chabad_auth_django.models import AuditEntry
cache.clear()
for name in ("{bob.id}", "{User.objects.get(email="ann@example.org").id}"):
    token = flows.issue_tokens(name="bob@example.org").access_token
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {{token}}")
    for _ in range(12):
        show("GET", f"/api/users/{{name}}/identities/")
    show("PATCH", f"/api/users/{{name}}/identities/", '{{"username": "ann"}}')
    show("GET", f"/api/users/{{name}}/")
print(json.dumps([AuditEntry.objects(outcome="refused").count(), ""]))
"""
    *found, refused = pages(calls, ann, tmp_path)
    assert [status for status, _ in found] == [*[*[200] * 12, 405, 200], *[*[200] * 12, 403, 200]]
    assert typed(found[13][1]) and not typed(found[-1][1])
    # The one that was tried.
    assert refused[0] == 1


def test_the_index_names_every_address(mongodb: str) -> None:
    answer = APIClient().get("/api/")
    assert answer["Content-Type"] == "application/json"
    addresses = answer.json()
    assert addresses["profile"] == "http://testserver/api/users/me/profile/"
    assert addresses["app-data-value"].endswith("/users/me/app-data/{app}/{key}/")
    described = APIClient().get("/api/schema/").json()["paths"]
    named = {
        url.removeprefix("http://testserver").replace("/me/", "/{user}/")
        for url in addresses.values()
    }
    assert {path.replace("/auth/me/", "/auth/{user}/") for path in described} <= named
    for method in ("post", "put", "delete"):
        refused = getattr(APIClient(), method)("/api/", {}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
    assert APIClient().get("/api/?x=1&x=2").status_code == 400
