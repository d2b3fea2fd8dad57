from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from chabad_auth_django.db import connection
from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import UserNotFound, ValidationError, VersionConflict
from chabad_auth_django.models import AppData, User
from chabad_auth_django.services.data import app_data

KEY = {"app_id": "cteen", "data_key": "settings"}


def synchronize(user: User, value: Any, version: Any = None) -> AppData:
    return app_data.synchronize_app_data(
        user_id=user.id, **KEY, data_value=value, expected_version=version
    )


def activities() -> list[dict[str, Any]]:
    return list(connection.get_database().activities.find().sort("_id"))


@pytest.mark.parametrize("form", [ObjectId, str])
def test_a_key_that_does_not_exist_is_created(either_server: str, form: type) -> None:
    user = User.create_user(email="ann@example.org")
    document = app_data.synchronize_app_data(user_id=form(user.id), **KEY, data_value={"a": 1})
    assert (document.version, document.data_value) == (1, {"a": 1})
    stored = connection.get_database().appdatas.find_one()
    assert without_version(stored) == document.to_mongo()
    [activity] = activities()
    assert activity["userId"] == user.id
    assert (activity["eventType"], activity["appId"]) == ("settings_updated", "cteen")
    assert activity["eventData"] == {"dataKey": "settings", "version": 1}


def test_the_expected_version_is_updated(either_server: str) -> None:
    user = User.create_user(email="ann@example.org")
    synchronize(user, {"a": 1})
    document = synchronize(user, None, version=1)
    assert (document.version, document.data_value) == (2, None)
    assert [activity["eventData"]["version"] for activity in activities()] == [1, 2]


@pytest.mark.parametrize("version", [None, 0, 1, 3])
def test_a_conflict_tells_what_is_stored_and_leaves_no_trace(
    either_server: str, version: int | None
) -> None:
    user = User.create_user(email="ann@example.org")
    synchronize(user, {"a": 1})
    synchronize(user, {"a": 2}, version=1)
    with pytest.raises(VersionConflict) as caught:
        synchronize(user, {"a": 3}, version=version)
    assert (caught.value.current_version, caught.value.current_value) == (2, {"a": 2})
    assert len(activities()) == 2


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}], ids=str)
def test_an_empty_value_is_a_value(user: User, value: Any) -> None:
    assert synchronize(user, value).data_value == value
    with pytest.raises(VersionConflict) as caught:
        synchronize(user, 1)
    assert caught.value.current_value == value


@pytest.mark.parametrize(
    "arguments",
    [
        {"user_id": None},
        {"user_id": {"$gt": ""}},
        {"app_id": ""},
        {"data_key": ""},
        {"data_key": {"$gt": ""}},
        {"data_value": float("nan")},
        {"data_value": {"$set": 1}},
    ],
    ids=str,
)
def test_what_is_refused_stores_nothing(
    raw: Database, user: User, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        app_data.synchronize_app_data(**{"user_id": user.id, **KEY, "data_value": 1, **arguments})
    assert raw.appdatas.count_documents({}) == len(activities()) == 0


def test_a_user_who_does_not_exist_gets_nothing(either_server: str) -> None:
    with pytest.raises(UserNotFound):
        synchronize(User(id=ObjectId()), 1)
    assert connection.get_database().appdatas.count_documents({}) == len(activities()) == 0


def test_a_merge_patch_may_expect_a_version(user: User) -> None:
    synchronize(user, {"a": 1})
    merge = app_data.merge_app_data
    with pytest.raises(VersionConflict):
        merge(user_id=user.id, **KEY, patch={}, expected_version=2)
    assert merge(user_id=user.id, **KEY, patch={}, expected_version=1).version == 2
