from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database
from support.api_model import DEFAULT_PREFERENCES
from support.cases import each

from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Preferences, User
from chabad_auth_django.models.preferences import MAX_NAMES


@pytest.fixture
def preferences(user: User) -> Preferences:
    return Preferences.find_by_user_id(user.id)


def stored_values(raw: Database) -> dict[str, Any]:
    stored = raw.preferences.find_one()
    return {name: stored[name] for name in DEFAULT_PREFERENCES}


def test_new_preferences_are_stored_with_the_defaults_and_nothing_else(
    raw: Database, user: User
) -> None:
    stored = raw.preferences.find_one()
    assert stored_values(raw) == DEFAULT_PREFERENCES
    others = {
        name: type(value) for name, value in stored.items() if name not in DEFAULT_PREFERENCES
    }
    assert others == {
        "__v": int,
        "_id": ObjectId,
        "userId": ObjectId,
        "createdAt": datetime,
        "updatedAt": datetime,
    }


@pytest.mark.parametrize(
    ("method", "arguments", "path", "before", "after"),
    [
        ("update_theme", ("dark",), "theme", "auto", "dark"),
        ("update_language", ("he",), "language", "en", "he"),
        ("update_language", ("zh-Hant-TW",), "language", "en", "zh-Hant-TW"),
        ("toggle_notification", ("push",), "notifications.push", True, False),
        ("toggle_notification", ("inApp",), "notifications.inApp", False, True),
        ("toggle_notification", ("email", True), "notifications.email", True, True),
        ("toggle_notification", ("email", False), "notifications.email", True, False),
        ("enable_widget", ("w",), "widgets.enabled", ["v"], ["v", "w"]),
        ("enable_widget", ("w",), "widgets.enabled", ["w"], ["w"]),
        ("enable_widget", ("w",), "widgets.disabled", ["w", "v"], ["v"]),
        ("disable_widget", ("w",), "widgets.disabled", [], ["w"]),
        ("disable_widget", ("w",), "widgets.enabled", ["w", "v"], ["v"]),
        (
            "set_widget_customization",
            ("w", {"size": 2}),
            "widgets.customizations",
            {"v": {}},
            {"v": {}, "w": {"size": 2}},
        ),
        (
            "set_widget_customization",
            ("w", {}),
            "widgets.customizations",
            {"w": {"size": 1}},
            {"w": {}},
        ),
        ("remove_widget", ("w",), "widgets.enabled", ["w", "v"], ["v"]),
        ("remove_widget", ("w",), "widgets.disabled", ["w"], []),
        ("remove_widget", ("w",), "widgets.customizations", {"w": {}, "v": {}}, {"v": {}}),
        ("remove_widget", ("a.b",), "widgets.enabled", ["a.b"], []),
        ("add_favorite_app", ("a.b",), "dashboard.favoriteApps", [], ["a.b"]),
        ("add_favorite_app", ("a",), "dashboard.favoriteApps", ["a"], ["a"]),
        ("remove_favorite_app", ("a",), "dashboard.favoriteApps", ["a", "b"], ["b"]),
        ("remove_favorite_app", ("x",), "dashboard.favoriteApps", ["a"], ["a"]),
    ],
)
def test_a_change_leaves_the_instance_as_it_is_stored(
    raw: Database,
    preferences: Preferences,
    method: str,
    arguments: tuple[Any, ...],
    path: str,
    before: Any,
    after: Any,
) -> None:
    raw.preferences.update_one({}, {"$set": {path: before}})
    getattr(preferences, method)(*arguments)
    stored: Any = raw.preferences.find_one()
    assert without_version(stored) == preferences.to_mongo()
    for part in path.split("."):
        stored = stored[part]
    assert stored == after


NOT_NAMES: list[Any] = [None, 5, b"x", ["x"], {"$gt": ""}, "", "\ud800", "a\0b", "x" * 256]


@each("value", NOT_NAMES, ids=lambda value: ascii(value)[:20])
@each(
    "method",
    [
        "update_theme",
        "update_language",
        "toggle_notification",
        "enable_widget",
        "disable_widget",
        "remove_widget",
        "add_favorite_app",
        "remove_favorite_app",
    ],
)
def test_a_value_that_breaks_a_rule_is_refused(
    raw: Database, preferences: Preferences, method: str, value: Any
) -> None:
    before = raw.preferences.find_one()
    with pytest.raises(ValidationError):
        getattr(preferences, method)(value)
    assert raw.preferences.find_one() == before


