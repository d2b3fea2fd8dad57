from datetime import datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from django.test import override_settings
from pymongo.database import Database

from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import (
    AlreadyExists,
    NotFound,
    ValidationError,
    VersionConflict,
)
from chabad_auth_django.models import ALL, AppData, User

VALUES: list[Any] = [
    None,
    False,
    True,
    0,
    -(2**63),
    2**63 - 1,
    0.5,
    "",
    "שלום 🕎",
    [],
    {},
    [None, [], {}, ""],
    {"a": {"b": [1, {"c": None}]}},
]


def create(user: User, key: str = "settings", value: Any = 1, **fields: Any) -> AppData:
    return AppData.create_app_data(
        **{"user_id": user.id, "app_id": "cteen", "data_key": key, "data_value": value, **fields}
    )


def test_a_new_value_is_stored_with_exactly_the_fields_of_the_specification(
    raw: Database, user: User
) -> None:
    document = create(user, value={"a": 1})
    stored = raw.appdatas.find_one()
    assert {name: type(value) for name, value in stored.items()} == {
        "__v": int,
        "_id": ObjectId,
        "userId": ObjectId,
        "appId": str,
        "dataKey": str,
        "dataValue": dict,
        "version": Int64,
        "createdAt": datetime,
        "updatedAt": datetime,
    }
    assert without_version(stored) == document.to_mongo()
    assert stored["version"] == 1


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_every_json_value_round_trips(raw: Database, user: User, value: Any) -> None:
    assert create(user, value=value).data_value == value
    AppData.upsert_app_data(user.id, "cteen", "settings", "other")
    AppData.upsert_app_data(user.id, "cteen", "settings", value)
    found = AppData.find_by_user_app_and_key(user.id, "cteen", "settings")
    stored = raw.appdatas.find_one()
    assert stored["dataValue"] == found.data_value == value
    assert type(stored["dataValue"]) in (type(value), Int64)
    found.update_value(value)
    found.update_value_with_version(value, 4)
    found.save()
    assert raw.appdatas.find_one()["dataValue"] == found.data_value == value


def test_a_key_is_created_once(user: User) -> None:
    create(user)
    with pytest.raises(AlreadyExists):
        create(user)


def test_a_version_given_by_the_caller_is_not_used(user: User) -> None:
    assert create(user, version=99).version == 1


@pytest.mark.parametrize("form", [ObjectId, str])
def test_values_of_an_application_are_found_by_key(user: User, form: type) -> None:
    documents = [create(user, key) for key in "cab"]
    create(user, "d", app_id="other")
    create(User.create_user(email="bob@example.org"), "e")
    found = AppData.find_by_user_and_app(form(user.id), "cteen")
    assert [document.data_key for document in found] == ["a", "b", "c"]
    assert list(AppData.find_by_user_and_app(form(user.id), "cteen", limit=1)) == [documents[1]]
    assert list(AppData.find_by_user_and_app(form(user.id), "nothing")) == []


@pytest.mark.parametrize("form", [ObjectId, str])
def test_a_value_is_found_by_its_whole_key(user: User, form: type) -> None:
    document = create(user)
    find = AppData.find_by_user_app_and_key
    assert find(form(user.id), "cteen", "settings") == document
    for other in [
        (ObjectId(), "cteen", "settings"),
        (user.id, "x", "settings"),
        (user.id, "cteen", "x"),
    ]:
        assert find(*other) is None


@pytest.mark.parametrize("form", [ObjectId, str])
def test_upsert_creates_then_counts_the_version_up(raw: Database, user: User, form: type) -> None:
    first = AppData.upsert_app_data(form(user.id), "cteen", "settings", {"a": 1})
    second = AppData.upsert_app_data(form(user.id), "cteen", "settings", {"b": 2})
    assert (first.version, second.version, second.data_value) == (1, 2, {"b": 2})
    assert second.created_at == first.created_at <= first.updated_at <= second.updated_at
    assert without_version(raw.appdatas.find_one()) == second.to_mongo()


