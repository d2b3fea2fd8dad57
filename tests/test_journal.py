"""What an operator asks for the next day is in the log, and nobody's data is."""

import json
import logging
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings
from pymongo.database import Database
from rest_framework.test import APIClient
from support.management import NOBODY
from support.processes import python
from support.signed_in import api_client

import chabad_auth_django
from chabad_auth_django import journal
from chabad_auth_django.db.transactions import RetryTransaction, atomic
from chabad_auth_django.exceptions import ChabadAuthError, InvalidToken
from chabad_auth_django.models import Activity, User
from chabad_auth_django.services.data import events
from chabad_auth_django.services.lifecycle import deletion
from chabad_auth_django.services.signing_in import flows, sessions

ROOT = Path(chabad_auth_django.__file__).parent
REPOSITORY = Path(__file__).parents[1]

SECRETS = "ann@example.org", "Ann", "wrong-password", "203.0.113.7"


@pytest.fixture(autouse=True)
def unthrottled() -> None:
    cache.clear()


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, dict[str, str]]]]:
    """Return the events of the log so far, and forget them; nobody's data is in them."""
    caplog.set_level(logging.INFO, "chabad_auth_django")

    def read() -> list[tuple[str, dict[str, str]]]:
        for record in caplog.records:
            text = record.getMessage() + str(getattr(record, "fields", ""))
            assert not any(secret in text for secret in SECRETS), text
        found = [(r.event, r.fields) for r in caplog.records if hasattr(r, "event")]
        caplog.clear()
        return found

    return read


def client(user: User) -> APIClient:
    return api_client(user.id, REMOTE_ADDR="203.0.113.7")


def test_an_outage_is_told_with_its_cause(user: User, told: Any) -> None:
    api = client(user)
    told()
    paths = ("users/me/profile/", "users/me/app-data/secret-app/key/", "health/ready/")
    with override_settings(CHABAD_AUTH={"MONGODB_URI": NOBODY, "REQUEST_TIMEOUT": 1}):
        for path in paths:
            assert api.get(f"/api/{path}").status_code == 503
    found = told()
    assert [name for name, _ in found] == ["unavailable"] * 3
    assert {fields["code"] for _, fields in found} == {"unavailable"}
    assert "secret-app" not in str(found)
    assert found[0][1]["cause"] == "ServerSelectionTimeoutError"
    assert found[0][1]["route"].endswith("profile/")


def test_a_cache_that_is_away_is_an_outage(user: User, told: Any) -> None:
    caches = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"}}
    caches["default"]["LOCATION"] = "/proc/nowhere"
    with override_settings(CACHES=caches):
        body = {"username": "ann@example.org", "password": "wrong-password"}
        assert APIClient().post("/api/auth/login/", body, format="json").status_code == 503
    assert ("unavailable", "POST") in [(name, fields["method"]) for name, fields in told()]


def test_whom_a_limit_stops_is_told(user: User, told: Any) -> None:
    rates = {"sign_in": "1/min", "read": "1/min"}
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "THROTTLE_RATES": rates}):
        for _ in range(2):
            client(user).get("/api/users/me/")
            body = {"username": "ann@example.org", "password": "wrong-password"}
            APIClient().post("/api/auth/login/", body, format="json", REMOTE_ADDR="203.0.113.7")
    found = [fields for name, fields in told() if name == "throttled"]
    assert [fields["scope"] for fields in found] == ["read or write", "sign_in"]
    assert [fields["user"] for fields in found] == [str(user.id), "-"]


def test_each_refusal_of_a_sign_in_is_told(user: User, told: Any) -> None:
    for body, method in (
        ({"username": "ann@example.org", "password": "wrong-password"}, "credentials"),
        ({"token": "wrong-password"}, "token"),
    ):
        APIClient().post("/api/auth/login/", body, format="json")
        [(name, fields)] = told()
        assert (name, fields["method"]) == ("sign_in_refused", method)
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token="wrong-password")
    assert [name for name, _ in told()] == ["sign_in_refused"]
    with pytest.raises(ChabadAuthError):
        flows.link_identity(user=user, username="ann@example.org", password="wrong-password")
    assert [fields["method"] for _, fields in told()] == ["link"]


def test_an_old_refresh_token_is_told(user: User, told: Any) -> None:
    flows.record_login(user_id=user.id, auth_method="google")
    assert told()[-1] == ("signed_in", {"user": str(user.id), "method": "google"})
    signed_in = flows.issue_tokens(name=user.email)
    _, token = sessions.rotate_session(refresh_token=signed_in.refresh_token)
    sessions.rotate_session(refresh_token=token)
    with pytest.raises(InvalidToken):
        flows.refresh(refresh_token=signed_in.refresh_token)
    names = [name for name, _ in told()]
    assert names == ["refresh_token_reused", "sign_in_refused"]


