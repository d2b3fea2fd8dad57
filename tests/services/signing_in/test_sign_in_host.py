"""Signing in with Django's own users, each time in a host project's process of its own."""

import subprocess
from pathlib import Path

import pytest
from support.processes import python, run_code

from chabad_auth_django.models import Activity, ExternalId, Session, User
from chabad_auth_django.services.signing_in import tokens

SETUP = """
import logging, django
django.setup()
from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User as DjangoUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.http import HttpRequest
from django.test import override_settings
from chabad_auth_django.exceptions import ChabadAuthError
from chabad_auth_django.services.signing_in import flows
call_command("migrate", verbosity=0)
ann = DjangoUser.objects.create_user("ann", " Ann@Example.org", "secret", first_name="Ann")
DjangoUser.objects.create_user("nobody", "", "secret")

def enter(username="ann", password="secret"):
    try:
        return flows.sign_in_with_credentials(
            request=None, username=username, password=password, app_id="cteen"
        )
    except ChabadAuthError as error:
        return error.code

def log_in(user):
    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return "_auth_user_id" in request.session
"""


def run(code: str, uri: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_code(
        code,
        cwd=cwd,
        preparation=SETUP,
        DJANGO_SETTINGS_MODULE="support.host_settings",
        MONGODB_URI=uri,
    )


def output(code: str, uri: str, cwd: Path) -> list[str]:
    result = run(code, uri, cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_a_username_and_a_password_sign_in(either_server: str, tmp_path: Path) -> None:
    code = "for _ in range(2): print(enter().access_token)"
    access = [
        tokens.verify_access_token(token=text) for text in output(code, either_server, tmp_path)
    ]
    user = User.objects.get()
    assert (user.email, user.name, user.auth_methods) == ("ann@example.org", "Ann", ["credentials"])
    assert {item.user_id for item in access} == {user.id}
    assert {session.id for session in Session.objects} == {item.session_id for item in access}
    assert Session.objects.first().auth_method == "credentials"
    assert [event.app_id for event in Activity.objects] == ["cteen", "cteen"]
    (claim,) = ExternalId.objects
    assert (claim.user_id, claim.id[:15]) == (user.id, 'host:["tests", ')


def test_bad_credentials_are_refused(mongodb: str, tmp_path: Path) -> None:
    code = r"""
print(enter(password="wrong"), enter(username="eve"), enter(password=""))
ann.is_active = False
ann.save()
print(enter(), enter(username="nobody"))
for bad in ("", "x" * 300, "a\0b", "\ud800", None, 5, {"$gt": ""}):
    print(enter(username=bad), end=" ")
for bad in ("x" * 10_000, "\ud800", None, 5, ["secret"]):
    print(enter(password=bad), end=" ")
with override_settings(CHABAD_AUTH={"AUTH_METHODS": ["google"]}):
    print(enter())
"""
    lines = output(code, mongodb, tmp_path)
    assert lines[:2] == [
        "invalid_credentials invalid_credentials invalid_credentials",
        "invalid_credentials email_not_verified",
    ]
    assert lines[2].split() == ["invalid"] * 12 + ["credentials_disabled"]
    assert User.objects.count() == Session.objects.count() == 0


def test_a_login_to_the_host_project_runs_the_login_flow(
    either_server: str, tmp_path: Path
) -> None:
    code = "print(log_in(ann), log_in(ann), log_in(DjangoUser.objects.get(username='nobody')))"
    assert output(code, either_server, tmp_path) == ["True True True"]
    user = User.objects.get()
    assert (user.email, user.auth_methods) == ("ann@example.org", ["credentials"])
    assert user.last_login is not None
    assert Activity.objects(user_id=user.id, event_type="login").count() == 2
    assert Session.objects.count() == 0


def test_an_existing_user_is_found_by_the_email(mongodb: str, tmp_path: Path) -> None:
    user = User.create_user(email="ann@example.org", name="Other", auth_methods=["google"])
    assert output("print(log_in(ann))", mongodb, tmp_path) == ["True"]
    user.refresh()
    assert (user.name, user.auth_methods) == ("Other", ["google", "credentials"])
    assert user.last_login is not None


@pytest.mark.parametrize("start", ["forked", "cold"])
def test_an_outage_does_not_break_the_login_to_the_host_project(tmp_path: Path, start: str) -> None:
    code = "logging.basicConfig()\nprint(log_in(ann))"
    if start == "forked":
        result = run(code, "mongodb://127.0.0.1:1/test?serverSelectionTimeoutMS=200", tmp_path)
    else:
        result = python(
            *("-W", "error", "-c", SETUP + code),
            cwd=tmp_path,
            DJANGO_SETTINGS_MODULE="support.host_settings",
            MONGODB_URI="mongodb://[",
        )
    assert result.stdout == "True\n", result.stderr
    assert "WARNING:chabad_auth_django:The login of a Django user was not recorded" in result.stderr
    assert "example.org" not in result.stderr.lower()
    assert "Traceback" not in result.stderr