@pytest.mark.parametrize("form", [ObjectId, str])
def test_an_update_with_the_right_version_stores_the_value(
    raw: Database, user: User, form: type
) -> None:
    create(user)
    document = AppData.update_app_data(form(user.id), "cteen", "settings", {"a": 2}, 1)
    assert (document.version, document.data_value) == (2, {"a": 2})
    assert without_version(raw.appdatas.find_one()) == document.to_mongo()


def test_the_instance_is_updated_with_the_right_version(raw: Database, user: User) -> None:
    document = create(user)
    document.update_value_with_version([], 1)
    assert (document.version, document.data_value) == (2, [])
    assert without_version(raw.appdatas.find_one()) == document.to_mongo()


@pytest.mark.parametrize("expected", [0, 1, 3, -1, 2**63 - 1])
@pytest.mark.parametrize("way", ["class", "instance"])
def test_an_update_with_another_version_tells_what_is_stored(
    raw: Database, user: User, expected: int, way: str
) -> None:
    document = create(user, value={"a": 1})
    AppData.upsert_app_data(user.id, "cteen", "settings", {"a": 2})
    with pytest.raises(VersionConflict) as caught:
        if way == "class":
            AppData.update_app_data(user.id, "cteen", "settings", 5, expected)
        else:
            document.update_value_with_version(5, expected)
    assert (caught.value.current_version, caught.value.current_value) == (2, {"a": 2})
    assert raw.appdatas.find_one()["dataValue"] == {"a": 2}


@pytest.mark.parametrize("version", [None, True, "1", 1.0, {"$gt": 0}, 2**63, -(2**64)], ids=str)
def test_a_version_that_is_no_whole_number_is_refused(
    raw: Database, user: User, version: Any
) -> None:
    document = create(user)
    if version is not None:
        with pytest.raises(ValidationError):
            AppData.update_app_data(user.id, "cteen", "settings", 5, version)
        with pytest.raises(ValidationError):
            AppData.delete_app_data(user.id, "cteen", "settings", version)
    with pytest.raises(ValidationError):
        document.update_value_with_version(5, version)
    assert raw.appdatas.find_one()["version"] == 1


def test_update_value_counts_up_whatever_the_version(raw: Database, user: User) -> None:
    document = create(user)
    AppData.upsert_app_data(user.id, "cteen", "settings", 2)
    document.update_value({"a": 3})
    assert (document.version, document.data_value) == (3, {"a": 3})
    assert without_version(raw.appdatas.find_one()) == document.to_mongo()


def test_increment_version_keeps_the_value(raw: Database, user: User) -> None:
    document = create(user, value={"a": 1})
    document.increment_version()
    assert (document.version, document.data_value) == (2, {"a": 1})
    assert without_version(raw.appdatas.find_one()) == document.to_mongo()


def test_save_stores_the_value_under_the_loaded_version(raw: Database, user: User) -> None:
    document = create(user)
    stale = AppData.find_by_user_app_and_key(user.id, "cteen", "settings")
    document.data_value = {"a": 2}
    document.save()
    assert without_version(raw.appdatas.find_one()) == document.to_mongo()
    assert document.version == 2
    stale.data_value = {"a": 3}
    with pytest.raises(VersionConflict):
        stale.save()
    assert raw.appdatas.find_one()["dataValue"] == {"a": 2}


@pytest.mark.parametrize("value", [{"a": 1}, {}], ids=["kept", "removed"])
def test_save_of_a_document_whose_value_was_not_read_stores_what_was_set(
    raw: Database, user: User, value: dict[str, Any]
) -> None:
    create(user, value={"a": 1})
    document = AppData.objects.exclude("data_value").get()
    if not value:
        document.data_value = value
    document.save()
    assert (document.version, raw.appdatas.find_one()["dataValue"]) == (2, value)


def test_update_of_a_key_that_does_not_exist_is_refused(raw: Database, user: User) -> None:
    with pytest.raises(NotFound):
        AppData.update_app_data(user.id, "cteen", "settings", 5, 1)
    assert raw.appdatas.count_documents({}) == 0


