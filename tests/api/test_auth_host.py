"""Django's own users at the API, each time in a host project's process of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.processes import run_code

from chabad_auth_django.models import Activity, Session, User

Run = Callable[..., list[Any]]

SETUP = """
import json, django
django.setup()
from django.contrib.auth.models import User as DjangoUser
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from chabad_auth_django.models import User
call_command("migrate", verbosity=0)
ann = DjangoUser.objects.create_user("ann", "Ann@Example.org", "secret", first_name="Ann")
DjangoUser.objects.create_user("nobody", "", "secret")
DjangoUser.objects.create_user("odd", "an\u200bn@example.org", "secret")

def tell(answer, *names):
    data = json.loads(answer.content or b"{}")
    print(json.dumps([answer.status_code, data.get("code"), *(data.get(name) for name in names)]))
    return data

def login(client=None, **body):
    client = client or Client()
    return client.post("/api/auth/login/", json.dumps(body), content_type="application/json")

def patch(client, **headers):
    body = json.dumps({"name": "New"})
    return client.patch("/api/users/me/", body, content_type="application/json", headers=headers)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run code in a process of the host project and return what it tells."""

    def run(code: str, uri: str) -> list[Any]:
        result = run_code(
            code,
            cwd=tmp_path,
            preparation=SETUP,
            DJANGO_SETTINGS_MODULE="support.api_settings",
            MONGODB_URI=uri,
        )
        assert result.returncode == 0, result.stderr
        for secret in ("secret", "example.org", "Traceback"):
            assert secret not in result.stderr.lower()
        return [json.loads(line) for line in result.stdout.splitlines()]

    return run


def test_a_username_and_a_password_sign_in(mongodb: str, run: Run) -> None:
    code = """
data = tell(login(username="ann", password="secret", appId="cteen"))
client = Client(headers={"Authorization": "Bearer " + data["accessToken"]})
tell(client.get("/api/auth/me/"), "email", "authMethods")
body = json.dumps({"refreshToken": data["refreshToken"]})
tell(client.post("/api/auth/refresh/", body, content_type="application/json"))
tell(login(username="ann", password="wrong"))
tell(login(username="eve", password="secret"))
tell(login(username="nobody", password="secret"))
ann.is_active = False
ann.save()
tell(login(username="ann", password="secret"))
for bad in ("", "a\\0b", None, 5, {"$gt": ""}, ["ann"]):
    tell(login(username=bad, password="secret"))
    cache.clear()
"""
    assert run(code, mongodb) == [
        [200, None],
        [200, None, "ann@example.org", ["credentials"]],
        [200, None],
        [401, "invalid_credentials"],
        [401, "invalid_credentials"],
        [403, "email_not_verified"],
        [401, "invalid_credentials"],
        *[[400, "invalid"]] * 6,
    ]
    assert User.objects.count() == Session.objects.count() == 1
    assert [item.app_id for item in Activity.objects] == ["cteen"]


def test_guessing_is_throttled(mongodb: str, run: Run) -> None:
    code = 'for n in range(11): tell(login(username="ann", password=f"guess{n}"))'
    assert run(code, mongodb) == [[401, "invalid_credentials"]] * 10 + [[429, "throttled"]]


def test_a_session_of_the_host_project_works_with_csrf(mongodb: str, run: Run) -> None:
    code = """
client = Client(enforce_csrf_checks=True)
client.login(username="ann", password="secret")
tell(client.get("/api/auth/me/"), "email")
tell(patch(client))
tell(patch(client, **{"X-CSRFToken": "x" * 32}))
client.cookies["csrftoken"] = token = "a" * 32
tell(patch(client))
long = "https://" + "o" * 500
answer = patch(client, **{"X-CSRFToken": token, "Origin": long})
tell(answer)
print(json.dumps("o" * 101 in answer.content.decode()))
tell(patch(client, **{"X-CSRFToken": token}), "name")
for form in ("multipart/form-data", "application/x-www-form-urlencoded; charset=latin-1"):
    headers = {"X-CSRFToken": token}
    tell(client.post("/api/users/me/activities/", "x", content_type=form, headers=headers))
