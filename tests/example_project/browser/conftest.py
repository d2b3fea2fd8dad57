"""The portal in a real browser, and the server that it calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from support.chromium import page as open_page
from support.example_server import example_server

from chabad_auth_django.contrib.embedded.probe import free_port

PASSWORD = "correct horse battery"

CODE = re.compile(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", re.MULTILINE)

#: Milliseconds; the machine may be slow.
PATIENCE = 60_000

Serve = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def serve(mongodb: str, tmp_path: Path) -> Serve:
    """Serve the example project, each time at the same address."""
    port = free_port()
    return lambda: example_server(mongodb, tmp_path, port=port)


class Visitor:
    """Somebody at a browser of their own."""

    def __init__(self, tab: Any, address: str, console: Path) -> None:
        self.tab, self.address, self._console = tab, address, console
        tab.set_default_timeout(PATIENCE)

    def sign_up(self, email: str) -> None:
        """Sign up with the code of the e-mail, which the server writes to its console."""
        self.tab.goto(f"{self.address}/")
        self.tab.click("a[href='/accounts/signup/']")
        self.tab.fill("[name=email]", email)
        self.tab.fill("[name=password1]", PASSWORD)
        self.tab.click("form[action='/accounts/signup/'] button[type=submit]")
        self.tab.wait_for_selector("[name=code]")
        self.tab.fill("[name=code]", CODE.findall(self._console.read_text())[-1])
        self.tab.click("form:has([name=code]) button[type=submit]")
        self.tab.wait_for_selector(".frame")

    def sign_in(self, email: str) -> None:
        """Sign in again."""
        self.tab.goto(f"{self.address}/accounts/login/")
        self.tab.fill("[name=login]", email)
        self.tab.fill("[name=password]", PASSWORD)
        self.tab.click("form[action='/accounts/login/'] button[type=submit]")
        self.tab.wait_for_selector(".frame")

    def open(self, view: str) -> None:
        """Open a view of the portal."""
        self.tab.goto(f"{self.address}/#/{view}")
        self.tab.wait_for_selector(f"#menu-{view}[aria-current]")
        self.tab.wait_for_selector("[aria-busy]", state="detached")

    def other_tab(self) -> Visitor:
        """Return another tab of the same browser."""
        return Visitor(self.tab.context.new_page(), self.address, self._console)

    def other_browser(self) -> Visitor:
        """Return a tab of another browser, which has no cookie of this one."""
        context = self.tab.context.browser.new_context()
        return Visitor(context.new_page(), self.address, self._console)


@pytest.fixture
def visitor(serve: Serve, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor of a portal that runs."""
    with serve() as address, open_page() as tab:
        yield Visitor(tab, address, tmp_path / "server.log")
