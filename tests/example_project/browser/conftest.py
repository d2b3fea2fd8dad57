"""The portal in a real browser, and the server that it calls."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.chromium import page as open_page
from support.chromium import until_failure
from support.example_server import example_server

from chabad_auth_django.contrib.embedded.probe import free_port

PASSWORD = "correct horse battery"

CODE = re.compile(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", re.MULTILINE)

#: Milliseconds; the machine may be slow.
PATIENCE = 60_000


class Serve:
    """Serves the example project, each time at the same address."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._uri, self._folder, self._port = uri, folder, free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self.console = folder / "server.log"

    def __call__(self) -> AbstractContextManager[str]:
        return example_server(self._uri, self._folder, port=self._port)


@pytest.fixture
def serve(mongodb: str, tmp_path: Path) -> Serve:
    """Serve the example project while a context lasts."""
    return Serve(mongodb, tmp_path)


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

    def add_item(self, text: str) -> None:
        """Add an item to the checklist, and wait until it is stored."""
        self.tab.fill("#new-item", text)
        self.tab.press("#new-item", "Enter")
        self.tab.wait_for_selector(".check + .add, .list + .add")
        self.tab.wait_for_selector(".state:not(.waiting):not(.failed)")

    def settled(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds on the server."""
        until = time.monotonic() + PATIENCE / 1000
        while not holds():
            assert time.monotonic() < until
            time.sleep(0.1)

    def other_tab(self) -> Visitor:
        """Return another tab of the same browser."""
        return Visitor(self.tab.context.new_page(), self.address, self._console)

    def other_browser(self) -> Visitor:
        """Return a tab of another browser, which has no cookie of this one."""
        context = self.tab.context.browser.new_context()
        return Visitor(context.new_page(), self.address, self._console)


@contextmanager
def visit(serve: Serve) -> Iterator[Visitor]:
    """Open a browser for the portal, whether it runs or not."""
    with open_page() as tab:
        yield Visitor(tab, serve.address, serve.console)


@pytest.fixture(scope="session")
def portal(replica_set_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """A portal that runs; its accounts stay from test to test, so each has its own addresses."""
    serve = Serve(replica_set_uri, tmp_path_factory.mktemp("portal"))
    with serve():
        yield serve


@pytest.fixture
def visitor(request: pytest.FixtureRequest, mongodb: str, portal: Serve) -> Iterator[Visitor]:
    """A visitor of a portal that runs, and in which nobody has stored anything yet."""
    with visit(portal) as visitor, until_failure(request, visitor.tab):
        yield visitor
