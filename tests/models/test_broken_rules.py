"""What a field may not hold is refused, and the error has the name under which it is stored."""

from datetime import date, datetime
from typing import Any

import pytest
from pymongo.database import Database
from support.cases import each

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Activity, Analytics, AppData, Profile, User

#: What each Document needs beside its user.
VALID: dict[Any, dict[str, Any]] = {
    User: {"email": "bob@example.org"},
    Profile: {},
    AppData: {"app_id": "cteen", "data_key": "settings", "data_value": 1},
    Activity: {"event_type": "x"},
    Analytics: {"event_name": "x", "event_category": "custom"},
}

#: Document, field, its stored name, and values that it refuses. A rule that several Documents have
#: from one class stands once.
BROKEN: list[tuple[Any, str, str, list[Any]]] = [
    (User, "name", "name", ["x" * 201, 5, "\ud800"]),
    (User, "valu_user_id", "valuUserId", ["", "x" * 256]),
    (User, "merkos_user_id", "merkosUserId", [{"$gt": ""}]),
    (User, "auth_methods", "authMethods", [["telepathy"], "google"]),
    (User, "roles", "roles", ["admin", [""], [{"$gt": ""}]]),
    (User, "permissions", "permissions", [["x" * 101]]),
    (User, "last_login", "lastLogin", ["yesterday"]),
    (User, "created_at", "createdAt", [5]),
    (Profile, "display_name", "displayName", ["x" * 101, {"$gt": ""}, "\ud800"]),
    (Profile, "bio", "bio", ["x" * 501, 5, "\ud800"]),
    (Profile, "metadata", "metadata", [{"$a": 1}, [1], {"a": "x" * 16_384}]),
    (Profile, "avatar", "avatar", [{"url": "ftp://x.org/a"}, {"thumbnail_url": "https://x.org"}]),
    (AppData, "app_id", "appId", ["", None, {"$gt": ""}]),
    (AppData, "data_key", "dataKey", ["", "a\0b", "x" * 256]),
    (AppData, "data_value", "dataValue", [float("nan"), {"$a": 1}, "x" * 262_144, {1, 2}]),
    (Activity, "event_type", "eventType", [None, "", {"$gt": ""}]),
    (Activity, "user_id", "userId", [None, "me", b"0123456789ab", "012345678901"]),
    (Activity, "app_id", "appId", ["", "x" * 256, {"$gt": ""}]),
    (Activity, "session_id", "sessionId", [5]),
    (Activity, "event_data", "eventData", [[1], {"a": float("inf")}, {"a": "x" * 32_768}]),
    (Activity, "metadata", "metadata", [{"a.b": 1}, {"a": "x" * 16_384}]),
    (
        Activity,
        "timestamp",
        "timestamp",
        ["2024-01-01", date(2024, 1, 1), 5, datetime(2100, 1, 1)],
    ),
    (Analytics, "event_name", "eventName", ["", None]),
    (Analytics, "event_category", "eventCategory", ["fun", None, {"$gt": ""}, ["custom"]]),
]


@each(
    ("model", "field", "stored_name", "value"),
    [(*case, value) for *case, values in BROKEN for value in values],
)
def test_a_field_that_breaks_a_rule_is_named_as_it_is_stored(
    raw: Database, user: User, model: Any, field: str, stored_name: str, value: Any
) -> None:
    owner = {} if model is User else {"user_id": user.id}
    before = raw[model.collection_name()].count_documents({})
    with pytest.raises(ValidationError) as caught:
        model(**(owner | VALID[model] | {field: value})).save()
    assert list(caught.value.errors) == [stored_name]
    assert raw[model.collection_name()].count_documents({}) == before