tell(client.get("/api/auth/sessions/"), "results")
tell(client.post("/api/auth/logout/", headers={"X-CSRFToken": token}))
keyed = {"X-CSRFToken": token, "Idempotency-Key": "k"}
tell(patch(client, **keyed), "name")
tell(patch(client, **keyed), "name")
User.objects.get().delete()
tell(client.get("/api/auth/me/"))
for name in ("nobody", "odd"):
    client.login(username=name, password="secret")
    tell(client.get("/api/auth/me/"))
# A token that is wrong is not made good by a session.
tell(client.get("/api/auth/me/", headers={"Authorization": "Bearer x"}))
"""
    assert run(code, mongodb) == [
        [200, None, "ann@example.org"],
        *[[403, "csrf_failed"]] * 4,
        False,
        [200, None, "New"],
        *[[400, "parse_error"]] * 2,
        [200, None, []],
        [204, None],
        [200, None, "New"],
        [200, None, "New"],
        # Only another login makes a new user.
        [401, "invalid_token"],
        *[[403, "email_not_verified"]] * 2,
        [401, "invalid_token"],
    ]


@pytest.mark.parametrize("uri", ["mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200"])
def test_an_outage_is_unavailable_for_django_users_too(uri: str, run: Run) -> None:
    code = """
from django.test import override_settings
from django.conf import settings
changes = {"REQUEST_TIMEOUT": 0.5, "TRANSACTION_TIMEOUT": 0.5}
with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | changes):
    client = Client()
    client.login(username="ann", password="secret")
    for answer in (client.get("/api/auth/me/"), login(username="ann", password="secret")):
        tell(answer)
        assert answer.headers["Retry-After"]
    tell(login(username="ann", password="wrong"))
"""
    assert run(code, uri) == [
        [503, "unavailable"],
        [503, "unavailable"],
        [401, "invalid_credentials"],
    ]


def test_a_session_that_cannot_be_read_because_the_cache_is_away_is_no_error_of_ours(
    mongodb: str, run: Run
) -> None:
    answers = run(
        """
from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
client = Client()
client.force_login(ann)

def away(*args, **kwargs):
    # Django logs where this is raised, from Python 3.13 on with the line.
    raise ConnectionError("example" + ".org")

LocMemCache.get = LocMemCache.set = away
tell(client.get("/api/users/me/"))
""",
        mongodb,
    )
    assert answers == [[503, "unavailable"]]


def test_an_account_may_be_remembered_for_some_seconds(mongodb: str, run: Run) -> None:
    code = """
from django.conf import settings
from django.test import override_settings
with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"HOST_RECHECK_SECONDS": 60}):
    data = login(username="ann", password="secret").json()
    client = Client(headers={"Authorization": "Bearer " + data["accessToken"]})
    tell(client.get("/api/auth/me/"))
    DjangoUser.objects.update(is_active=False)
    tell(client.get("/api/auth/me/"))
tell(client.get("/api/auth/me/"))
"""
    assert run(code, mongodb) == [[200, None], [200, None], [401, "invalid_token"]]


def test_an_address_that_changes_in_the_host_follows_once_it_is_verified(
    mongodb: str, run: Run
) -> None:
    code = """
def change(email):
    ann.email = email
    ann.save()
    data = tell(login(username="ann", password="secret"))
    print(json.dumps(data["user"]["email"]))

change("ann@example.org")
change("new@example.org")
change("new@unverified.net")
User.create_user(email="taken@example.org")
change("taken@example.org")
"""
    told = run(code, mongodb)
    assert told[::2] == [[200, None]] * 4
    assert told[1::2] == ["ann@example.org", *["new@example.org"] * 3]
    assert User.objects.count() == 2
