"""Signing in by the pages of an OpenID provider, in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from support.chromium import needs_chromium, page
from support.example_server import example_server
from support.openid_provider import CLIENT, PASSWORD, SECRET, openid_provider

from chabad_auth_django.contrib.embedded.probe import free_port
from chabad_auth_django.models import Activity, Analytics, User

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.browser]


def sign_in(browser: Any, address: str, name: str) -> None:
    browser.context.clear_cookies()
    browser.goto(f"{address}/accounts/oidc/local/login/")
    browser.click("form button[type=submit]")
    browser.fill("[name=login]", name)
    browser.fill("[name=password]", PASSWORD)
    browser.click("form:has([name=password]) button[type=submit]")
    browser.click("button[value=grant]")
    browser.wait_for_url(f"{address}/**")


def test_the_provider_vouches_for_an_address_that_it_has_verified(
    mongodb: str, tmp_path: Path
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    callback = f"{address}/accounts/oidc/local/login/callback/"
    with (
        openid_provider(tmp_path, callback=callback) as provider,
        example_server(
            mongodb,
            tmp_path,
            port=port,
            DJANGO_SETTINGS_MODULE="support.social_settings",
            PROVIDER_URL=provider,
            PROVIDER_CLIENT=CLIENT,
            PROVIDER_SECRET=SECRET,
        ),
        page() as browser,
    ):
        for _ in range(2):
            sign_in(browser, address, "ann")
            caller = browser.request.get(f"{address}/api/users/me/")
            assert caller.json()["email"] == "ann@example.org"
        sign_in(browser, address, "eve")
        assert browser.request.get(f"{address}/api/users/me/").status == 401
    assert User.objects.get().auth_methods == ["google"]
    # The portal stores events of its own.
    assert Activity.objects(event_type="login").count() == 2
    assert Analytics.objects(event_name="login").count() == 2