def test_creations_and_deletions_are_told(user: User, told: Any, raw: Database) -> None:
    bob = User.create_user(email="bob@example.org")
    deletion.delete_user(user_id=user.id, seconds=0)
    bob.delete()
    gone = [("user_deleted", {"user": str(id)}) for id in (user.id, bob.id)]
    found = told()
    assert ("user_created", {"user": str(bob.id)}) in found
    assert [entry for entry in found if entry[0] == "user_deleted"] == gone


def test_the_end_of_a_deletion_is_told(user: User, told: Any) -> None:
    Activity.create_activity(user_id=user.id, event_type="x")
    deletion.delete_user(user_id=user.id, seconds=0)
    told()
    assert len(list(deletion.run())) == 1
    found = told()
    assert [name for name, _ in found] == ["deletion_finished"]
    assert found[0][1]["user"] == str(user.id)
    assert found[0][1]["documents"] == "1"


def test_what_happens_is_counted(user: User) -> None:
    counted: list[tuple[str, float, dict[str, str]]] = []
    journal.counters.append(lambda *arguments: counted.append(arguments))  # type: ignore[arg-type]
    try:
        api = client(user)
        api.get("/api/users/me/")
        api.get("/api/users/me/app-data/a/none/")
        event = {"eventType": "x", "messageId": "1"}
        events.ingest(model=Activity, user_id=user.id, events=[event, event, {}])
        events.store_event(model=Activity, user_id=user.id, event=event)
    finally:
        journal.counters.clear()
    requests = [
        (labels["status"], labels["code"]) for name, _, labels in counted if name == "requests"
    ]
    assert requests == [("200", "ok"), ("404", "not_found")]
    stored = [(n, labels["result"]) for name, n, labels in counted if name == "events"]
    assert stored == [(1, "accepted"), (1, "duplicate"), (1, "rejected"), (True, "duplicate")]
    assert all(str(user.id) not in str(labels) for _, _, labels in counted)


@pytest.mark.skipif(find_spec("django_guid") is None, reason="django-guid is not installed")
def test_the_example_writes_json_with_the_id_of_the_request(mongodb: str, tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(# settings.py: lines of JSON.*?)```", page, re.DOTALL)
    (tmp_path / "json_settings.py").write_text(
        f"from support.settings import *\nMIDDLEWARE = []\nALLOWED_HOSTS = ['*']\n{example}"
    )
    code = """
import django; django.setup()
from django.test import Client
body = {"username": "ann@example.org", "password": "x"}
for id in ("0123456789abcdef0123456789abcdef", "<evil>"):
    headers = {"X-Request-ID": id}
    answer = Client().post("/api/auth/login/", body, "application/json", headers=headers)
    print(answer.headers["X-Request-ID"])
"""
    result = python(
        *("-c", code), cwd=tmp_path, MONGODB_URI=mongodb, DJANGO_SETTINGS_MODULE="json_settings"
    )
    assert result.returncode == 0, result.stderr
    ids = result.stdout.split()
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    told = [line for line in lines if line.get("event") == "sign_in_refused"]
    assert [line["request_id"] for line in told] == ids
    assert ids[0] == "0123456789abcdef0123456789abcdef" and ids[1] != "<evil>"
    assert told[0]["fields"]["code"] == "credentials_disabled"


@pytest.mark.usefixtures("either_server")
def test_a_transaction_that_runs_again_is_counted() -> None:
    tries = []

    @atomic
    def change() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RetryTransaction("Somebody was faster.")

    counted: list[str] = []
    journal.counters.append(lambda name, amount, labels: counted.append(name))
    try:
        change()
    finally:
        journal.counters.clear()
    assert counted == ["transaction_retries"] * 2


def test_a_figure_that_cannot_be_counted_stops_nobody(user: User, told: Any) -> None:
    def full(*arguments: object) -> None:
        raise OSError("No space left on device: ann@example.org")

    journal.counters.append(full)
    try:
        assert client(user).get("/api/users/me/").status_code == 200
    finally:
        journal.counters.clear()
    assert {name for name, _ in told()} == {"not_counted"}


def test_every_logger_and_event_is_documented_and_used() -> None:
    page = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    code = {path: path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")}
    named = r'getLogger\("(chabad_auth_django[\w.]*)"\)'
    for path, text in code.items():
        for name in re.findall(named, text):
            assert f"`{name}`" in page, name
            if path.name != "journal.py":
                assert re.search(r"logger\.\w+\(", text), path
    told = set(re.findall(r'tell\(\s*(?:journal\.)?[A-Z]+,\s*"(\w+)"', "".join(code.values())))
    assert len(told) >= 7
    for event in told:
        assert f"`{event}`" in page, event
