"""The package ``@chabaduniverse/auth`` 0.1.0 as npm has it, in Chromium, against the server."""

import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from contrib.universe.browser.conftest import Portal, Serve, opened
from support.chromium import needs
from support.merkos import token
from support.universe import COOKIE

from chabad_auth_django.models import Activity, Analytics, AppData, Profile, Session, User

pytestmark = [needs("node", "npm"), pytest.mark.slow, pytest.mark.browser]


def eventually(count: Any, wanted: int) -> None:
    """Wait until there are as many, and no more a moment later."""
    until = time.monotonic() + 20
    while count() != wanted and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(0.3)
    assert count() == wanted


def views() -> int:
    return int(Activity.objects(event_type="page_view").count())


def test_signing_in_by_cookie_and_out(portal: Portal) -> None:
    portal.open()
    assert portal.tab.inner_text("#nobody")
    portal.sign_in(token("beth", name="Beth", age=2))
    cookie = portal.cookies[COOKIE]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    assert portal.run("return document.cookie") == ""
    assert portal.tab.inner_text("h1") == "Beth"
    assert portal.run("return client.identity.identity.linkedAccounts") == ["merkos", "chabad-org"]
    found = portal.fetch("GET", "/api/sso/status")
    assert found["body"]["user"]["name"] == "Beth"

    enrichment = portal.run("return await client.enrichment.refresh()")
    assert enrichment["organizations"] == [{"id": "1", "name": "Friends of beth"}]
    assert enrichment["roles"] == []

    portal.run("await client.identity.logout()")
    portal.tab.wait_for_selector("#nobody")
    assert COOKIE not in portal.cookies
    assert Session.objects.count() == 0
    # What scripts of the host set: a token from before the logout signs nobody in.
    portal.run("document.cookie = args[0]", f"{COOKIE}={token('beth', age=1)}; path=/")
    portal.open()
    assert portal.tab.inner_text("#nobody")
    later = token("beth", age=-2)
    portal.run("document.cookie = args[0]", f"{COOKIE}={later}; path=/; max-age=3600")
    portal.open()
    assert portal.tab.inner_text("h1") == "Beth"
    assert portal.fetch("POST", "/api/sso/logout")["body"] == {"status": "success"}
    portal.open()
    assert portal.tab.inner_text("#nobody")


def test_a_session_of_the_django_project_names_the_user_too(portal: Portal, tmp_path: Path) -> None:
    tab = portal.tab
    tab.goto(f"{portal.address}/accounts/signup/")
    tab.fill("[name=email]", "ann@example.org")
    tab.fill("[name=password1]", "correct horse battery")
    tab.click("form[action='/accounts/signup/'] button[type=submit]")
    code = re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", (tmp_path / "server.log").read_text(), re.M)
    tab.fill("[name=code]", code[-1])
    tab.click("form:has([name=code]) button[type=submit]")
    tab.wait_for_load_state()
    portal.open()
    assert tab.inner_text("h1") == "ann"
    portal.run("await client.profile.updateProfile({displayName: 'Ann'})")
    # A cookie that a page of another subdomain has planted.
    portal.run("document.cookie = args[0]", f"{COOKIE}={token('thief')}; path=/")
    answer = portal.fetch("GET", "/api/auth/me")
    assert (answer["status"], answer["body"]["code"]) == (401, "different_users")
    portal.open()
    portal.run("await client.identity.logout()")
    assert {COOKIE, "sessionid"}.isdisjoint(portal.cookies)
    portal.open()
    assert tab.inner_text("#nobody")
    # Somebody else signs in with a token: the session of the Django project ends.
    tab.goto(f"{portal.address}/accounts/login/")
    tab.fill("[name=login]", "ann@example.org")
    tab.fill("[name=password]", "correct horse battery")
    tab.click("form[action='/accounts/login/'] button[type=submit]")
    tab.wait_for_selector(".frame")
    portal.sign_in(token("beth", name="Beth"))
    assert tab.inner_text("h1") == "Beth"
    assert "sessionid" not in portal.cookies


def test_a_stale_bearer_locks_nobody_out(signed_in: Portal) -> None:
    signed_in.run("localStorage.setItem('universe_jwt_token', 'stale')")
    signed_in.open()
    assert signed_in.tab.inner_text("h1") == "Beth"
    linked = signed_in.run("return await client.identity.linkMerkos(args[0])", token("beth"))
    assert linked["success"] and linked["identity"]["merkosUserId"] == "beth"
    refused = signed_in.run("return await client.identity.linkMerkos('nonsense')")
    assert refused == {"success": False, "error": "The Merkos token is invalid or expired."}
    assert signed_in.run("return client.identity.identity.displayName") == "Beth"