@each(
    ("method", "arguments"),
    [
        ("update_theme", ("Dark",)),
        ("update_language", ("english please",)),
        ("update_language", ("en\n",)),
        ("update_language", ("en-" + "abcdefgh-" * 4,)),
        ("toggle_notification", ("sms",)),
        ("toggle_notification", ("in_app",)),
        ("toggle_notification", ("push", "yes")),
        ("toggle_notification", ("push", 1)),
        ("set_widget_customization", ("", {})),
        ("set_widget_customization", ("a.b", {})),
        ("set_widget_customization", ("$a", {})),
        ("set_widget_customization", ({"$gt": ""}, {})),
        ("set_widget_customization", ("w", None)),
        ("set_widget_customization", ("w", [1])),
        ("set_widget_customization", ("w", {"$a": 1})),
        ("set_widget_customization", ("w", {"a": float("nan")})),
        ("set_widget_customization", ("w", {"a": "x" * 16_384})),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_argument_that_breaks_a_rule_is_refused(
    raw: Database, preferences: Preferences, method: str, arguments: tuple[Any, ...]
) -> None:
    before = raw.preferences.find_one()
    with pytest.raises(ValidationError):
        getattr(preferences, method)(*arguments)
    assert raw.preferences.find_one() == before


@pytest.mark.parametrize(
    "fields",
    [
        {"theme": {"$gt": ""}},
        {"theme": ["dark"]},
        {"language": 5},
        {"widgets": {"enabled": [""]}},
        {"widgets": {"customizations": {"$a": 1}}},
        {"dashboard": {"layout": ""}},
    ],
    ids=str,
)
def test_a_field_of_new_preferences_that_breaks_a_rule_is_refused(
    raw: Database, user: User, fields: dict[str, Any]
) -> None:
    raw.preferences.delete_many({})
    with pytest.raises(ValidationError):
        Preferences.create_preferences(user.id, **fields)


def test_reset_to_defaults_keeps_the_identity(raw: Database, preferences: Preferences) -> None:
    before = raw.preferences.find_one()
    preferences.update_theme("dark")
    preferences.enable_widget("w")
    preferences.set_widget_customization("w", {"a": 1})
    preferences.add_favorite_app("a")
    preferences.toggle_notification("push")
    preferences.reset_to_defaults()
    stored = raw.preferences.find_one()
    assert stored_values(raw) == DEFAULT_PREFERENCES
    assert without_version(stored) == preferences.to_mongo()
    assert [stored[name] == before[name] for name in ("_id", "userId", "createdAt")] == [True] * 3


@pytest.mark.parametrize("channel", ["email", "push", "inApp"])
def test_a_channel_that_is_not_stored_is_on_and_toggles_to_off(
    raw: Database, preferences: Preferences, channel: str
) -> None:
    raw.preferences.update_one({}, {"$unset": {"notifications": 1}})
    preferences.toggle_notification(channel)
    assert raw.preferences.find_one()["notifications"] == {channel: False}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("enable_widget", "widgets.enabled"),
        ("disable_widget", "widgets.disabled"),
        ("add_favorite_app", "dashboard.favoriteApps"),
    ],
)
def test_a_list_of_names_is_bounded_and_what_is_in_it_may_be_added_again(
    raw: Database, preferences: Preferences, method: str, path: str
) -> None:
    names = [str(n) for n in range(MAX_NAMES - 1)]
    raw.preferences.update_one({}, {"$set": {path: names}})
    getattr(preferences, method)("last")
    getattr(preferences, method)("0")
    with pytest.raises(ValidationError) as caught:
        getattr(preferences, method)("too many")
    assert list(caught.value.errors) == [path]


def test_customizations_have_a_limit_in_bytes_over_all_widgets(
    mongodb: str, raw: Database, preferences: Preferences
) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "METADATA_MAX_BYTES": 100}):
        preferences.set_widget_customization("a", {"x": "x" * 40})
        with pytest.raises(ValidationError):
            preferences.set_widget_customization("b", {"x": "x" * 40})
    assert list(raw.preferences.find_one()["widgets"]["customizations"]) == ["a"]


@pytest.mark.parametrize(
    "customization",
    [
        {f"key{n}": True for n in range(33)},
        {"deep": {"deeper": [[{f"key{n}": None for n in range(31)}, {}, 1], None]}},
    ],
)
def test_customizations_never_take_more_keys_than_save_accepts(
    preferences: Preferences, customization: dict[str, Any]
) -> None:
    # 34 keys each, of 1,000.
    for n in range(29):
        preferences.set_widget_customization(f"widget{n}", customization)
    with pytest.raises(ValidationError) as caught:
        preferences.set_widget_customization("one more", customization)
    assert list(caught.value.errors) == ["widgets.customizations"]
    preferences.set_widget_customization("fits", {f"key{n}": 0 for n in range(13)})
    with pytest.raises(ValidationError):
        preferences.set_widget_customization("full", {})
    preferences.theme = "dark"
    preferences.save()


def test_a_widget_that_is_refused_is_not_half_set(raw: Database, preferences: Preferences) -> None:
    preferences.set_widget("w", enabled=True, customization={"a": 1})
    full = [str(n) for n in range(MAX_NAMES)]
    raw.preferences.update_one({}, {"$set": {"widgets.disabled": full}})
    before = raw.preferences.find_one()
    with pytest.raises(ValidationError) as caught:
        preferences.set_widget("w", enabled=False, customization={"a": 2})
    assert list(caught.value.errors) == ["widgets.disabled"]
    with pytest.raises(ValidationError) as caught:
        preferences.set_widget("v", enabled=True, customization={"a": "x" * 16_350})
    assert list(caught.value.errors) == ["widgets.customizations"]
    assert raw.preferences.find_one() == before
