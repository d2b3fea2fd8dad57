"""What a way of writing cannot keep, it refuses: nothing is left out, or weakened, in silence."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import mongoengine
import pytest
from bson import ObjectId
from pymongo.database import Database

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User


def stored_value(user: User) -> AppData:
    return AppData.upsert_app_data(user.id, "app", "key", {"n": 1})


#: Each would change the value without its version, the version alone, or whose value it is.
CHANGES: list[dict[str, Any]] = [
    {"set__data_value": 2},
    {"data_value": 2},
    {"unset__data_value": True},
    {"inc__version": 1},
    {"set__version": 1},
    {"set__user_id": ObjectId()},
    {"set__app_id": "other"},
    {"set__data_key": "other"},
    {"__raw__": {"$set": {"dataValue": 2}}},
    {"__raw__": {"$set": {"dataValue.n": 2}}},
    {"__raw__": {"$rename": {"other": "dataValue"}}},
    {"__raw__": {"$unset": {"version": ""}}},
    {"__raw__": [{"$set": {"dataValue": 2}}]},
    {"__raw__": [{"$unset": "dataValue"}]},
    {"__raw__": [{"$unset": ["other", "dataValue.n"]}]},
    {"__raw__": [{"$replaceWith": {}}]},
    {"__raw__": [{"$project": {"other": 1}}]},
    {"upsert": True, "set__updated_at": None},
    {"write_concern": {"w": 0}, "set__updated_at": None},
]


def test_an_update_that_passes_by_the_version_is_refused(user: User, raw: Database) -> None:
    data = stored_value(user)
    before = raw.appdatas.find_one()
    ways: list[Callable[..., Any]] = [
        AppData.objects(id=data.id).update,
        AppData.objects(id=data.id).update_one,
        AppData.objects(id=data.id).modify,
        data.modify,
        data.update,
    ]
    for way, change in product(ways, CHANGES):
        with pytest.raises(TypeError, match="does not support"):
            way(**change)
    assert raw.appdatas.find_one() == before


def test_other_fields_can_be_updated_through_a_queryset(user: User, raw: Database) -> None:
    stored_value(user)
    AppData.objects.update(__raw__={"$set": {"theirs.deep": 1}, "$unset": {"other": ""}})
    assert raw.appdatas.find_one()["theirs"] == {"deep": 1}
    Activity.create_activity(user_id=user.id, event_type="x")
    assert Activity.objects.update(set__metadata={"a": 1}) == 1


def test_a_change_that_save_would_leave_out_is_refused(user: User, raw: Database) -> None:
    data = stored_value(user)
    before = raw.appdatas.find_one()
    for name, value in {
        "data_key": "other",
        "app_id": "other",
        "user_id": ObjectId(),
        "version": 7,
        "created_at": user.created_at,
    }.items():
        data.data_value = 2
        setattr(data, name, value)
        with pytest.raises(ValidationError) as caught:
            data.save()
        assert caught.value.errors == {AppData._db_field_map[name]: "It cannot be changed."}
        data.refresh()
    assert raw.appdatas.find_one() == before
    data.data_value = 2
    data.save()
    assert (data.version, data.data_value) == (2, 2)


def test_a_document_stays_with_its_user(user: User, raw: Database) -> None:
    events = [
        Activity.create_activity(user_id=user.id, event_type="x"),
        Analytics.create_analytics(user_id=user.id, event_name="x", event_category="custom"),
    ]
    for document in (*events, *Profile.objects, *Preferences.objects):
        with pytest.raises(TypeError, match="changes of userId"):
            type(document).objects.update(user_id=ObjectId())
        document.user_id = ObjectId()
        with pytest.raises(ValidationError):
            document.save()
        assert document.collection().count_documents({"userId": user.id}) == 1


def test_no_change_is_made_to_the_profile_of_another_owner(user: User, raw: Database) -> None:
    other = User.create_user(email="bob@example.org")
    profile = Profile.find_by_user_id(user.id)
    profile.user_id = other.id
    profile.set_metadata("a", 1)
    stored = {row["userId"]: row["metadata"] for row in raw.profiles.find()}
    assert stored == {user.id: {"a": 1}, other.id: {}}


def test_an_argument_that_would_be_ignored_is_refused(user: User, raw: Database) -> None:
    new = {"user_id": user.id, "app_id": "app", "data_key": "new", "data_value": 1}
    arguments: list[dict[str, Any]] = [
        {"validate": False},
        {"clean": False},
        {"force_insert": True},
        {"write_concern": {"w": 0}},
        {"signal_kwargs": {"a": 1}},
        {"cascade": True},
        {"anything": 1},
    ]
    for argument in arguments:
        documents = (
            AppData(**new),
            stored_value(user),
            Activity(user_id=user.id, event_type="x"),
            Profile.find_by_user_id(user.id),
            User(email="ben@example.org"),
            User.find_by_id(user.id),
        )
        for document in documents:
            with pytest.raises(TypeError):
                document.save(**argument)
    with pytest.raises(TypeError):
        stored_value(user).save(save_condition={"version": 1})
    assert raw.appdatas.count_documents({}) == raw.users.count_documents({}) == 1
    assert raw.activities.count_documents({}) == 0


def test_no_delete_takes_a_write_concern_of_its_own(user: User, raw: Database) -> None:
    data = stored_value(user)
    event = Activity.create_activity(user_id=user.id, event_type="x")
    weak = {"w": 0}
    for delete in (
        AppData.objects.delete,
        Activity.objects(id=event.id).delete,
        User.objects.delete,
        data.delete,
        event.delete,
        user.delete,
    ):
        with pytest.raises(TypeError):
            delete(write_concern=weak)
    assert raw.appdatas.count_documents({}) == raw.activities.count_documents({}) == 1
    event.delete()
    data.delete()
    assert raw.appdatas.count_documents({}) == raw.activities.count_documents({}) == 0


@pytest.fixture
def archive(mongodb: str) -> Iterator[str]:
    """The alias of another database."""
    mongoengine.register_connection("archive", host=mongodb, uuidRepresentation="standard")
    yield "archive"
    mongoengine.disconnect("archive")


def test_no_other_database_or_collection_is_taken_for_ours(
    user: User, raw: Database, archive: str
) -> None:
    profile = Profile.find_by_user_id(user.id)
    for switch in (
        lambda: Profile.objects.using(archive),
        lambda: profile.switch_db(archive),
        lambda: profile.switch_collection("old_profiles"),
    ):
        with pytest.raises(TypeError):
            switch().delete()
    assert raw.profiles.count_documents({}) == 1


@pytest.mark.parametrize(
    "part",
    [{"slice__roles": 1}, {"elemMatch__roles": {"$eq": "a"}}, {"roles": {"$slice": 1}}],
    ids=str,
)
def test_no_part_of_an_array_is_read_which_save_would_take_for_the_whole(
    user: User, part: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        User.objects.fields(**part)
    assert User.objects.fields(roles=1).get().roles == ["user"]
    assert User.objects.fields(roles=0).get().email == "ann@example.org"


@pytest.mark.parametrize("empty", [lambda found: found.none(), lambda found: found[:0]])
@pytest.mark.parametrize("model", [Activity, AppData, Profile, User])
def test_what_finds_nothing_changes_and_deletes_nothing(
    user: User, raw: Database, model: Any, empty: Callable[[Any], Any]
) -> None:
    Activity.create_activity(user_id=user.id, event_type="x")
    stored_value(user)
    before = list(raw[model.collection_name()].find())
    raw_update = {"__raw__": {"$set": {"other": 1}}}
    assert empty(model.objects).update(**raw_update) == 0
    assert empty(model.objects).modify(**raw_update) is None
    assert empty(model.objects).delete() == 0
    assert list(raw[model.collection_name()].find()) == before


@pytest.mark.parametrize("change", ["update", "update_one", "modify"])
def test_a_change_of_a_slice_is_refused(user: User, raw: Database, change: str) -> None:
    for found in (User.objects.limit(1), User.objects.skip(1), User.objects[1:2]):
        for values in ({"set__name": "x"}, {"set__valu_user_id": "x"}):
            with pytest.raises(TypeError):
                getattr(found, change)(**values)
    assert raw.users.find_one()["name"] == "Ann"
    assert raw.external_ids.count_documents({}) == 0