@pytest.mark.parametrize("value", [float("inf"), {"a.b": 1}, b"x"], ids=str)
def test_an_unsafe_value_is_refused_by_every_operation(
    raw: Database, user: User, value: Any
) -> None:
    document = create(user)
    for write in (
        lambda: AppData.upsert_app_data(user.id, "cteen", "settings", value),
        lambda: AppData.upsert_app_data(user.id, "cteen", "new", value),
        lambda: AppData.update_app_data(user.id, "cteen", "settings", value, 1),
        lambda: document.update_value(value),
        lambda: document.update_value_with_version(value, 1),
    ):
        with pytest.raises(ValidationError):
            write()
    assert [row["version"] for row in raw.appdatas.find()] == [1]


BAD_NAMES: list[Any] = [None, 5, b"x", ["x"], {"$gt": ""}, "", "a\0", "\ud800", "x" * 256]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[:20])
def test_a_key_or_application_that_is_no_name_is_refused(
    raw: Database, user: User, name: Any
) -> None:
    create(user)
    id = user.id
    for operation in (
        lambda: AppData.find_by_user_and_app(id, name),
        lambda: AppData.find_by_user_app_and_key(id, name, "k"),
        lambda: AppData.find_by_user_app_and_key(id, "a", name),
        lambda: AppData.upsert_app_data(id, name, "k", 1),
        lambda: AppData.upsert_app_data(id, "a", name, 1),
        lambda: AppData.update_app_data(id, name, "k", 1, 1),
        lambda: AppData.update_app_data(id, "a", name, 1, 1),
        lambda: AppData.delete_app_data(id, name),
        lambda: AppData.delete_app_data(id, name, "settings"),
        lambda: AppData.delete_app_data(id, "cteen", name),
    ):
        with pytest.raises(ValidationError):
            operation()
    assert raw.appdatas.count_documents({}) == 1


@pytest.mark.parametrize("id", [None, 5, b"0123456789ab", "", "x" * 24, {"$gt": ""}], ids=str)
def test_a_user_id_that_is_none_is_refused(raw: Database, user: User, id: Any) -> None:
    create(user)
    for operation in (
        lambda: AppData.find_by_user_and_app(id, "cteen"),
        lambda: AppData.find_by_user_app_and_key(id, "cteen", "settings"),
        lambda: AppData.upsert_app_data(id, "cteen", "settings", 1),
        lambda: AppData.update_app_data(id, "cteen", "settings", 1, 1),
        lambda: AppData.delete_app_data(id, "cteen"),
    ):
        with pytest.raises(ValidationError):
            operation()
    assert raw.appdatas.count_documents({}) == 1


@pytest.mark.parametrize("form", [ObjectId, str])
def test_one_key_or_all_keys_of_an_application_are_deleted(
    raw: Database, user: User, form: type
) -> None:
    for key in "abc":
        create(user, key)
    create(user, app_id="other")
    create(User.create_user(email="bob@example.org"))
    assert AppData.delete_app_data(form(user.id), "cteen", "a") == 1
    assert AppData.delete_app_data(form(user.id), "cteen", "a") == 0
    assert AppData.delete_app_data(form(user.id), "cteen", ALL) == 2
    assert AppData.delete_app_data(form(user.id), "cteen") == 0
    assert raw.appdatas.count_documents({}) == 2


DELETIONS = {
    "key": lambda document: AppData.delete_app_data(document.user_id, "cteen", "settings"),
    "application": lambda document: AppData.delete_app_data(document.user_id, "cteen"),
    "instance": lambda document: document.delete(),
    "queryset": lambda document: AppData.objects(id=document.id).delete(),
}
CREATIONS = {
    "create": lambda user: create(user),
    "upsert": lambda user: AppData.upsert_app_data(user.id, "cteen", "settings", 1),
    "save": lambda user: AppData(
        user_id=user.id, app_id="cteen", data_key="settings", data_value=1
    ).save(),
    "insert": lambda user: AppData.objects.insert(
        AppData(user_id=user.id, app_id="cteen", data_key="settings", data_value=1)
    ),
}


