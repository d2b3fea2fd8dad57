"""A field of another program may have a name that means something else here."""

from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from support.management import run

from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User

TAKEN = ("self", "pk", "_cls", "_created", "__auto_convert")

ATTRIBUTES = ("display_name", "user", "validate")

SINGLE = (Profile, Preferences)


@pytest.fixture
def bob(user: User) -> User:
    return User.create_user(email="bob@example.org")


def store_others(user: User) -> None:
    key: dict[str, Any] = {"user_id": user.id, "app_id": "app"}
    AppData.create_app_data(**key, data_key="k", data_value=1)
    Activity.create_activity(**key, event_type="opened", session_id="s", metadata={"a": 1})
    Analytics.create_analytics(**key, event_name="opened", event_category="custom")
    Profile(user_id=user.id).update_avatar("https://a.org/")


def values(document: Any) -> dict[str, Any]:
    return {name: getattr(document, name) for name in document.fields()}


def foreign(kind: Any, value: ObjectId) -> dict[str, Any]:
    stored = {field.db_field for field in kind._fields.values()}
    return dict.fromkeys({*TAKEN, *kind._fields} - stored, value)


@pytest.mark.parametrize("model", [User, *SINGLE, AppData, Activity, Analytics])
def test_a_foreign_field_is_none_of_ours(
    raw: Database, user: User, bob: User, model: type[Any]
) -> None:
    store_others(user)
    key = model.owned_by([user.id])
    before = values(model.objects(__raw__=key).get())
    theirs = foreign(model, bob.id) | dict.fromkeys(ATTRIBUTES, bob.id)
    raw[model.collection_name()].update_one(key, {"$set": theirs})
    document = model.objects(__raw__=key).get()
    assert values(document) == before
    for load in (document.refresh, document.reload):
        load()
        assert values(document) == before
        document.validate()
    assert raw[model.collection_name()].find_one(key).items() >= theirs.items()


@pytest.mark.parametrize("model", SINGLE)
def test_a_foreign_field_within_an_object_is_none_of_ours(
    raw: Database, user: User, bob: User, model: type[Any]
) -> None:
    store_others(user)
    before = values(model.objects(user_id=user.id).get())
    for field in model.fields().values():
        if kind := getattr(field, "document_type", None):
            theirs = {f"{field.name}.{name}": id for name, id in foreign(kind, bob.id).items()}
            raw[model.collection_name()].update_one({"userId": user.id}, {"$set": theirs})
            assert values(model.objects(user_id=user.id).get()) == before
            assert values(model.from_stored(model.read(userId=user.id))) == before


def test_a_change_is_made_to_the_owner_that_is_stored(raw: Database, user: User, bob: User) -> None:
    raw.profiles.update_one({"userId": user.id}, {"$set": {"user_id": bob.id, "pk": bob.id}})
    for profile in (Profile.objects(user_id=user.id).get(), Profile(user_id=user.id)):
        for number in range(2):
            profile.set_metadata("n", number)
    assert raw.profiles.find_one({"userId": user.id})["metadata"] == {"n": 1}
    assert raw.profiles.find_one({"userId": bob.id})["metadata"] == {}


def test_the_check_looks_for_the_stored_name(raw: Database, user: User) -> None:
    raw.activities.insert_one({"user_id": user.id, "event_type": "opened"})
    (found,) = run("chabad_check_integrity", "--json").json["findings"]
    assert found["kind"] == "invalid"
    assert "userId" in found["detail"] and "eventType" in found["detail"]
