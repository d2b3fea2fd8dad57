"""What an error says of each field: a list, with a code for programs and a text for people."""

import json
from typing import Any
from urllib.parse import quote

from rest_framework.test import APIClient
from support.requests import check_error

from chabad_auth_django.models import Preferences, Profile, User

PREFERENCES = "/api/users/me/preferences/"

#: Path, body -> the field that is wrong and its code.
CODES: list[tuple[str, str, Any, str, str]] = [
    ("PATCH", "profile", {"bio": "x" * 501}, "bio", "max_length"),
    ("PATCH", "profile", {"bio": 5}, "bio", "invalid"),
    ("PATCH", "profile", {"avatar": {"url": None}}, "avatar.url", "null"),
    ("PATCH", "profile", {"avatar": {}}, "avatar.url", "required"),
    ("PATCH", "profile", {"metadata": []}, "metadata", "not_an_object"),
    ("PATCH", "profile", {"metadata": {"$a": 1}}, "metadata", "unsafe_key"),
    ("PATCH", "profile", {"metadata": {"a": 2**64}}, "metadata", "integer_too_large"),
    ("PATCH", "profile", {"metadata": {"a": "x" * 20_000}}, "metadata", "too_large"),
    ("PATCH", "profile", {"nothing": 1}, "nothing", "unknown_field"),
    ("PATCH", "preferences", {"theme": "pink"}, "theme", "invalid_choice"),
    ("PATCH", "preferences", {"widgets": {"enabled": ["a", ""]}}, "widgets.enabled.1", "blank"),
    ("PATCH", "preferences", {"notifications": {"email": 1}}, "notifications.email", "invalid"),
    ("POST", "activities", {}, "eventType", "required"),
    ("POST", "activities", {"eventType": 5}, "eventType", "not_a_string"),
    ("POST", "activities", {"eventType": "x", "timestamp": ""}, "timestamp", "invalid_time"),
    (
        "POST",
        "analytics",
        {"eventName": "x", "eventCategory": 1},
        "eventCategory",
        "invalid_choice",
    ),
]


def test_each_field_that_is_wrong_has_a_code(api: APIClient) -> None:
    for method, name, body, field, code in CODES:
        path = f"/api/users/me/{name}/"
        answer = api.generic(method, path, json.dumps(body), content_type="application/json")
        check_error(answer, 400, "invalid")
        assert [problem["code"] for problem in answer.json()["errors"][field]] == [code], body
    many = api.post("/api/users/me/activities/", [{}, {"x": 1}], format="json").json()["rejected"]
    assert [row["errors"] for row in many] == [
        {"eventType": [{"code": "required", "detail": "Required."}]},
        {"x": [{"code": "unknown_field", "detail": "Unknown or read-only."}]},
    ]
    check_error(api.get("/api/users/me/activities/?limit=0&since=x"), 400, "invalid")


def test_null_removes_what_the_page_says(api: APIClient, owner: User) -> None:
    everything = {
        "displayName": "Ann",
        "bio": "Hi",
        "avatar": {"url": "https://example.org/a.png"},
        "metadata": {"a": 1},
    }
    for name, value in everything.items():
        assert api.patch("/api/users/me/profile/", {name: value}, format="json").json()[name]
        answer = api.patch("/api/users/me/profile/", {name: None}, format="json")
        assert (answer.status_code, answer.json()[name] or None) == (200, None)
        assert name not in Profile.read(userId=owner.id)


def test_one_customization_and_all_take_the_same(api: APIClient, owner: User) -> None:
    for name, value in {
        "clock": {"color": "blue", "nested": {"a": [1]}},
        "empty": {},
        "a list": [],
        "a number": 5,
        "null": None,
        "x" * 256: {},
        "bad\nname": {},
        "a.b": {},
        "$a": {},
    }.items():
        alone = api.put(
            f"{PREFERENCES}widgets/{quote(name, safe='')}/", {"customization": value}, format="json"
        )
        body = {"widgets": {"customizations": {name: value}}}
        together = api.patch(PREFERENCES, body, format="json")
        assert alone.status_code == together.status_code, (name, value)
        if alone.status_code == 200:
            stored = Preferences.find_by_user_id(owner.id).widgets.customizations
            assert stored[name] == value
        else:
            check_error(together, 400, "invalid")
