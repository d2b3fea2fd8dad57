"""The pages for staff in Chromium, under a policy that allows nothing but the same origin."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from django.conf import settings
from support.chromium import needs
from support.chromium import page as open_page
from support.databases import Server
from support.example_server import serve

from chabad_auth_django.models import Session, User

pytestmark = [needs("npm"), pytest.mark.slow, pytest.mark.browser]

FIND = """axe.run(
    {include: [["#content-main"], [".chabad-title"]]}, {resultTypes: ["violations"]}
).then(({violations, passes}) =>
    [passes.length, violations.map(({id, nodes}) => [id, nodes.map(({html}) => html)])])"""

#: Elements that reach out of the window, but for tables, which have a region to scroll in, and for
#: names of bars, which end in an ellipsis.
WIDER = """[...document.querySelectorAll("#content-main *")].filter((one) => {
    const {width, left, right} = one.getBoundingClientRect();
    const outside = width > 1 && (right > innerWidth + 1 || left < -1);
    return outside && !one.closest(".chabad-scroll, .chabad-bar-name");
}).map((one) => one.outerHTML)"""

#: Lists in which one has to scroll sideways.
SCROLLED = """[...document.querySelectorAll(".chabad-list")].map((one) => one.parentNode)
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML)"""

PREPARE = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("eve", "eve@example.org", "open sesame")
from support.staff_people import make
make()
from support.staff_figures import populate
populate()
"""

#: The pages with figures, and what they show when asked.
FIGURES = (
    *("overview/", "events/", "analytics/", "deletions/", "operations/", "audit/"),
    *(
        "analytics/?compare=on",
        "analytics/?count=users",
        "analytics/?name=nobody",
        "events/?name=nobody",
    ),
)

PATIENCE = 60_000


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    folder: Path = tmp_path_factory.mktemp("axe")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(
        ["npm", "install", *quiet, "axe-core@4.10.3"], cwd=folder, check=True, timeout=300
    )
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address(replica_set_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The people's page of a project that runs."""
    folder = tmp_path_factory.mktemp("staff")
    with replica_set_server.prepared() as uri:
        environment = {
            "MONGODB_URI": uri,
            "EXAMPLE_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "support.staff_browser_settings",
            "DJANGO_SECRET_KEY": settings.SECRET_KEY,
        }
        with serve(environment, folder / "server.log", prepare=PREPARE) as found:
            yield f"{found}/admin/chabad_admin/people/"


def sign_in(tab: Any, address: str) -> None:
    tab.set_default_timeout(PATIENCE)
    tab.goto(address)
    tab.fill("[name=username]", "eve")
    tab.fill("[name=password]", "open sesame")
    tab.press("[name=password]", "Enter")
    tab.wait_for_selector("#content-main")


def id_of(name: str) -> str:
    user = User.find_by_email(f"{name}@example.org")
    assert user
    return str(user.id)


def test_axe_finds_nothing_and_nothing_is_refused(address: str, axe: str) -> None:
    ann = f"{address}{id_of('ann')}/"
    tabs = ("", "timeline/", "sessions/", "figures/", "app-data/", "access/", "identities/", "raw/")
    tabs += ("history/", "app-data/delete/?app=books&key=page")
    pages = [address, f"{address}?q=zzz", f"{address}?since=x", f"{address}../sessions/"]
    pages += [f"{address}{id_of('all')}/", f"{address}{'0' * 24}/", f"{ann}edit/"]
    figures = [f"{address}../{path}" for path in FIGURES]
    refused: list[str] = []
    with open_page() as tab:
        tab.on("console", lambda line: "Refused" in line.text and refused.append(line.text))
        sign_in(tab, address)

        def look(page: str) -> None:
            tab.goto(page)
            tab.evaluate(axe)
            passes, found = tab.evaluate(FIND)
            assert (bool(passes), found) == (True, []), page
            assert tab.evaluate(WIDER) == [], page
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), page

        for page in [*pages, *(f"{ann}{path}" for path in tabs), *figures]:
            look(page)
        everywhere = {"url": urljoin(address, "/")}
        tab.context.add_cookies([{"name": "django_language", "value": "he", **everywhere}])
        tab.emulate_media(color_scheme="dark")
        tab.set_viewport_size({"width": 390, "height": 800})
        for page in (address, f"{ann}timeline/", f"{address}{id_of('all')}/", *figures[:6]):
            look(page)
            assert tab.evaluate(SCROLLED) == [], page
            assert tab.get_attribute("html", "dir") == "rtl"
        assert tab.evaluate("getComputedStyle(document.body).colorScheme || 'dark'") == "dark"
    assert refused == []


def test_by_keyboard_alone(address: str) -> None:
    with open_page() as tab:
        sign_in(tab, address)
        tab.focus("[name=q]")
        tab.keyboard.type("ann@")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/people/?q=ann*")

        def step_to(selector: str) -> None:
            for _ in range(100):
                tab.keyboard.press("Tab")
                if tab.evaluate("one => document.activeElement.matches(one)", selector):
                    return
            raise AssertionError(selector)

        step_to("#content-main table a")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#danger")
        step_to("#content-main nav a[href$='/sessions/']")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("text=Chrome on Windows")
        step_to("#content-main table button")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("text=Signed in nowhere.")
    assert Session.collection().count_documents({}) == 0


def test_without_scripts(address: str) -> None:
    with open_page() as first:
        context = first.context.browser.new_context(java_script_enabled=False)
        tab = context.new_page()
        sign_in(tab, address)
        tab.check(f"input[value='{id_of('mod')}']")
        tab.select_option("[name=action]", "block")
        tab.click("text=Go on")
        tab.fill("[name=reason]", "abuse")
        tab.fill("[name=number]", "1")
        tab.click("text=Block: 1")
        tab.wait_for_selector("text=1 of 1 done.")
        tab.goto(f"{address}{id_of('formula')}/")
        tab.fill("#erase", "formula@example.org")
        tab.click("form[action$='/erase/'] button")
        tab.wait_for_selector("text=Download as JSON")
        tab.goto(f"{address}{id_of('bob')}/")
        tab.click("text=Unblock")
        tab.wait_for_selector("text=Unblocked.")
        context.close()
    assert User.find_by_email("formula@example.org") is None