def test_profile(signed_in: Portal) -> None:
    profile = Profile.objects.get
    signed_in.run("await client.profile.updateProfile({displayName: 'Bet', bio: 'שלום'})")
    signed_in.until("client.profile.profile.displayName === 'Bet'")
    assert profile().bio == "שלום"
    signed_in.run("await client.profile.setMetadata('city', {name: 'Haifa'})")
    signed_in.run("await client.profile.setMetadata('n', 1)")
    assert profile().metadata == {"city": {"name": "Haifa"}, "n": 1}
    signed_in.run("await client.profile.deleteMetadata('city')")
    assert profile().metadata == {"n": 1}
    signed_in.run("await client.profile.updateProfile({avatar: 'https://x.org/a.png'})")
    assert profile().avatar.thumbnail_url == "https://x.org/a.png"
    signed_in.open()
    assert signed_in.run("return client.profile.profile.avatar") == "https://x.org/a.png"
    failed = "try { await client.profile.updateProfile({avatar: '/x'}) } catch { return true }"
    assert signed_in.run(failed)
    assert signed_in.run("return client.profile.profile.bio") == "שלום"


def test_preferences_widgets_and_favourites(signed_in: Portal, raw: Any) -> None:
    signed_in.run(
        "await client.preferences.updatePreferences({theme: 'dark', timezone: 'Asia/Tokyo'})"
    )
    signed_in.tab.wait_for_selector("[data-theme=dark]")
    for code in (
        "preferences.addFavoriteApp('a')",
        "preferences.addFavoriteApp('b')",
        "preferences.removeFavoriteApp('a')",
        "preferences.toggleSection('news')",
        "preferences.updateWidgetOrder(['w2', 'w1'])",
        "preferences.setCustomSetting('a', [1])",
        "preferences.setCustomSetting('b', 2)",
        "preferences.deleteCustomSetting('b')",
        "widgets.updateWidgetPreferences('w1', {settings: {t: 2}, position: {x: 1, y: 0}})",
        "widgets.toggleWidgetVisibility('w2')",
        "widgets.updateWidgetPosition('w2', {x: 3, y: 4, width: 1, height: 1})",
        "widgets.updateWidgetSettings('w1', {u: 3})",
        "widgets.toggleWidgetVisibility('w1')",
    ):
        signed_in.run(f"await client.{code}")
    stored = raw.preferences.find_one()
    assert stored["timezone"] == "Asia/Tokyo"
    assert stored["customSettings"] == {"a": [1]}
    assert (
        stored["dashboard"].items()
        >= {
            "favoriteApps": ["b"],
            "collapsedSections": ["news"],
            "widgetOrder": ["w2", "w1"],
        }.items()
    )
    assert stored["widgets"]["disabled"] == ["w1"]
    assert stored["widgets"]["customizations"] == {"w1": {"t": 2, "u": 3}}
    signed_in.open()
    assert signed_in.run("return client.preferences.preferences.widgets") == [
        {
            "widgetId": "w1",
            "visible": False,
            "settings": {"t": 2, "u": 3},
            "position": {"x": 1, "y": 0},
        },
        {
            "widgetId": "w2",
            "visible": True,
            "settings": {},
            "position": {"x": 3, "y": 4, "width": 1, "height": 1},
        },
    ]
    raw.preferences.delete_many({})
    signed_in.open()
    assert signed_in.run("return client.widgets.getWidgetPreferences('w1')") is None
    signed_in.run("await client.preferences.addFavoriteApp('a')")


def test_two_tabs_meet_a_conflict(signed_in: Portal) -> None:
    other = signed_in.another_tab()
    update = (
        "try { await client.appData.updateData(...args); return null } catch (e) { return `${e}` }"
    )
    signed_in.run("await client.appData.setData('notes', {a: 1})")
    other.run("await client.appData.loadAllData()")
    other.until("client.appData.getData('notes')?.version === 1")
    assert other.run(update, "notes", {"b": 2}) is None
    assert "Conflict" in signed_in.run(update, "notes", {"a": 3})
    assert AppData.objects.get().data_value == {"a": 1, "b": 2}
    signed_in.run("await client.appData.loadAllData()")
    signed_in.until("client.appData.getData('notes')?.version === 2")
    assert signed_in.run(update, "notes", {"a": 3}) is None
    assert AppData.objects.get().data_value == {"a": 3, "b": 2}
    # A widget that the other tab added stays, whatever this one knows.
    other.run("await client.widgets.updateWidgetSettings('theirs', {n: 1})")
    signed_in.run("await client.widgets.updateWidgetSettings('mine', {n: 2})")
    widgets = signed_in.run("return client.preferences.preferences.widgets")
    assert {widget["widgetId"] for widget in widgets} == {"theirs", "mine"}


