"""Preferences through the API: merged deeply, reset, switched."""

from typing import Any

import pytest
from pymongo.database import Database
from rest_framework.test import APIClient
from support.api_model import DEFAULT_PREFERENCES

from chabad_auth_django.models import User

PREFERENCES = "/api/users/me/preferences/"


def shown(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in DEFAULT_PREFERENCES}


def test_everybody_has_the_defaults(api: APIClient) -> None:
    assert shown(api.get(PREFERENCES).json()) == DEFAULT_PREFERENCES


def test_null_of_another_program_stands_for_the_default(
    api: APIClient, raw: Database[Any], owner: User
) -> None:
    nulls = {"theme": None, "language": None, "widgets": None}
    for name in ("notifications", "dashboard"):
        nulls |= {f"{name}.{key}": None for key in DEFAULT_PREFERENCES[name]}
    raw.preferences.update_one({"userId": owner.id}, {"$set": nulls})
    assert shown(api.get(PREFERENCES).json()) == DEFAULT_PREFERENCES


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"theme": "dark"}, "theme"),
        ({"language": "he-IL"}, "language"),
        ({"notifications": {"inApp": False}}, "notifications.inApp"),
        ({"widgets": {"enabled": ["a", "b"]}}, "widgets.enabled"),
        ({"widgets": {"disabled": ["a"]}}, "widgets.disabled"),
        ({"widgets": {"customizations": {"a": {"b": [1]}}}}, "widgets.customizations"),
        ({"dashboard": {"layout": "list"}}, "dashboard.layout"),
        ({"dashboard": {"defaultView": "apps"}}, "dashboard.defaultView"),
        ({"dashboard": {"favoriteApps": ["b", "a"]}}, "dashboard.favoriteApps"),
        ({"notifications": {}, "widgets": {"customizations": {}}, "dashboard": {}}, None),
        ({}, None),
    ],
)
def test_a_change_leaves_everything_else(
    api: APIClient, change: dict[str, Any], path: str | None
) -> None:
    expected: Any = {
        name: dict(value) if isinstance(value, dict) else value
        for name, value in DEFAULT_PREFERENCES.items()
    }
    if path is not None:
        outer, _, inner = path.partition(".")
        if inner:
            expected[outer][inner] = change[outer][inner]
        else:
            expected[outer] = change[outer]
    answer = api.patch(PREFERENCES, change, format="json")
    assert shown(answer.json()) == shown(api.get(PREFERENCES).json()) == expected
    assert shown(api.post(f"{PREFERENCES}reset/").json()) == DEFAULT_PREFERENCES


def test_preferences_are_merged_deeply(api: APIClient) -> None:
    path = "/api/users/me/preferences/"
    api.patch(path, {"widgets": {"customizations": {"clock": {"city": "Kfar"}}}}, format="json")
    change = {
        "notifications": {"push": False},
        "widgets": {"customizations": {"map": {}}, "enabled": ["map"]},
        "dashboard": {"defaultView": "apps"},
    }
    body = api.patch(path, change, format="json").json()
    assert body["notifications"] == {"email": True, "push": False, "inApp": True}
    assert body["widgets"]["customizations"] == {"clock": {"city": "Kfar"}, "map": {}}
    assert body["dashboard"] == {"layout": "grid", "defaultView": "apps", "favoriteApps": []}
    reset = api.post(path + "reset/").json()
    assert reset["widgets"] == {"enabled": [], "disabled": [], "customizations": {}}


def test_a_widget_is_switched_customized_and_forgotten(api: APIClient) -> None:
    path = "/api/users/me/preferences/widgets/clock/"
    body = api.put(path, {"enabled": True, "customization": {"city": "Kfar"}}, format="json")
    assert body.json()["widgets"] == {
        "enabled": ["clock"],
        "disabled": [],
        "customizations": {"clock": {"city": "Kfar"}},
    }
    assert api.put(path, {"enabled": False}, format="json").json()["widgets"]["enabled"] == []
    forgotten = api.delete(path).json()["widgets"]
    assert forgotten == {"enabled": [], "disabled": [], "customizations": {}}


def test_a_list_of_names_has_an_end(api: APIClient) -> None:
    full = [f"app{number}" for number in range(1000)]
    api.patch(PREFERENCES, {"dashboard": {"favoriteApps": full}}, format="json")
    assert api.put(f"{PREFERENCES}favorite-apps/app7/").status_code == 200
    refused = api.put(f"{PREFERENCES}favorite-apps/one-more/")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert api.get(PREFERENCES).json()["dashboard"]["favoriteApps"] == full


def test_customizations_share_one_limit(api: APIClient) -> None:
    large = {"customization": {"x": "y" * 9_000}}
    assert api.put(f"{PREFERENCES}widgets/a/", large, format="json").status_code == 200
    assert api.put(f"{PREFERENCES}widgets/b/", large, format="json").status_code == 400
