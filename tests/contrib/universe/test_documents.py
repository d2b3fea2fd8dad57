"""Profile and preferences: what is merged, what is replaced, and what other programs stored."""

from typing import Any

import pytest
from support.commands import CommandCounter
from support.universe import FrontEnd, check_error

from chabad_auth_django.models import Preferences, User


def profile(page: FrontEnd) -> dict[str, Any]:
    answer = page.get("profile/me")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["success"] is True and body["data"] == body["profile"]
    return dict(body["profile"])


def preferences(page: FrontEnd) -> dict[str, Any]:
    answer = page.get("preferences/me")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["success"] is True and body["data"] == body["preferences"]
    return dict(body["preferences"])


def test_only_the_owner_and_administrators_reach_documents(page: FrontEnd, me: User) -> None:
    stranger = User.create_user(email="s@example.org", auth_methods=["google"])
    for path in ("profile", "preferences"):
        assert page.get(f"{path}/{me.id}").json()[path]["userId"] == str(me.id)
        for other in ("user123", str(stranger.id), str(me.id).upper() + "0", "undefined"):
            check_error(page.get(f"{path}/{other}"), 403)
            check_error(page.patch(f"{path}/{other}", {"theme": "dark"}), 403)
        check_error(FrontEnd().get(f"{path}/me"), 401)
        check_error(page.get(f"{path}/"), 404)
        check_error(page.send("DELETE", f"{path}/me"), 405)
    me.add_role("admin")
    for path in ("profile", "preferences"):
        assert page.get(f"{path}/{stranger.id}").json()[path]["userId"] == str(stranger.id)
        check_error(page.get(f"{path}/user123"), 404)
        check_error(page.get(f"{path}/{'0' * 24}"), 404)


def test_a_profile_leaves_out_what_it_does_not_have(page: FrontEnd, me: User) -> None:
    found = profile(page)
    assert found.keys() == {"userId", "metadata", "createdAt", "updatedAt"}
    assert (found["userId"], found["metadata"]) == (str(me.id), {})
    sent = {
        "displayName": "Beth",
        "bio": "x",
        "avatar": "https://x.org/a.png",
        "metadata": {"a": 1},
    }
    answer = page.patch("profile/me", {**found, **sent})
    assert answer.status_code == 200
    assert profile(page).items() >= sent.items()
    for empty in ("", None):
        assert page.patch("profile/me", {"displayName": empty, "bio": empty, "avatar": empty})
        assert profile(page).keys() == found.keys()


def test_metadata_is_replaced_and_a_picture_changes_with_its_thumbnail(
    page: FrontEnd, raw: Any
) -> None:
    page.patch("profile/me", {"metadata": {"a": 1, "b": {"c": 2}}})
    page.patch("profile/me", {"metadata": {"b": {"d": 3}}})
    assert profile(page)["metadata"] == {"b": {"d": 3}}
    stored = {"url": "https://x.org/1.png", "thumbnailUrl": "https://x.org/t.png", "alt": "me"}
    raw.profiles.update_one({}, {"$set": {"avatar": stored}})
    page.patch("profile/me", {"avatar": "https://x.org/1.png"})
    assert raw.profiles.find_one()["avatar"] == stored
    page.patch("profile/me", {"avatar": "https://x.org/2.png"})
    two = "https://x.org/2.png"
    assert raw.profiles.find_one()["avatar"] == {"url": two, "thumbnailUrl": two, "alt": "me"}


def test_what_is_refused_in_a_profile(page: FrontEnd) -> None:
    page.patch("profile/me", {"metadata": {"kept": 1}})
    for body in (
        {"roles": ["admin"]},
        {"_id": "x"},
        {"avatar": "/me.png"},
        {"avatar": "data:image/png;base64,AA=="},
        {"avatar": "javascript:alert(1)"},
        {"avatar": {"url": "https://x.org/a.png"}},
        {"bio": "x" * 501},
        {"metadata": {"a.b": 1}},
        {"metadata": {"$set": 1}},
        {"metadata": ["x"]},
        {"metadata": []},
        {"metadata": 0},
        {"metadata": False},
        {"metadata": {"a": "x" * 17_000}},
        {"displayName": 7},
        ["x"],
    ):
        check_error(page.patch("profile/me", body), 400)
    assert profile(page)["metadata"] == {"kept": 1}
    for nothing in (None, "", {}):
        page.patch("profile/me", {"metadata": {"kept": 1}})
        assert page.patch("profile/me", {"metadata": nothing}).status_code == 200
        assert profile(page)["metadata"] == {}