def test_each_namespace_is_deleted_by_its_own_name(signed_in: Portal) -> None:
    names = [
        "a",
        "a/b",
        "a//b/",
        "שבת 1",
        "50%",
        "50%ש",
        "a?b",
        "a?x=1&x=2 y+z",
        "it's?'\"<>",
        "😀",
    ]
    for name in names:
        signed_in.run("await client.appData.setData(args[0], 1)", name)
    for count, name in enumerate(names, 1):
        signed_in.run("await client.appData.deleteData(args[0])", name)
        stored = {item.data_key for item in AppData.objects}
        assert stored == set(names[count:]), name
    refused = "try { await client.appData.setData(args[0], 1) } catch { return true }"
    for name in ("a#b", "..", "%41", "a\\b", "a ", " a", "?a"):
        assert signed_in.run(refused, name)
    signed_in.run("await client.appData.deleteData('gone')")
    assert AppData.objects.count() == 0


def test_rules_and_analytics(signed_in: Portal) -> None:
    signed_in.until("client.authorization.rules || client.authorization.can('read')")
    assert signed_in.run("return client.authorization.can('read')") is True
    assert signed_in.run("return client.authorization.can('write')") is False
    signed_in.open("role=admin")
    signed_in.until("client.authorization.can('anything')")
    expected = {"view": "custom", "buy": "conversion", "Error": "error", "LCP": "custom"}
    tracked = Analytics.objects(event_name__in=list(expected))
    signed_in.run("client.analytics.trackPageView('/p', {ref: 'x'})")
    signed_in.run("client.analytics.trackConversion('shop', 'buy', 3)")
    signed_in.run(
        "const e = new Error('m'); e.stack = 'x'.repeat(90000); client.analytics.trackError(e)"
    )
    signed_in.run("client.analytics.trackPerformance('LCP', 1.5)")
    eventually(tracked.count, 4)
    assert {item.event_name: item.event_category for item in tracked} == expected


def test_an_answer_that_is_lost_stores_nothing_twice(signed_in: Portal) -> None:
    lost: list[int] = []

    def lose(route: Any) -> None:
        answer = route.fetch()
        lost.append(answer.status)
        route.abort() if len(lost) <= 2 else route.fulfill(response=answer)

    signed_in.tab.route("**/api/activity/batch", lose)
    for number in range(12):
        signed_in.run("client.activity.trackPageView(`/p${args[0]}`)", number)
    until = time.monotonic() + 15
    while not signed_in.run(
        "await client.activity.flushEvents(); return client.activity.totalEventsSent >= 12"
    ):
        assert time.monotonic() < until
    assert lost[:2] == [200, 200]
    eventually(views, 12)


def test_the_queue_of_an_outage_is_stored_once(bundle: str, serve: Serve) -> None:
    with ExitStack() as browser:
        with serve() as address:
            portal = browser.enter_context(opened(bundle, address))
            portal.sign_in(token("beth"))
        portal.run("for (let n = 0; n < 3000; n++) client.activity.trackPageView(`/p${n}`)")
        portal.tab.wait_for_timeout(1_000)
        assert portal.run("return client.activity.totalEventsSent") == 0
        with serve():
            until = time.monotonic() + 60
            flush = "await client.activity.flushEvents(); return client.activity.totalEventsSent"
            while portal.run(flush) < 3000:
                assert time.monotonic() < until
            eventually(views, 3000)


def test_two_users_see_nothing_of_each_other(signed_in: Portal, bundle: str) -> None:
    signed_in.run("await client.profile.setMetadata('secret', 'of beth')")
    signed_in.run("await client.appData.setData('k', 'of beth')")
    signed_in.run("client.activity.trackPageView('/beth'); await client.activity.flushEvents()")
    mine = signed_in.run("return client.identity.identity.universeUserId")
    with signed_in.another_profile() as other:
        other.sign_in(token("avi", name="Avi"))
        assert other.tab.inner_text("h1") == "Avi"
        assert other.run("return client.profile.profile.metadata") == {}
        for path in (
            f"/api/profile/{mine}",
            f"/api/preferences/{mine}",
            f"/api/app-data/{mine}/portal",
        ):
            assert other.fetch("GET", path)["status"] == 403
        for method, path, body in (
            ("PATCH", f"/api/profile/{mine}", {"bio": "x"}),
            ("PATCH", f"/api/preferences/{mine}", {"theme": "dark"}),
            ("PATCH", f"/api/preferences/{mine}/widgets", {"widgets": []}),
            ("POST", f"/api/app-data/{mine}/portal", {"namespace": "k", "data": "x"}),
            ("DELETE", f"/api/app-data/{mine}/portal/k", None),
            ("POST", "/api/activity/batch", {"userId": mine, "events": []}),
            ("POST", "/api/analytics", {"userId": mine, "type": "event", "action": "x"}),
        ):
            assert other.fetch(method, path, body)["status"] == 403, path
    assert AppData.objects.get().data_value == "of beth"
    beth = User.find_by_email("beth@example.org")
    assert beth is not None and str(beth.id) == mine