@pytest.mark.parametrize("creation", CREATIONS)
@pytest.mark.parametrize("deletion", DELETIONS)
def test_a_version_is_never_used_twice_for_a_key(user: User, deletion: str, creation: str) -> None:
    document = create(user)
    document.increment_version()
    DELETIONS[deletion](document)
    assert CREATIONS[creation](user).version == 3
    with pytest.raises(VersionConflict):
        AppData.update_app_data(user.id, "cteen", "settings", 5, 2)


def test_removing_by_modify_would_forget_the_version_and_is_refused(
    raw: Database, user: User
) -> None:
    create(user)
    with pytest.raises(TypeError):
        AppData.objects.modify(remove=True)
    assert raw.appdatas.find_one()["dataValue"] == 1


@pytest.mark.parametrize(
    "stored",
    [
        {"appId": "a", "dataKey": "k" * 300, "dataValue": 1, "version": 4},
        {"appId": "a", "dataKey": "", "dataValue": 1, "version": 4.0},
        {"appId": "a", "dataKey": "k", "dataValue": 1},
        {"appId": "a", "dataKey": "k", "version": None},
        {"appId": "a", "dataKey": "k", "version": "1"},
        {"appId": "a", "version": 1},
    ],
    ids=str,
)
def test_what_others_stored_can_be_deleted(
    raw: Database, user: User, stored: dict[str, Any]
) -> None:
    raw.appdatas.insert_one({"userId": user.id, **stored})
    assert AppData.delete_app_data(user.id, "a") == 1
    assert raw.appdatas.count_documents({}) == 0


def test_a_deletion_of_a_slice_leaves_the_rest(raw: Database, user: User) -> None:
    # Another program has chosen the ids.
    rows = [{"_id": key, "userId": user.id, "appId": "a", "dataKey": key} for key in "abc"]
    raw.appdatas.insert_many(rows)
    assert AppData.objects.order_by("data_key").limit(1).delete() == 1
    assert raw.appdatas.distinct("_id") == ["b", "c"]


def test_a_value_stored_without_a_version_gets_one(raw: Database, user: User) -> None:
    raw.appdatas.insert_one({"userId": user.id, "appId": "a", "dataKey": "k", "dataValue": 1})
    with pytest.raises(VersionConflict) as caught:
        AppData.update_app_data(user.id, "a", "k", 2, 1)
    assert caught.value.current_version == 0
    assert AppData.upsert_app_data(user.id, "a", "k", 2).version == 1


@pytest.mark.parametrize("version", [None, "x", 2.0, Decimal128("2")], ids=repr)
def test_save_takes_whatever_version_another_program_stored(
    raw: Database, user: User, version: Any
) -> None:
    key = {"userId": user.id, "appId": "a", "dataKey": "k"}
    raw.appdatas.insert_one({**key, "dataValue": 1, "version": version})
    first, second = (AppData.objects.get() for _ in range(2))
    first.data_value = 2
    first.save()
    with pytest.raises(VersionConflict):
        second.save()
    assert raw.appdatas.find_one()["dataValue"] == 2


def test_the_limit_of_a_value_is_a_setting(mongodb: str, user: User) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "APP_DATA_MAX_BYTES": 20}):
        create(user, value="x" * 15)
        with pytest.raises(ValidationError):
            AppData.upsert_app_data(user.id, "cteen", "settings", "x" * 16)


def test_any_version_may_be_expected(raw: Database, user: User) -> None:
    create(user)
    assert AppData.update_app_data(user.id, "cteen", "settings", 2, None).version == 2


def test_a_value_is_deleted_in_the_expected_version_only(raw: Database, user: User) -> None:
    create(user)
    assert AppData.delete_app_data(user.id, "cteen", "settings", 2) == 0
    assert AppData.delete_app_data(user.id, "cteen", "settings", 1) == 1
