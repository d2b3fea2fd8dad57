"""The figures for Prometheus, under real workers of gunicorn."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import Timestamp
from django.core.management import call_command
from prometheus_client.parser import text_string_to_metric_families
from pymongo.database import Database
from support.gunicorn import Gunicorn, gunicorn
from support.processes import python, python_path
from support.signed_in import access_token
from support.threads import together

from chabad_auth_django.contrib.prometheus import state as collected
from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes

TOKEN = "the token of Prometheus"

Samples = dict[tuple[str, ...], float]


def send(server: Gunicorn, path: str, token: str | None, body: Any = None, **headers: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/{path}")
    request.add_header("X-Forwarded-Proto", "https")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.code)


def scrape(server: Gunicorn) -> Samples:
    """Return (name, sorted values of the labels) -> value."""
    text = send(server, "metrics", TOKEN)
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(samples: Samples, *wanted: str) -> float:
    return sum(value for key, value in samples.items() if set(wanted) <= set(key))


@pytest.fixture
def shared(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "metrics"
    folder.mkdir()
    return {
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "support.metrics_settings",
        "PYTHONPATH": python_path(),
    }


@pytest.mark.slow
def test_the_workers_count_together(
    user: User, mongodb: str, tmp_path: Path, shared: dict[str, str]
) -> None:
    token = access_token(user.id)
    events = [{"eventType": "x", "messageId": str(n % 3)} for n in range(5)] + [{}]
    with gunicorn(mongodb, tmp_path, **shared) as server:
        together([lambda: send(server, "api/users/me/", token)] * 40)
        send(server, "api/users/me/activities/", token, events)
        for _ in range(3):
            send(server, "api/auth/login/", None, {"token": "x"})
        send(server, "api/users/me/app-data/secret-app/secret-key/", token, {"dataValue": 1})
        figures = scrape(server)
        assert len(server.workers()) == 2
        files = list((tmp_path / "metrics").glob("counter_*.db"))
        assert len(files) >= 2, "both workers have counted"
        text = send(server, "metrics", TOKEN)
    me = ("chabad_auth_requests_total", "200", "GET", "api/users/<str:user>/", "ok")
    assert figures[me] == 40
    results = {
        result: total(figures, "chabad_auth_events_total", result)
        for result in ("accepted", "duplicate", "rejected")
    }
    assert results == {"accepted": 3, "duplicate": 2, "rejected": 1}
    assert total(figures, "chabad_auth_sign_ins_total", "invalid_token") == 3
    assert total(figures, "chabad_auth_mongodb_commands_total", "aggregate", "ok") >= 40
    assert figures[("chabad_auth_up",)] == 1
    assert figures[("chabad_auth_indexes", "missing")] == 0
    for secret in ("secret-app", "secret-key", str(user.id), user.email, "127.0.0.1"):
        assert secret not in text


def test_a_figure_that_is_slow_is_missing_alone(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_slowly() -> None:
        time.sleep(collected.TIMEOUT)
        connection.get_database().command("ping")

    monkeypatch.setattr(indexes, "compare", look_slowly)
    names = {metric.name.removeprefix("chabad_auth_") for metric in collected._gauges()}
    assert {"up", "open_deletions", "ttl_lag_seconds", "command_late"} < names
    assert "indexes" not in names


@pytest.fixture
def state(mongodb: str, shared: dict[str, str], tmp_path: Path) -> Any:
    """Return a function that reads the figures once, in a process of its own."""

    def read(**environment: str) -> Samples:
        code = """
import django; django.setup()
from django.test import Client
answer = Client().get("/metrics", headers={"Authorization": "Bearer the token of Prometheus"},
                      secure=True)
