"""The portal of the example project, as a person uses it in Chromium."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from example_project.browser.conftest import PASSWORD, Serve, Visitor, visit
from support.chromium import needs_chromium

from chabad_auth_django.models import AppData, Preferences, Profile, User

pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.browser]


def fulfil(route: Any, **answer: Any) -> None:
    route.fulfill(**answer)


def texts(visitor: Visitor, selector: str) -> list[str]:
    found: list[str] = visitor.tab.locator(selector).evaluate_all(
        "all => all.map(one => one.matches('input') ? one.value : one.textContent)"
    )
    return found


def test_from_the_sign_up_to_a_page_that_follows_the_preferences(visitor: Visitor) -> None:
    tab = visitor.tab
    visitor.sign_up("ann@example.org")
    assert tab.inner_text("h1").endswith(", ann")
    # No script can read what signs the person in.
    session = next(one for one in tab.context.cookies() if one["name"] == "sessionid")
    assert session["httpOnly"]
    assert tab.evaluate("localStorage.length") == 0

    visitor.open("profile")
    tab.fill("#profile-displayName", "Ann Cohen")
    tab.fill("#profile-avatar", "no address")
    tab.click("#profile-save")
    tab.wait_for_selector("#profile-avatar[aria-invalid]")
    assert tab.input_value("#profile-displayName") == "Ann Cohen"
    tab.fill("#profile-avatar", "")
    tab.click("#profile-save")
    tab.wait_for_selector(".portrait strong:has-text('Ann Cohen')")
    assert Profile.objects.get().display_name == "Ann Cohen"

    visitor.open("settings")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = tab.evaluate(ground)
    tab.check("#theme-dark")
    assert tab.evaluate(ground) != light
    tab.check("#language-he")
    tab.wait_for_selector("html[lang=he][dir=rtl]")
    tab.wait_for_selector("h1:has-text('הגדרות')")
    assert tab.evaluate("document.activeElement.id") == "language-he"
    tab.wait_for_function(
        "() => document.cookie.includes('portal_theme=dark')"
        " && document.cookie.includes('django_language=he')"
    )
    visitor.settled(lambda: Preferences.objects.get().language == "he")
    # What the server sends has both already; the script has nothing to correct.
    page = tab.request.get(f"{visitor.address}/").text()
    assert 'lang="he" dir="rtl" data-theme="dark"' in page
    tab.reload()
    tab.wait_for_selector("h1:has-text('הגדרות')")
    assert tab.is_checked("#theme-dark")
    assert tab.evaluate(ground) != light


def test_two_tabs_meet_a_conflict_and_lose_nothing(visitor: Visitor) -> None:
    visitor.sign_up("avi@example.org")
    visitor.add_item("bread")
    other = visitor.other_tab()
    other.open("home")
    other.add_item("wine")
    visitor.tab.fill("#new-item", "candles")
    visitor.tab.press("#new-item", "Enter")
    visitor.tab.wait_for_selector(".conflict")
    assert texts(visitor, ".sides section:nth-child(1) li") == ["○ bread", "○ candles"]
    assert texts(visitor, ".sides section:nth-child(2) li") == ["○ bread", "○ wine"]
    assert [item["text"] for item in AppData.objects.get().data_value["items"]] == ["bread", "wine"]
    visitor.tab.click("#keep-mine")
    visitor.tab.wait_for_selector(".conflict", state="detached")
    visitor.tab.wait_for_selector(".state:has-text('version 3')")

    other.tab.fill("#new-item", "honey")
    other.tab.press("#new-item", "Enter")
    other.tab.wait_for_selector(".conflict")
    other.tab.reload()
    other.tab.click("#take-theirs")
    other.tab.wait_for_selector(".conflict", state="detached")
    assert texts(other, ".check [type=text]") == ["bread", "candles"]
    assert AppData.objects.get().version == 3

    # Of two changes of the dashboard both stay, though neither tab saw the other's.
    for tab in (visitor.tab, other.tab):
        tab.click("#arrange")
    visitor.tab.click("#hide-apps")
    visitor.tab.wait_for_selector("#show-apps")
    other.tab.click("#hide-recent")
    other.tab.wait_for_selector("#show-recent")
    assert set(Preferences.objects.get().widgets.disabled) == {"apps", "recent"}
    assert other.tab.locator("#show-apps").count() == 1

    for one in (visitor, other):
        one.open("profile")
    visitor.tab.fill("#profile-bio", "Bakes")
    visitor.tab.click("#profile-save")
    visitor.tab.wait_for_selector(".notice:has-text('Saved')")
    other.tab.fill("#profile-bio", "Sings")
    other.tab.click("#profile-save")
    other.tab.wait_for_selector(".conflict")
    assert Profile.objects.get().bio == "Bakes"
    other.tab.click("#keep-mine")
    other.tab.wait_for_selector(".notice:has-text('Saved')")
    assert Profile.objects.get().bio == "Sings"


def test_nobody_sees_what_is_anothers(visitor: Visitor) -> None:
    visitor.sign_up("gil@example.org")
    visitor.add_item("of gil")
    gil = visitor.tab.evaluate("fetch('/api/auth/me/').then(a => a.json()).then(a => a.id)")
    second = visitor.other_browser()
    second.sign_up("rut@example.org")
    assert "of gil" not in second.tab.content()
    statuses = second.tab.evaluate(
        """async (id) => Promise.all(["", "profile/", "preferences/", "activities/", "analytics/",
            "app-data/checklist/items/", "export/"].map(
            (path) => fetch(`/api/users/${id}/${path}`).then((answer) => answer.status)))""",
        gil,
    )
    assert set(statuses) == {403}

    # Gil signs out in another browser what she left open here; what she typed is kept.
    elsewhere = visitor.other_browser()
    elsewhere.sign_in("gil@example.org")
    elsewhere.open("settings")
    visitor.tab.fill("#new-item", "half typed")
    elsewhere.tab.click(".end-session")
    elsewhere.tab.wait_for_selector(".end-session", state="detached")
    visitor.tab.press("#new-item", "Enter")
    visitor.tab.wait_for_selector("dialog.opaque")
    visitor.sign_in("gil@example.org")
    visitor.tab.wait_for_selector(".state:has-text('version 2')")
    assert texts(visitor, ".check [type=text]") == ["of gil", "half typed"]

    # Rut takes over this browser in another tab; the first one shows and stores nothing more.
    visitor.tab.fill("#new-item", "too late")
    other = visitor.other_tab()
    other.tab.goto(f"{visitor.address}/")
    other.tab.click("#sign-out")
    other.tab.wait_for_selector("body.welcome")
    other.sign_in("rut@example.org")
    visitor.tab.press("#new-item", "Enter")
    visitor.tab.wait_for_selector(".state.failed, dialog.opaque")
    visitor.tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    visitor.tab.wait_for_selector("dialog.opaque")
    assert AppData.objects.count() == 1
    visitor.tab.click("dialog.opaque a")
    visitor.tab.wait_for_selector("h1:has-text('rut')")
    assert "gil" not in visitor.tab.inner_text("body")
    assert "too late" not in visitor.tab.content()


def test_everything_works_by_keyboard(visitor: Visitor) -> None:
    visitor.sign_up("dan@example.org")
    tab, keys = visitor.tab, visitor.tab.keyboard

    def focused() -> str:
        # What has the focus shows it.
        found, outline = tab.evaluate(
            """() => { const one = document.activeElement.closest('.choices label')
                ?? document.activeElement;
            return [document.activeElement.id, getComputedStyle(one).outlineStyle]; }"""
        )
        # After the last one comes the browser itself.
        assert outline == "solid" or found == "", found
        return str(found)

    def tab_to(wanted: str) -> None:
        for _ in range(80):
            keys.press("Tab")
            if focused() == wanted:
                return
        raise AssertionError(wanted)

    tab.evaluate("document.activeElement.blur()")
    keys.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"
    tab_to("arrange")
    keys.press("Enter")
    tab_to("hold-today")
    keys.press("ArrowRight")
    tab.wait_for_selector("[role=status]:has-text('Today is at place 2 of 5')")
    assert focused() == "hold-today"
    keys.press("ArrowRight")
    tab.wait_for_selector("[role=status]:has-text('place 3 of 5')")
    tab_to("hide-today")
    keys.press("Enter")
    tab.wait_for_selector("#show-today")
    assert focused() == "show-today"
    keys.press("Enter")
    tab.wait_for_selector("#hold-today")
    shown = Preferences.objects.get().widgets.enabled
    assert shown == ["checklist", "apps", "figures", "recent", "today"]

    tab_to("new-item")
    keys.type("bread")
    keys.press("Enter")
    tab.wait_for_selector(".state:has-text('version 1')")
    assert focused() == "new-item"
    tab_to("choose-apps")
    keys.press("Enter")
    tab_to("favourite-study")
    keys.press("Space")
    tab.wait_for_selector("#favourite-study[aria-pressed=true]")
    assert focused() == "favourite-study"
    keys.press("Escape")
    tab.wait_for_selector("dialog", state="detached")
    assert focused() == "choose-apps"

    visitor.open("settings")
    tab_to("theme-auto")
    keys.press("ArrowLeft")
    tab.wait_for_selector("html[data-theme=dark]")
    visitor.settled(lambda: Preferences.objects.get().theme == "dark")
    tab_to("language-en")
    keys.press("ArrowRight")
    tab.wait_for_selector("html[dir=rtl]")
    assert focused() == "language-he"


def test_nothing_typed_is_lost_while_the_server_is_away(serve: Serve) -> None:
    with visit(serve) as visitor:
        tab = visitor.tab
        with serve():
            visitor.sign_up("ann@example.org")
            visitor.add_item("bread")
            # What stands between answers in other words, or says to wait.
            for status, headers, told in (
                (502, {"Content-Type": "text/html"}, "cannot answer"),
                (503, {"Content-Type": "text/html", "Retry-After": "5"}, "cannot answer"),
                (429, {"Content-Type": "application/json", "Retry-After": "7"}, "in 7 s"),
            ):
                body = json.dumps({"code": "throttled", "detail": "x"}) if status == 429 else "<p>"
                answer = partial(fulfil, status=status, headers=headers, body=body)
                tab.route("**/app-data/**", answer)
                visitor.tab.click(".check [type=checkbox]")
                tab.wait_for_selector(f".state.failed:has-text('{told}')")
                tab.unroute("**/app-data/**")
            tab.click("#save-again")
            tab.wait_for_selector(".state:has-text('version 2')")
        tab.fill("#new-item", "wine")
        tab.press("#new-item", "Enter")
        tab.wait_for_selector(".state.failed:has-text('No connection')")
        tab.click("#menu-profile")
        tab.fill("#profile-bio", "typed in the dark")
        tab.click("#profile-save")
        tab.wait_for_selector(".trouble:has-text('No connection')")
        tab.click("#menu-activity")
        tab.wait_for_selector(".trouble button")
        with serve():
            tab.click(".trouble button >> nth=0")
            tab.wait_for_selector(".chart rect")
            # The button is gone: the keyboard goes on where it was.
            assert tab.evaluate("document.activeElement.matches('[tabindex]:has(.chart)')")
            refused = partial(fulfil, status=503, headers={}, body="")
            tab.route("**/api/**", refused)
            tab.reload()
            tab.wait_for_selector(".farewell h1:has-text('cannot be reached')")
            tab.unroute("**/api/**")
            tab.click(".farewell .button >> nth=0")
            tab.wait_for_selector("#menu-home")
            tab.reload()
            tab.wait_for_selector("#menu-home")
            tab.click("#menu-home")
            tab.wait_for_selector(".state:has-text('version 3')")
            tab.click("#menu-profile")
            assert tab.input_value("#profile-bio") == "typed in the dark"
            tab.click("#profile-save")
            tab.wait_for_selector(".notice:has-text('Saved')")
        stored = AppData.objects.get().data_value["items"]
        assert [(item["text"], item["done"]) for item in stored] == [
            ("bread", True),
            ("wine", False),
        ]
        assert Profile.objects.get().bio == "typed in the dark"


@pytest.mark.parametrize("width", [360, 1280])
def test_what_is_long_has_room(width: int, visitor: Visitor) -> None:
    tab = visitor.tab
    visitor.sign_up(f"long{width}@example.org")
    visitor.open("profile")
    tab.fill("#profile-displayName", "Rivka Shoshana Feigenbaum-Liebermann")
    tab.click("#profile-save")
    tab.wait_for_selector(".notice:has-text('Saved')")
    tab.set_viewport_size({"width": width, "height": 800})
    visitor.open("home")
    if width == 1280:
        button, heading = box(tab, "#arrange"), box(tab, "h1")
        assert button["x"] >= heading["x"] + heading["width"]
    tab.wait_for_selector(".chart text")
    chart = box(tab, ".chart")
    for label in tab.query_selector_all(".chart text"):
        place = label.bounding_box()
        assert chart["x"] - 1 <= place["x"]
        assert place["x"] + place["width"] <= chart["x"] + chart["width"] + 1
    tab.click("#arrange")
    for name in ("today", "checklist", "apps", "figures", "recent"):
        title = box(tab, f"#{name}-title")
        assert box(tab, f"[data-widget={name}] .tools")["y"] >= title["y"] + title["height"]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_what_other_programs_stored_leaves_no_page_blank(visitor: Visitor, raw: Any) -> None:
    visitor.sign_up("odd@example.org")
    odd: dict[str, Any] = {"name": 5, "createdAt": "x", "lastLogin": []}
    raw.users.update_one({}, {"$set": odd})
    raw.profiles.update_one({}, {"$set": {"displayName": ["a"], "bio": 7, "avatar": {"url": 5}}})
    widgets = {"enabled": ["today", "today", "constructor"], "disabled": None}
    apps = {"favoriteApps": ["study", "study", "toString", 7]}
    chosen = {"theme": {}, "language": "valueOf", "widgets": widgets, "dashboard": apps}
    raw.preferences.update_one({}, {"$set": chosen})
    raw.activities.update_many({}, {"$set": {"eventType": None, "appId": 4}})
    items = {"items": [None, 5, {"text": 5}, {"id": "a", "text": "bread"}]}
    (user,) = raw.users.find()
    key = {"userId": user["_id"], "appId": "checklist", "dataKey": "items"}
    raw.appdatas.insert_one({**key, "dataValue": items, "version": 1})
    errors: list[str] = []
    visitor.tab.on("pageerror", lambda error: errors.append(str(error)))
    visitor.tab.goto("about:blank")
    for view in ("home", "profile", "activity", "settings"):
        visitor.open(view)
    visitor.tab.goto(f"{visitor.address}/#/constructor")
    visitor.tab.wait_for_selector("#menu-home[aria-current]")
    assert visitor.tab.locator("[data-widget=today], li.app").count() == 2
    visitor.tab.wait_for_selector("li.check")
    assert visitor.tab.locator("li.check").count() == 1
    assert errors == []


def box(tab: Any, selector: str) -> Any:
    """Return where the element is."""
    return tab.query_selector(selector).bounding_box()


def test_a_person_takes_their_data_out_and_erases_themselves(visitor: Visitor) -> None:
    tab = visitor.tab
    visitor.sign_up("fay@example.org")
    visitor.add_item("bread")
    visitor.open("settings")
    with tab.expect_download() as download:
        tab.click("#export")
    exported = json.loads(download.value.path().read_text())
    assert exported["counts"][AppData.collection().name] == 1
    tab.click("#erase")
    tab.fill("#erase-confirm", "eve@example.org")
    tab.click("#erase-now")
    tab.wait_for_selector("#erase-wrong:not(:empty)")
    assert User.objects.count() == 1
    tab.fill("#erase-confirm", "fay@example.org")
    tab.click("#erase-now")
    tab.wait_for_selector("#farewell")
    assert User.objects.count() == Profile.objects.count() == AppData.objects.count() == 0
    tab.click(".farewell a")
    tab.wait_for_selector("body.welcome")
    # The account is gone too.
    tab.goto(f"{visitor.address}/accounts/login/")
    tab.fill("[name=login]", "fay@example.org")
    tab.fill("[name=password]", PASSWORD)
    tab.click("form[action='/accounts/login/'] button[type=submit]")
    tab.wait_for_selector(".errorlist")