def test_keys_with_dots_that_are_stored_are_taken_back(page: FrontEnd, raw: Any) -> None:
    odd = {"a.b": 1, "$x": {"c.d": [{"e.f": 2}]}}
    raw.profiles.update_one({}, [{"$set": {"metadata": {"$literal": odd}}}])
    raw.preferences.update_one({}, [{"$set": {"customSettings": {"$literal": odd}}}])
    metadata = profile(page)["metadata"]
    assert metadata == odd
    assert page.patch("profile/me", {"metadata": {**metadata, "new": 1}}).status_code == 200
    assert raw.profiles.find_one()["metadata"] == {**odd, "new": 1}
    settings = {**preferences(page)["customSettings"], "new": 1}
    assert page.patch("preferences/me", {"customSettings": settings}).status_code == 200
    assert raw.preferences.find_one()["customSettings"] == settings
    check_error(page.patch("profile/me", {"metadata": {**metadata, "g.h": 1}}), 400)
    # A picture that other programs stored is no reason to refuse the rest.
    raw.profiles.update_one({}, {"$set": {"avatar": {"url": "/me.png"}}})
    assert page.patch("profile/me", {"avatar": "/me.png", "bio": "x"}).status_code == 200


def test_what_is_stored_and_too_large_can_be_made_smaller(page: FrontEnd, raw: Any) -> None:
    large = {"a": "x" * 20_000, "b": 1}
    raw.profiles.update_one({}, {"$set": {"metadata": large}})
    raw.preferences.update_one({}, {"$set": {"customSettings": large}})
    for path, field in (("profile/me", "metadata"), ("preferences/me", "customSettings")):
        check_error(page.patch(path, {field: {**large, "c": 1}}), 400)
        assert page.patch(path, {field: {"a": large["a"]}}).status_code == 200
        check_error(page.patch(path, {field: large}), 400)


def test_names_that_are_stored_are_taken_back_whatever_they_are(page: FrontEnd, raw: Any) -> None:
    odd = ["", "x" * 300, "a\nb", " a"]
    for part, name in (
        ("dashboard", "favoriteApps"),
        ("dashboard", "widgetOrder"),
        ("dashboard", "collapsedSections"),
        ("notifications", "types"),
    ):
        raw.preferences.update_one({}, {"$set": {f"{part}.{name}": odd}})
        assert preferences(page)[part][name] == odd
        for changed in ([*odd, "new"], odd[1:]):
            assert page.patch("preferences/me", {part: {name: changed}}).status_code == 200
            assert preferences(page)[part][name] == changed
        for new in ("", "y" * 300, "b\na", 7, None):
            check_error(page.patch("preferences/me", {part: {name: [new]}}), 400)


def test_the_preferences_have_every_list_and_object(page: FrontEnd, me: User, raw: Any) -> None:
    found = preferences(page)
    times = [found.pop("createdAt"), found.pop("updatedAt")]
    assert all(time.endswith("Z") for time in times)
    defaults = {
        "userId": str(me.id),
        "theme": "auto",
        "language": "en",
        "timezone": "UTC",
        "dashboard": {
            "layout": "grid",
            "defaultView": "overview",
            "favoriteApps": [],
            "widgetOrder": [],
            "collapsedSections": [],
        },
        "notifications": {"email": True, "push": True, "inApp": True, "types": []},
        "widgets": [],
        "customSettings": {},
    }
    assert found == defaults
    for value in (None, 7, [], [None], True):
        names = ("theme", "language", "timezone", "dashboard", "notifications", "widgets")
        odd = dict.fromkeys((*names, "customSettings", "createdAt"), value)
        raw.preferences.replace_one({"userId": me.id}, {"userId": me.id, **odd}, upsert=True)
        shown = preferences(page)
        assert {name: shown[name] for name in defaults} == defaults, value
    raw.preferences.delete_many({})
    raw.profiles.delete_many({})
    assert preferences(page).items() >= defaults.items()
    assert profile(page)["userId"] == str(me.id)


