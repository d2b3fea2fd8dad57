"""A real browser, without a window."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: So that it asks nothing of the network, and runs as root.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser")

#: Where a failed test leaves a picture of its page.
SCREENSHOTS = Path("screenshots")

#: Set where a missing program must make the tests fail, not skip them.
IS_REQUIRED = "REQUIRE_BROWSER" in os.environ


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip without one of the programs, unless they are required; name it."""
    missing = [name for name in programs if shutil.which(name) is None]
    if EXECUTABLE is None:
        missing.append("chromium")
    reason = f"{', '.join(missing)}: not installed, so what takes a browser is not tested"
    return pytest.mark.skipif(bool(missing) and not IS_REQUIRED, reason=reason)


needs_chromium = needs()


def take_pictures(browser: Any) -> None:
    """Leave a picture of each page that is open, named by the test."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "page").split("::")[-1].split(" ")[0]
    pages = [opened for context in browser.contexts for opened in context.pages]
    for number, opened in enumerate(pages):
        opened.screenshot(path=SCREENSHOTS / f"{test}-{number}.png")


@contextmanager
def until_failure(request: pytest.FixtureRequest, page: Any) -> Iterator[None]:
    """Take pictures if the test fails for which a fixture yields in this context.

    The failure itself does not reach a fixture.
    """
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        take_pictures(page.context.browser)


@contextmanager
def page() -> Iterator[Any]:
    """Start a browser with a profile of its own; yield a page.

    A failure leaves a picture of each page that is open.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=EXECUTABLE, args=FLAGS)
        first = browser.new_context().new_page()
        try:
            yield first
        except BaseException:
            take_pictures(browser)
            raise
        browser.close()


def add_authenticator(page: Any) -> None:
    """Give the page an authenticator that holds passkeys and always says yes."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
