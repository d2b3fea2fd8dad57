"""The project around the demo: ``check``, ``migrate`` and ``runserver``."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.nginx import needs_nginx, nginx, trusting

from chabad_auth_django.contrib.embedded.probe import free_port

PRODUCTION = {
    "DJANGO_DEBUG": "0",
    "DJANGO_SECRET_KEY": "tests only, this key has more than fifty characters",
    "DJANGO_ALLOWED_HOSTS": "demo.example",
}


def test_check_and_migrate_work_without_warnings(
    manage: Callable[..., Any], mongod_runs: Callable[[], bool], tmp_path: Path
) -> None:
    check = manage("check", "--fail-level", "WARNING")
    assert (check.returncode, check.stderr) == (0, "")
    migrate = manage("migrate")
    assert (migrate.returncode, migrate.stderr) == (0, "")
    assert (tmp_path / "db.sqlite3").is_file()
    assert not mongod_runs()


def test_production_settings_pass_the_deployment_checks(manage: Callable[..., Any]) -> None:
    server = {"MONGODB_URI": "mongodb://site:secret@mongodb.example/chabad"}
    result = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION, **server)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("missing", ["DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"])
def test_production_settings_name_the_variable_that_they_miss(
    manage: Callable[..., Any], missing: str
) -> None:
    present = {name: value for name, value in PRODUCTION.items() if name != missing}
    result = manage("check", **present)
    assert result.returncode != 0
    assert result.stderr.endswith(
        f"ImproperlyConfigured: With DJANGO_DEBUG=0 set the environment variable {missing} too.\n"
    )


HEBREW_PAGES = """
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

client = Client(headers={"accept-language": "he", "host": "demo.example"})
client.force_login(User.objects.create_user("ann", "ann@example.org"))
pages = [client.get(path, secure=True) for path in ("/nowhere/", "/accounts/sessions/")]
assert [page.status_code for page in pages] == [404, 200], pages
with translation.override("he"):
    failure = render_to_string("500.html")
for text in (pages[0].content.decode(), pages[1].content.decode(), failure):
    assert '<html lang="he" dir="rtl"' in text and "ChabadUniverse" in text, text
refused = Client(headers={"accept-language": "he", "host": "demo.example"})
assert "להתחבר" in refused.get("/api/users/me/", secure=True).json()["detail"]
"""


@pytest.mark.slow
def test_errors_and_pages_of_accounts_are_in_hebrew(manage: Callable[..., Any]) -> None:
    assert manage("migrate").returncode == 0
    result = manage("shell", "-c", HEBREW_PAGES, **PRODUCTION)
    assert result.returncode == 0, result.stderr


def _page(url: str, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return str(response.read().decode())
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _end_by_ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def _end_by_sigterm(process: subprocess.Popen[str]) -> None:
    process.terminate()


@pytest.mark.slow
@pytest.mark.parametrize("end", [_end_by_ctrl_c, _end_by_sigterm])
def test_runserver_serves_the_admin_and_holds_the_server(
    manage: Callable[..., Any],
    command: list[str],
    environment: dict[str, str],
    mongod_runs: Callable[[], bool],
    end: Callable[[subprocess.Popen[str]], None],
) -> None:
    assert manage("migrate").returncode == 0
    address = f"127.0.0.1:{free_port()}"
    with subprocess.Popen(
        [*command, "runserver", address],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert "csrfmiddlewaretoken" in _page(f"http://{address}/admin/login/", process)
        # The command starts the server, and runserver keeps it when the command ends.
        assert manage("chabad_sync_indexes").returncode == 0
        assert mongod_runs()
        end(process)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert not mongod_runs()


HEADERS = """
import json, logging
from django.test import Client
logging.disable()
client = Client(HTTP_HOST="demo.example", raise_request_exception=False)
for secure in (True, False):
    for path in ("/api/users/me/", "/admin/login/"):
        answer = client.get(path, secure=secure)
        cookies = [morsel.OutputString() for morsel in answer.cookies.values()]
        print(json.dumps([answer.status_code, dict(answer.headers), cookies]))
"""


def test_production_answers_have_the_headers_of_security(manage: Callable[..., Any]) -> None:
    result = manage("shell", "--no-imports", "-c", HEADERS, **PRODUCTION)
    assert result.returncode == 0, result.stderr
    api, admin, *plain = map(json.loads, result.stdout.splitlines())
    assert (api[0], admin[0]) == (401, 200)
    for _, headers, cookies in (api, admin):
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"
        assert "max-age=31536000; includeSubDomains" in headers["Strict-Transport-Security"]
        assert all("Secure" in cookie and "SameSite" in cookie for cookie in cookies)
    assert admin[2]
    # Without TLS nothing is answered but where it is.
    assert [answer[0] for answer in plain] == [301, 301]
    assert all(answer[1]["Location"].startswith("https://demo.example/") for answer in plain)


PAGES = """
from django.test import Client
client = Client(HTTP_HOST="demo.example")
for path in ("/api/docs/", "/admin/login/"):
    print(client.get(path, secure=True).text)
"""


@needs_nginx
@pytest.mark.slow
def test_nginx_serves_what_the_pages_take(manage: Callable[..., Any], tmp_path: Path) -> None:
    collected = manage("collectstatic", "--no-input", **PRODUCTION)
    assert collected.returncode == 0, collected.stderr
    pages = manage("shell", "--no-imports", "-c", PAGES, **PRODUCTION)
    assert pages.returncode == 0, pages.stderr
    files = re.findall('(?:href|src)="(/static/[^"]+)"', pages.stdout)
    assert any(path.endswith("swagger-ui.css") for path in files)
    nobody = 1
    with nginx(nobody, tmp_path / "nginx", static=tmp_path / "static") as port:
        for path in files:
            url = f"https://127.0.0.1:{port}{path}"
            with urllib.request.urlopen(url, context=trusting()) as file:
                assert file.read()