def test_who_has_no_documents_yet_gets_them_with_the_first_change(page: FrontEnd, raw: Any) -> None:
    for path, collection, body in (
        ("profile/me", "profiles", {"bio": "x"}),
        ("preferences/me", "preferences", {"theme": "dark"}),
        ("preferences/me/widgets", "preferences", {"widgets": []}),
    ):
        raw[collection].delete_many({})
        assert page.patch(path, body).status_code == 200
        assert (
            raw[collection].find_one().items()
            >= {name: value for name, value in body.items() if name != "widgets"}.items()
        )


def test_objects_are_merged_one_level_and_lists_replaced(page: FrontEnd, raw: Any) -> None:
    raw.preferences.update_one({}, {"$set": {"dashboard.theirs": 1, "notifications": None}})
    page.patch("preferences/me", {"dashboard": {"favoriteApps": ["a", "b"], "widgetOrder": ["w"]}})
    page.patch(
        "preferences/me", {"dashboard": {"favoriteApps": ["b"]}, "timezone": "Asia/Jerusalem"}
    )
    page.patch("preferences/me", {"notifications": {"types": ["news"], "push": False}})
    page.patch("preferences/me", {"theme": "dark", "language": "he", "customSettings": {"a": 1}})
    page.patch("preferences/me", {"customSettings": {"b": 2}, "updatedAt": "x"})
    found = preferences(page)
    assert found["dashboard"]["favoriteApps"] == ["b"]
    assert found["dashboard"]["widgetOrder"] == ["w"]
    assert found["notifications"] == {
        "email": True,
        "push": False,
        "inApp": True,
        "types": ["news"],
    }
    assert (found["theme"], found["language"], found["customSettings"]) == ("dark", "he", {"b": 2})
    assert found["timezone"] == "Asia/Jerusalem"
    assert raw.preferences.find_one()["dashboard"]["theirs"] == 1
    for body in (
        {"theme": "blue"},
        {"theme": None},
        {"language": "not a language"},
        {"dashboard": {"favoriteApps": "a"}},
        {"dashboard": {"roles": []}},
        {"dashboard": []},
        {"notifications": {"push": "yes"}},
        {"customSettings": {"a.b": 1}},
        {"customSettings": None},
        {"roles": ["admin"]},
    ):
        check_error(page.patch("preferences/me", body), 400)


def test_a_reset_keeps_what_the_specification_does_not_know(page: FrontEnd, me: User) -> None:
    page.patch("preferences/me", {"dashboard": {"widgetOrder": ["w"], "layout": "list"}})
    page.patch("preferences/me", {"notifications": {"types": ["news"], "email": False}})
    widget = {"widgetId": "w", "visible": False, "settings": {"t": 2}, "position": {"x": 1}}
    page.patch("preferences/me/widgets", {"widgets": [widget]})
    Preferences(user_id=me.id).reset_to_defaults()
    found = preferences(page)
    assert found["dashboard"]["layout"] == "grid"
    assert found["dashboard"]["widgetOrder"] == ["w"]
    assert found["notifications"]["email"] is True
    assert found["notifications"]["types"] == ["news"]
    assert found["widgets"] == [{**widget, "visible": True, "settings": {}}]


def test_readers_revalidate(page: FrontEnd) -> None:
    for path in ("profile/me", "preferences/me"):
        answer = page.get(path)
        assert answer["Cache-Control"] == "private, no-cache"
        again = page.get(path, HTTP_IF_NONE_MATCH=answer["ETag"])
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("method", "path", "body", "sent"),
    [
        ("GET", "profile/me", None, ["find"]),
        ("PATCH", "profile/me", {"bio": "x", "metadata": {"a": 1}}, ["findAndModify"]),
        ("GET", "preferences/me", None, ["find"]),
        ("PATCH", "preferences/me", {"dashboard": {"layout": "x"}}, ["findAndModify"]),
        (
            "PATCH",
            "preferences/me/widgets",
            {"widgets": [{"widgetId": "w", "visible": True, "settings": {"a": 1}}]},
            ["find", "findAndModify"],
        ),
    ],
)
def test_few_commands_are_sent(
    method: str, path: str, body: Any, sent: list[str], commands: CommandCounter, configure: Any
) -> None:
    with configure(MONGODB_OPTIONS={"event_listeners": [commands]}):
        page = FrontEnd()
        page.sign_in()
        commands.clear()
        assert page.send(method, path, body).status_code == 200
        assert commands.names == ["aggregate", *sent]
