"""What axe-core, from npm, finds in the portal and in the pages of accounts: nothing."""

import subprocess
from pathlib import Path

import pytest
from example_project.browser.conftest import Visitor
from support.chromium import needs

pytestmark = [needs("npm"), pytest.mark.slow, pytest.mark.browser]

FIND = """axe.run(document, {resultTypes: ["violations"]}).then(({violations, passes}) =>
    [passes.length, violations.map(({id, nodes}) => [id, nodes.map(({html}) => html)])])"""

#: Elements that reach out of the window at the side.
WIDER = """[...document.querySelectorAll("body *")].filter((one) => {
    const {width, left, right} = one.getBoundingClientRect();
    return width > 1 && (right > innerWidth + 1 || left < -1); }).map((one) => one.outerHTML)"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core."""
    folder: Path = tmp_path_factory.mktemp("axe")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    install = ["npm", "install", *quiet, "axe-core@4.10.3"]
    subprocess.run(install, cwd=folder, check=True, timeout=300)
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def test_axe_finds_nothing_in_both_languages_and_both_themes(visitor: Visitor, axe: str) -> None:
    tab = visitor.tab
    policy = "Refused to", "Content Security Policy"
    refused: list[str] = []
    tab.on(
        "console", lambda line: any(w in line.text for w in policy) and refused.append(line.text)
    )

    def look(where: str) -> None:
        tab.evaluate(axe)
        passes, found = tab.evaluate(FIND)
        assert (bool(passes), found) == (True, []), where
        assert tab.evaluate(WIDER) == [], where

    def set_cookies(**values: str) -> None:
        address = visitor.address
        tab.context.add_cookies(
            [{"name": name, "value": value, "url": address} for name, value in values.items()]
        )

    looks = [("en", "light"), ("he", "dark"), ("he", "light"), ("en", "dark")]
    for language, theme in looks:
        set_cookies(django_language=language, portal_theme=theme)
        for path in ("/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
            tab.goto(f"{visitor.address}{path}")
            look(f"{path} {language} {theme}")
    tab.set_viewport_size({"width": 360, "height": 740})
    look("sign-up at 360 px")
    visitor.sign_up("ivy@example.org")
    visitor.add_item("bread")
    for language, theme in looks:
        visitor.open("settings")
        tab.check(f"#theme-{theme}")
        tab.check(f"#language-{language}")
        tab.wait_for_selector(f"html[lang={language}][data-theme={theme}]")
        for view in ("settings", "profile", "activity", "home"):
            visitor.open(view)
            look(f"{view} {language} {theme}")
        tab.click("#arrange")
        look(f"arranging {language} {theme}")
        tab.click("#arrange")
        tab.click("#choose-apps")
        look(f"choosing apps {language} {theme}")
        tab.keyboard.press("Escape")
    for path in ("email/", "password/change/", "2fa/", "logout/"):
        tab.goto(f"{visitor.address}/accounts/{path}")
        look(path)
    assert refused == []
