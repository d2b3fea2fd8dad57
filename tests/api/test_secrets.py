"""What is personal or secret is in no log record, no error's body and no error report."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import override_settings
from django.views.debug import ExceptionReporter
from pymongo.collection import Collection
from rest_framework.test import APIClient

from chabad_auth_django.checks.risks import check_risks
from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import callers, flows, sessions, tokens

EMAIL = "canary@example.org"
OTHER = "canary.other@example.org"

Case = tuple[str, str, Any]

#: Verb, path, body, status of requests that fail; each says something that nobody is to hear.
FAILURES = [
    ("POST", "users/", {"email": EMAIL, "name": "canary"}, 409),
    ("POST", "users/", {"email": "canary", "name": "canary"}, 400),
    ("POST", "users/", {"email": OTHER, "name": "canary" * 50}, 400),
    ("POST", "users/", {"email": OTHER, "authMethods": ["google"], "password": "canary"}, 400),
    ("POST", "users/", {"email": {"canary": 1}}, 400),
    ("PATCH", "users/me/", {"email": EMAIL}, 409),
    ("PATCH", "users/me/", {"name": ["canary"]}, 400),
    ("PATCH", "users/me/profile/", {"displayName": "canary" * 20}, 400),
    ("PATCH", "users/me/profile/", {"avatar": {"url": "canary://canary"}}, 400),
    ("PATCH", "users/me/profile/", {"metadata": {"n": [["canary", 2**70]]}}, 400),
    ("POST", "users/me/activities/", {"eventType": "x" * 300, "eventData": {"e": EMAIL}}, 400),
    ("POST", "auth/login/", {"token": "canary.canary.canary"}, 401),
    ("POST", "auth/login/", {"token": ["canary"]}, 400),
    ("POST", "auth/login/", {"username": EMAIL, "password": "canary"}, 403),
    ("POST", "auth/login/", {"username": EMAIL, "password": "canary" * 1000}, 400),
    ("POST", "auth/refresh/", {"refreshToken": "canary"}, 401),
    ("POST", "auth/refresh/", {"refreshToken": "0" * 24 + ".canary.canary"}, 401),
]


class Listener(logging.Handler):
    """Keep each record as a formatter that shows everything would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = logging.Formatter("%(name)s %(message)s").format(record)
        self.lines.append(f"{text} {record.args!r}")


@contextmanager
def listening() -> Iterator[Listener]:
    """Have every logger say all it can; PyMongo's is the host project's to keep silent."""
    root, driver = logging.getLogger(), logging.getLogger("pymongo")
    listener, levels = Listener(), (root.level, driver.level)
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    driver.setLevel(logging.INFO)
    try:
        yield listener
    finally:
        root.removeHandler(listener)
        root.setLevel(levels[0])
        driver.setLevel(levels[1])


def send(client: APIClient, verb: str, path: str, body: Any) -> Any:
    data = "" if body is None else json.dumps(body)
    return client.generic(verb, f"/api/{path}", data, content_type="application/json")


@pytest.mark.parametrize(("verb", "path", "body", "status"), FAILURES)
def test_a_refusal_repeats_nothing(
    admin: User, login: Any, verb: str, path: str, body: Any, status: int
) -> None:
    User.create_user(email=EMAIL)
    client = login(None if path.startswith("auth/") else admin)
    with listening() as listener:
        response = send(client, verb, path, body)
    assert response.status_code == status, response.content
    assert listener.lines
    # A key that the endpoint does not know is named: it is no value.
    told = response.content.replace(b'"canary":', b"")
    assert "canary" not in told.decode() + "".join(listener.lines)


@pytest.mark.parametrize("bearer", ["canary", "canary.canary.canary", "ey" + "canary" * 2000])
def test_a_token_that_is_refused_is_not_repeated(mongodb: str, bearer: str) -> None:
    with listening() as listener:
        response = APIClient().get("/api/users/me/", HTTP_AUTHORIZATION=f"Bearer {bearer}")
    assert response.status_code == 401
    assert "canary" not in str(response.content) + str(response.headers) + "".join(listener.lines)