print(answer.content.decode() if answer.status_code == 200 else answer.status_code)
"""
        names = {name: value for name, value in shared.items() if not name.startswith("PROMETHEUS")}
        path = os.pathsep.join([str(Path(__file__).parents[2] / "example_project"), python_path()])
        given = {
            **names,
            "PYTHONPATH": path,
            "MONGODB_URI": mongodb,
            "EXAMPLE_DATA_DIR": str(tmp_path),
            **environment,
        }
        result = python("-c", code, cwd=tmp_path, **given)
        assert result.returncode == 0, result.stderr
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(result.stdout)
            for sample in family.samples
        }

    return read


def test_the_state_is_that_of_the_installation(user: User, raw: Database, state: Any) -> None:
    long_ago = now() - timedelta(hours=2)
    raw.deletions.insert_one({"_id": user.id, "state": "deleting", "since": long_ago})
    raw.analytics_rollups.insert_one({"_id": now() - timedelta(days=3), "builtAt": Timestamp(1, 1)})
    raw.client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
    raw.activities.insert_one({"timestamp": now() - timedelta(days=90, seconds=500)})
    call_command("chabad_rollup_analytics")
    raw.profiles.create_index("extra")
    try:
        figures = state()
    finally:
        raw.profiles.drop_index("extra_1")
        raw.client.admin.command("setParameter", 1, ttlMonitorEnabled=True)
    assert figures[("chabad_auth_open_deletions",)] == 1
    assert 7200 <= figures[("chabad_auth_oldest_deletion_age_seconds",)] < 7300
    assert 500 <= figures[("chabad_auth_ttl_lag_seconds",)] < 600
    assert figures[("chabad_auth_indexes", "extra")] == 1
    assert figures[("chabad_auth_command_late", "chabad_purge_deleted")] == 1
    assert figures[("chabad_auth_command_late", "chabad_rollup_analytics")] == 0
    last = figures[
        ("chabad_auth_command_last_success_timestamp_seconds", "chabad_rollup_analytics")
    ]
    assert abs(last - now().timestamp()) < 60
    assert ("chabad_auth_rollup_age_seconds",) in figures


def test_without_mongodb_the_page_says_so(state: Any) -> None:
    figures = state(MONGODB_URI="mongodb://127.0.0.1:1/db?serverSelectionTimeoutMS=300")
    assert figures[("chabad_auth_up",)] == 0
    assert not any(key[0] == "chabad_auth_open_deletions" for key in figures)


def test_what_cannot_be_read_takes_no_other_figure_with_it(
    fresh_indexes: None, raw: Database, state: Any
) -> None:
    raw.activities.drop()
    raw.create_collection("activities", viewOn="users", pipeline=[])
    figures = state()
    raw.activities.drop()
    assert figures[("chabad_auth_up",)] == 1
    assert figures[("chabad_auth_open_deletions",)] == 0
    assert ("chabad_auth_ttl_lag_seconds",) not in figures


def test_only_who_has_the_token_reads_it(tmp_path: Path, state: Any, shared: Any) -> None:
    code = """
import django; django.setup()
from django.core import checks
from django.test import Client, override_settings
from django.conf import settings
for header in ("", "Bearer x", "Bearer the token of Prometheus", "Basic \\xe9"):
    answer = Client().get("/metrics", headers={"Authorization": header}, secure=True)
    print(answer.status_code, answer.headers.get("Cache-Control", "-"))
print(Client().post("/metrics", secure=True).status_code)
without = {**settings.CHABAD_AUTH, "METRICS_TOKEN": None}
with override_settings(CHABAD_AUTH=without):
    print(Client().get("/metrics", secure=True).status_code)
    found = checks.run_checks(include_deployment_checks=True)
    print([message.id for message in found if "prometheus" in message.id])
with override_settings(CHABAD_AUTH={**without, "METRICS_TOKEN": "short"}):
    print([message.id for message in checks.run_checks() if "prometheus" in message.id])
"""
    path = os.pathsep.join([str(Path(__file__).parents[2] / "example_project"), python_path()])
    result = python(
        *("-c", code),
        cwd=tmp_path,
        DJANGO_SETTINGS_MODULE="support.metrics_settings",
        PYTHONPATH=path,
        MONGODB_URI="mongodb://127.0.0.1:1/db?serverSelectionTimeoutMS=100",
        EXAMPLE_DATA_DIR=str(tmp_path),
    )
    assert result.stdout.splitlines() == [
        "401 -",
        "401 -",
        "200 no-store",
        "401 -",
        "405",
        "200",
        "['chabad_auth_prometheus.W002']",
        "['chabad_auth_prometheus.E001']",
    ], result.stderr


def test_every_figure_is_documented() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    package = root / "chabad_auth_django" / "contrib" / "prometheus"
    code = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    names = set(re.findall(r'"(chabad_auth_[a-z_]+)",?\n? +"[A-Z]', code))
    names |= {f"chabad_auth_{name}" for name in re.findall(r'_gauge\(\s*"(\w+)"', code)}
    assert len(names) >= 14
    for name in names:
        assert name in page, name
