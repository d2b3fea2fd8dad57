"""The package in a page, and the server that it calls."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.chromium import page as open_page
from support.chromium import until_failure
from support.example_server import example_server
from support.merkos import token
from support.universe import COOKIE

from chabad_auth_django.contrib.embedded.probe import free_port

HERE = Path(__file__).parent
HTML = '<!doctype html><title>Portal</title><div id="root"></div><script src="/portal.js"></script>'

Serve = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page with the package as npm has it, in one script."""
    folder = tmp_path_factory.mktemp("front_end")
    for name in ("package.json", "page.jsx"):
        shutil.copy(HERE / name, folder)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet], cwd=folder, check=True, timeout=300)
    build = ["node_modules/.bin/esbuild", "page.jsx", "--bundle", "--format=iife"]
    options = ["--jsx=automatic", '--define:process.env.NODE_ENV="production"', "--log-level=error"]
    subprocess.run([*build, *options, "--outfile=page.js"], cwd=folder, check=True, timeout=60)
    return (folder / "page.js").read_text(encoding="utf-8")


@pytest.fixture
def serve(mongodb: str, tmp_path: Path) -> Serve:
    """Serve the portal, each time at the same address."""
    port = free_port()

    def served() -> AbstractContextManager[str]:
        settings = "support.portal_settings"
        return example_server(mongodb, tmp_path, port=port, DJANGO_SETTINGS_MODULE=settings)

    return served


def _answer(route: Any, **answer: str) -> None:
    route.fulfill(**answer)


class Portal:
    """A tab with the page; its scripts come from the test, what it calls from the server."""

    def __init__(self, tab: Any, address: str, bundle: str) -> None:
        self.tab, self.address, self._bundle = tab, address, bundle
        answers = {"portal*": (HTML, "text/html"), "portal.js": (bundle, "text/javascript")}
        for name, (body, content_type) in answers.items():
            answer = partial(_answer, body=body, content_type=content_type)
            tab.context.route(f"{address}/{name}", answer)

    def open(self, query: str = "role=user") -> None:
        self.tab.goto(f"{self.address}/portal?{query}")
        self.tab.wait_for_selector("#nobody, [data-ready=true]")

    def sign_in(self, sent: str, query: str = "role=user") -> None:
        """Exchange a token for the cookie, as the SDK does, and open the page."""
        self.tab.goto(f"{self.address}/portal")
        answer = self.fetch("POST", "/api/sso/remote/status", {"token": sent})
        assert answer["status"] == 200, answer
        self.open(query)

    def another_tab(self) -> Portal:
        """Return the page in another tab of the same browser."""
        other = Portal(self.tab.context.new_page(), self.address, self._bundle)
        other.open()
        return other

    @contextmanager
    def another_profile(self) -> Iterator[Portal]:
        """Yield the page of somebody else, who uses the same browser with another profile."""
        context = self.tab.context.browser.new_context()
        yield Portal(context.new_page(), self.address, self._bundle)
        context.close()

    def run(self, code: str, *arguments: Any) -> Any:
        """Return what the code returns, which has the package's hooks in ``client``."""
        script = f"async (args) => {{ const client = window.client; {code} }}"
        return self.tab.evaluate(script, list(arguments))

    def until(self, code: str) -> None:
        """Wait until the expression holds."""
        self.tab.wait_for_function(f"() => {{ const client = window.client; return {code}; }}")

    def fetch(self, method: str, path: str, body: Any = None) -> Any:
        """Return the status and the body of what the page itself asks for."""
        return self.run(
            """const [method, path, body] = args;
            const options = {method, headers: {"Content-Type": "application/json"}};
            if (body !== null) options.body = JSON.stringify(body);
            const answer = await fetch(path, options);
            return {status: answer.status, body: await answer.json()};""",
            *(method, path, body),
        )

    @property
    def cookies(self) -> dict[str, Any]:
        return {cookie["name"]: cookie for cookie in self.tab.context.cookies()}


@contextmanager
def opened(bundle: str, address: str) -> Iterator[Portal]:
    """Open the page in a browser of its own."""
    with open_page() as tab:
        tab.set_default_timeout(15_000)
        yield Portal(tab, address, bundle)


@pytest.fixture
def portal(request: pytest.FixtureRequest, bundle: str, serve: Serve) -> Iterator[Portal]:
    """The page of nobody yet."""
    with (
        serve() as address,
        opened(bundle, address) as portal,
        until_failure(request, portal.tab),
    ):
        yield portal


@pytest.fixture
def signed_in(portal: Portal) -> Portal:
    """The page of somebody who is signed in."""
    portal.sign_in(token("beth", name="Beth"))
    assert COOKIE in portal.cookies
    return portal
