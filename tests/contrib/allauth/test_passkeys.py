"""Passkeys in a real browser, on the pages of the example project."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from support.chromium import add_authenticator, needs_chromium, page
from support.example_server import example_server

from chabad_auth_django.models import Activity, Session, User

PASSWORD = "correct horse battery"

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.browser]


def code_in(log: Path) -> str:
    """Return the code of the last e-mail on the console."""
    return re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", log.read_text(), re.MULTILINE)[-1]


def caller(browser: Any, address: str) -> Any:
    return browser.request.get(f"{address}/api/users/me/")


def test_a_passkey_signs_in_and_a_password_alone_does_not(mongodb: str, tmp_path: Path) -> None:
    with example_server(mongodb, tmp_path) as server, page() as browser:
        # A passkey belongs to a name, not to a number.
        address = server.replace("127.0.0.1", "localhost")
        add_authenticator(browser)

        browser.goto(f"{address}/accounts/signup/")
        browser.fill("[name=email]", "ann@example.org")
        browser.fill("[name=password1]", PASSWORD)
        browser.click("form[action='/accounts/signup/'] button[type=submit]")
        browser.fill("[name=code]", code_in(tmp_path / "server.log"))
        browser.click("form:has([name=code]) button[type=submit]")
        browser.wait_for_url(f"{address}/")
        assert caller(browser, address).json()["email"] == "ann@example.org"

        browser.goto(f"{address}/accounts/2fa/webauthn/add/")
        browser.fill("[name=password]", PASSWORD)
        browser.click("form:has([name=password]) button[type=submit]")
        browser.check("[name=passwordless]")
        with browser.expect_navigation():
            browser.click("#mfa_webauthn_add")

        browser.context.clear_cookies()
        assert caller(browser, address).status == 401
        browser.goto(f"{address}/accounts/login/")
        browser.fill("[name=login]", "ann@example.org")
        browser.fill("[name=password]", PASSWORD)
        browser.click("form[action='/accounts/login/'] button[type=submit]")
        browser.wait_for_url(f"{address}/accounts/2fa/authenticate/")
        assert caller(browser, address).status == 401
        assert login(server) == (403, "second_factor_required")
        assert Activity.objects.count() == 1

        browser.context.clear_cookies()
        browser.goto(f"{address}/accounts/login/")
        browser.click("#passkey_login")
        browser.wait_for_url(f"{address}/")
        assert caller(browser, address).json()["email"] == "ann@example.org"
    assert User.objects.get().auth_methods == ["credentials"]
    assert Activity.objects.count() == 2
    assert Session.objects.count() == 0


def login(address: str) -> tuple[int, str]:
    body = json.dumps({"username": "ann@example.org", "password": PASSWORD}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/auth/login/", body, headers)
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    with raised.value as answer:
        return answer.code, json.load(answer)["code"]