#: Path, verb and body of writes, and what of them is made to fail as a bug would.
BUGS = [
    ("POST", "users/", {"email": EMAIL, "name": "canary"}, (Collection, "insert_one")),
    ("PATCH", "users/me/", {"name": "canary"}, (Collection, "find_one_and_update")),
    (
        "PATCH",
        "users/me/profile/",
        {"displayName": "canary", "metadata": {"a": "canary"}},
        (Collection, "find_one_and_update"),
    ),
    (
        "POST",
        "users/me/activities/",
        {"eventType": "x", "eventData": {"email": EMAIL}},
        (Collection, "insert_many"),
    ),
    ("PUT", "users/me/app-data/a/k/", {"dataValue": "canary"}, (Collection, "find_one_and_update")),
    ("POST", "auth/refresh/", {"refreshToken": "canary"}, (sessions, "_parse")),
    ("POST", "auth/login/", {"token": "canary"}, (tokens, "peek")),
    ("POST", "auth/login/", {"username": EMAIL, "password": "canary"}, (callers, "validate_name")),
    ("GET", "users/me/", None, (tokens, "decode")),
]


def fail(*anything: Any, **more: Any) -> None:
    raise RuntimeError("A bug.")


@pytest.mark.parametrize(("verb", "path", "body", "place"), BUGS)
def test_a_report_of_a_bug_shows_nothing(
    admin: User,
    login: Any,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    path: str,
    body: Any,
    place: tuple[Any, str],
) -> None:
    reports: list[str] = []

    def report(request: Any, **kwargs: Any) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info(), is_email=True)
        reports.extend([reporter.get_traceback_text(), reporter.get_traceback_html()])

    client = login(admin)
    client.raise_request_exception = False
    token = client._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    monkeypatch.setattr(callers, "check_host_door", lambda: None)
    monkeypatch.setattr(*place, fail)
    got_request_exception.connect(report)
    try:
        with listening() as listener:
            response = send(client, verb, path, body)
    finally:
        got_request_exception.disconnect(report)
    assert response.status_code == 500
    assert len(reports) == 2
    for text in (*reports, *listener.lines, response.content.decode()):
        assert "canary" not in text
        assert token not in text


WITH_PASSWORD = "mongodb://canary:canary@127.0.0.1:1/test_db?serverSelectionTimeoutMS=100"


@pytest.mark.parametrize(("verb", "path", "body", "status"), FAILURES)
def test_an_outage_tells_nothing(
    mongodb: str, admin: User, login: Any, verb: str, path: str, body: Any, status: int
) -> None:
    client = login(admin)
    with override_settings(CHABAD_AUTH={"MONGODB_URI": WITH_PASSWORD}), listening() as listener:
        connection.get_client()
        response = send(client, verb, path, body)
    assert response.status_code in (503, status)
    told = response.content.replace(b'"canary":', b"")
    assert "canary" not in told.decode() + "".join(listener.lines)


def test_a_driver_that_logs_commands_is_warned_of_at_deployment() -> None:
    def warned() -> set[str | None]:
        return {message.id for message in check_risks()}

    driver = logging.getLogger("pymongo.command")
    level = driver.level
    try:
        driver.setLevel(logging.INFO)
        assert "chabad_auth.W005" not in warned()
        driver.setLevel(logging.DEBUG)
        assert "chabad_auth.W005" in warned()
    finally:
        driver.setLevel(level)


def test_not_even_the_driver_logs_a_token(mongodb: str) -> None:
    driver, listener = logging.getLogger("pymongo"), Listener()
    driver.addHandler(listener)
    level = driver.level
    driver.setLevel(logging.DEBUG)
    try:
        user = User.create_user(email=EMAIL, auth_methods=["google"])
        signed_in = flows.log_in(user_id=user.id, auth_method="google")
        again = flows.refresh(refresh_token=signed_in.refresh_token)
    finally:
        driver.removeHandler(listener)
        driver.setLevel(level)
    log = "".join(listener.lines)
    assert EMAIL in log
    for pair in (signed_in, again):
        for secret in (pair.access_token, *pair.refresh_token.split(".")[1:]):
            assert secret not in log
