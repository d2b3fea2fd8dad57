"""The API is the same in every host project; pages for people only where there are templates."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from django.urls import clear_script_prefix, set_script_prefix
from rest_framework.test import APIClient
from support.processes import run_code

from chabad_auth_django import checks
from chabad_auth_django.models import User

SCRIPT = """
import json, django
django.conf.settings.ALLOWED_HOSTS = ["testserver"]
from rest_framework.test import APIClient
from chabad_auth_django.services.signing_in import flows
client = APIClient()

def show(method, path, body=None, **headers):
    data = json.dumps(body) if body is not None else ""
    response = client.generic(method, path, data, content_type="application/json", **headers)
    answer = response.json() if response.get("Content-Type") == "application/json" else None
    print(json.dumps([path, response.status_code, response.get("Content-Type"), answer]))

PEOPLE = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""

SIGN_IN = """
token = flows.issue_tokens(name="ann@example.org").access_token
client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
"""

ANSWERS = """
show("GET", "/api/users/me/")
show("GET", "/api/users/me/activities/?since=2026-01-01T00:00:00Z")
show("GET", "/api/users/me/activities/?since=Monday")
show("PATCH", "/api/users/me/", [])
show("PATCH", "/api/users/me/", {"roles": []})
show("POST", "/api/users/me/")
show("OPTIONS", "/api/users/me/")
show("GET", "/api/users/nobody/")
show("GET", "/api/users/me")
show("GET", "/api/health/ready/")
client.credentials()
show("GET", "/api/users/me/")
client.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
show("GET", "/api/users/me/")
"""


@pytest.fixture
def ann(mongodb: str) -> str:
    """The URI of a database with a user."""
    User.create_user(email="ann@example.org", roles=["admin"], auth_methods=["google"])
    return mongodb


def run(code: str, uri: str, cwd: Path, settings: str) -> list[Any]:
    result = run_code(
        SIGN_IN + code,
        cwd=cwd,
        preparation=SCRIPT,
        DJANGO_SETTINGS_MODULE=settings,
        MONGODB_URI=uri,
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_host_projects_own_api_has_no_part_in_ours(ann: str, tmp_path: Path) -> None:
    plain = run(ANSWERS, ann, tmp_path, "support.settings")
    assert [status for _, status, _, _ in plain] == [
        *(200, 200, 400, 400, 400, 405, 200, 404, 404, 200, 401, 401)
    ]
    assert {kind for _, _, kind, _ in plain} == {"application/json"}
    odd = run(ANSWERS, ann, tmp_path, "support.odd_settings")
    # What can be rendered differs: only one of the two has templates.
    for answers in (plain, odd):
        answers[6][3].pop("renders")
    assert odd == plain


PAGES = """
show("GET", "/api/users/me/", **PEOPLE)
show("GET", "/api/users/me/activities/", **PEOPLE)
show("GET", "/api/users/me/app-data/a/k/", **PEOPLE)
show("GET", "/api/users/nobody/", **PEOPLE)
show("GET", "/api/nothing/users/", **PEOPLE)
show("GET", "/api/docs/", **PEOPLE)
client.credentials()
show("GET", "/api/users/me/", **PEOPLE)
"""


def test_with_templates_a_browser_gets_pages(ann: str, tmp_path: Path) -> None:
    answers = run(PAGES, ann, tmp_path, "support.pages_settings")
    assert [status for _, status, _, _ in answers] == [200, 200, 404, 404, 404, 200, 401]
    assert {kind for _, _, kind, _ in answers} == {"text/html; charset=utf-8"}


def test_without_templates_everything_is_json(ann: str, tmp_path: Path) -> None:
    answers = run(PAGES, ann, tmp_path, "support.api_settings")
    assert [status for _, status, _, _ in answers] == [200, 200, 404, 404, 404, 404, 401]
    kinds = {path: kind for path, _, kind, _ in answers}
    # Below no prefix of ours it is Django's own page.
    assert kinds.pop("/api/nothing/users/").startswith("text/html")
    assert set(kinds.values()) == {"application/json"}


DOCS = """
from django.contrib.staticfiles import finders
import re
page = client.get("/api/docs/", **PEOPLE).content.decode()
script = client.get("/api/docs/?script=", **PEOPLE).content.decode()
files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
print(json.dumps([page, script, [bool(finders.find(file)) for file in files]]))
"""


def test_the_docs_refer_to_nothing_outside(ann: str, tmp_path: Path) -> None:
    ((page, script, files),) = run(DOCS, ann, tmp_path, "support.pages_settings")
    assert "<title>ChabadUniverse users</title>" in page
    assert '"../schema/"' in script
    assert files == [True] * 4
    # Neither an absolute URL nor one without its scheme.
    assert re.findall(r"//[\w.]+", page + script) == []


@pytest.mark.parametrize("status", [200, 401])
def test_middleware_of_the_host_gets_no_user_of_ours(api: APIClient, status: int) -> None:
    client = api if status == 200 else APIClient()
    answer = client.get("/api/users/me/")
    assert answer.status_code == status
    assert not hasattr(answer.wsgi_request, "user")


@override_settings(ROOT_URLCONF="support.prefixed_urls")
@pytest.mark.parametrize("prefix", ["/tenants/7/", "/v2/"])
def test_the_prefix_of_the_api_may_have_variable_parts(api: APIClient, prefix: str) -> None:
    paths = {"": 200, "users/me/": 200, "users/me/app-data/a/b/": 404, "health/live/": 200}
    for path, status in paths.items():
        assert api.get(prefix + path).status_code == status
    key = f"{prefix}users/me/profile/metadata/city/"
    assert api.put(key, {"value": "Kyiv"}, format="json").status_code == 200
    assert api.get(key).json() == {"value": "Kyiv"}


@override_settings(
    ROOT_URLCONF="support.language_urls",
    MIDDLEWARE=["django.middleware.locale.LocaleMiddleware"],
    LANGUAGES=[("en", "English"), ("he", "Hebrew")],
    LANGUAGE_CODE="en",
)
def test_the_description_has_the_prefix_of_the_language(api: APIClient) -> None:
    for language in ("en", "he"):
        for schema, path in (("schema/", "users/"), ("universe/schema/", "auth/me")):
            described = api.get(f"/{language}/api/{schema}").json()
            assert f"/{language}/api/{path}" in described["paths"]


@override_settings(ROOT_URLCONF="support.no_urls", MIDDLEWARE=["support.middleware.prefixed_urls"])
def test_the_description_is_of_the_urls_of_the_request(api: APIClient) -> None:
    assert "/tenants/{tenant}/users/" in api.get("/tenants/7/schema/").json()["paths"]


def test_the_description_names_the_path_below_which_the_project_is(api: APIClient) -> None:
    set_script_prefix("/below/")
    try:
        described = api.get("/api/schema/").json()
    finally:
        clear_script_prefix()
    assert described["servers"] == [{"url": "/below"}]
    assert "servers" not in api.get("/api/schema/").json()


def test_a_check_names_the_apps_that_the_pages_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_pages() == []
    templates = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
    with override_settings(TEMPLATES=templates):
        (warning,) = checks.check_pages()
        assert warning.id == "chabad_auth.W003"
        assert "rest_framework, drf_spectacular, drf_spectacular_sidecar" in warning.msg
        monkeypatch.delitem(sys.modules, "chabad_auth_django.api.urls")
        assert checks.check_pages() == []
