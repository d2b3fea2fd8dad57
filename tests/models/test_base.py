import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from bson import Int64, ObjectId
from mongoengine.errors import FieldDoesNotExist, SaveConditionError
from pymongo.database import Database
from support.cases import each
from support.commands import CommandCounter
from support.threads import together

from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import (
    AlreadyExists,
    DocumentChanged,
    NotFound,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.queryset import MAX_LIMIT

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

#: Values that another program may have stored in any field.
STORED_BY_OTHERS: list[Any] = [
    *(None, True, 1, Int64(2), 1.5, "", "text", b"x", LONG_AGO, ObjectId()),
    *([], ["a"], ["a", None, 3], [["a"]], [ObjectId()], {}, {"a": 1}),
]


@dataclass
class Mongoose:
    """A document as Mongoose stores it, and two ways to change it."""

    model: Any
    document: dict[str, Any]
    atomic: Callable[[Any], None]
    change: Callable[[Any], None]
    unknown: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.model._meta["collection"]


MONGOOSE = [
    Mongoose(
        User,
        {"email": "ann@example.org", "legacy": {"a": None}},
        lambda user: user.add_role("admin"),
        lambda user: setattr(user, "name", "Ann"),
        ["legacy"],
    ),
    Mongoose(
        Profile,
        {"avatar": {"url": "https://x.org/a.png", "alt": "me"}, "pronouns": ""},
        lambda profile: profile.set_metadata("a", 1),
        lambda profile: setattr(profile.avatar, "thumbnail_url", "https://x.org/t.png"),
        ["avatar.alt", "pronouns"],
    ),
    Mongoose(
        Preferences,
        {
            "notifications": {"email": False, "sms": True},
            "widgets": {"order": ["b", "a"]},
            "dashboard": {"columns": 3},
            "sound": 0,
        },
        lambda preferences: preferences.enable_widget("w"),
        lambda preferences: setattr(preferences.notifications, "push", False),
        ["notifications.sms", "widgets.order", "dashboard.columns", "sound"],
    ),
    Mongoose(
        Activity,
        {"eventType": "x", "timestamp": now() - timedelta(days=1), "device": {"os": "a"}},
        lambda activity: activity.add_metadata("a", 1),
        lambda activity: setattr(activity, "app_id", "cteen"),
        ["device"],
    ),
    Mongoose(
        AppData,
        {"appId": "a", "dataKey": "k", "dataValue": {"x": 1}, "version": 1, "source": []},
        lambda app_data: app_data.update_value({"y": 1}),
        lambda app_data: setattr(app_data, "data_value", {"y": 2}),
        ["source"],
    ),
    Mongoose(
        Analytics,
        {"eventName": "x", "eventCategory": "custom", "timestamp": LONG_AGO, "campaign": "c"},
        lambda analytics: analytics.add_event_data("a", 1),
        lambda analytics: setattr(analytics, "app_id", "cteen"),
        ["campaign"],
    ),
]

each_model = pytest.mark.parametrize("case", MONGOOSE, ids=lambda case: case.name)


def at(document: dict[str, Any], path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value[part]
    return value


@pytest.fixture
def stored(raw: Database, case: Mongoose) -> dict[str, Any]:
    document = {"_id": ObjectId(), **case.document, "__v": 3}
    if case.model is not User:
        document["userId"] = raw.users.insert_one({"email": "ann@example.org"}).inserted_id
    raw[case.name].insert_one(document)
    return document


def changed(raw: Database, case: Mongoose, before: dict[str, Any]) -> dict[str, Any]:
    """Check that what we do not know is as it was; return the stored document."""
    after = raw[case.name].find_one({"_id": before["_id"]})
    counted = case.model in (User, Preferences)
    assert after["__v"] in ((3, 4) if counted else (3,))
    assert {path: at(after, path) for path in case.unknown} == {
        path: at(before, path) for path in case.unknown
    }
    assert "_cls" not in after
    return after


@each_model
def test_a_document_of_mongoose_is_read(case: Mongoose, stored: dict[str, Any]) -> None:
    document = case.model.objects.get()
    assert document.pk == stored["_id"]
    document.validate()


@each_model
def test_an_atomic_change_keeps_what_mongoose_stored(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    document = case.model.objects.get()
    case.atomic(document)
    after = changed(raw, case, stored)
    times = {"updatedAt"} if "updated_at" in case.model._fields else set()
    assert len(after.keys() - stored.keys() - times) <= 1


@each_model
def test_save_keeps_what_mongoose_stored(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    document = case.model.objects.get()
    case.change(document)
    document.save()
    after = changed(raw, case, stored)
    assert after != stored
    times = {"updatedAt"} if "updated_at" in case.model._fields else set()
    assert len(after.keys() - stored.keys() - times) <= 1


@each_model
def test_an_instance_that_was_changed_twice_keeps_what_mongoose_stored(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    document = case.model.objects.get()
    case.atomic(document)
    case.change(document)
    document.save()
    changed(raw, case, stored)


@each_model
def test_a_document_of_what_was_read_is_as_if_it_were_queried(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    document = case.model.from_stored(case.model.read())
    queried = case.model.objects.get()
    assert document.to_mongo() == queried.to_mongo()
    case.change(document)
    document.save()
    changed(raw, case, stored)


@each_model
def test_whatever_is_stored_a_document_of_it_holds_what_mongoengine_would(case: Mongoose) -> None:
    for name in case.model._reverse_db_field_map:
        for value in STORED_BY_OTHERS:
            row = {"_id": ObjectId(), name: value, "other": 5}
            assert held(case.model.from_stored(row)) == held(case.model._from_son(row)), row


def held(document: Any) -> dict[str, Any]:
    return {name: (type(value), value) for name, value in document._data.items()}


@each_model
def test_a_date_that_is_missing_is_shown_as_missing_and_stays_so(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    names = {"created_at": "createdAt", "timestamp": "timestamp"}
    raw[case.name].update_one({}, {"$unset": dict.fromkeys(names.values(), 1)})
    document = case.model.objects.get()
    case.change(document)
    document.save()
    for name, db_field in names.items():
        assert getattr(document, name, None) is None
        assert db_field not in raw[case.name].find_one()


@each_model
def test_save_of_a_document_that_was_deleted_meanwhile_stores_no_fragment(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    document, unchanged = case.model.objects.get(), case.model.objects.get()
    case.change(document)
    raw[case.name].delete_many({})
    for one in (document, unchanged):
        with pytest.raises(NotFound):
            one.save()
    assert raw[case.name].count_documents({}) == 0


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        (lambda profile: profile.metadata.__ior__({"new": 1}), {"flag": 1, "list": [{}], "new": 1}),
        (lambda profile: profile.metadata.update(flag=True), {"flag": True, "list": [{}]}),
        (lambda profile: setattr(profile, "metadata", {"flag": True}), {"flag": True}),
        (lambda profile: profile.metadata["list"].clear(), {"flag": 1, "list": []}),
        (
            lambda profile: [item.update(a=1) for item in profile.metadata["list"]],
            {"flag": 1, "list": [{"a": 1}]},
        ),
        (
            lambda profile: [value.clear() for value in profile.metadata.values() if value != 1],
            {"flag": 1, "list": []},
        ),
    ],
)
@pytest.mark.parametrize(
    "load",
    [
        lambda profile: profile,
        lambda profile: Profile.objects.get(),
        lambda profile: Profile.from_stored(Profile.read()),
        lambda profile: profile.reload("metadata"),
    ],
    ids=["made", "queried", "read", "reloaded"],
)
def test_save_stores_each_change_of_a_list_or_an_object(
    raw: Database,
    user: User,
    load: Callable[[Profile], Profile],
    change: Callable[[Profile], object],
    stored: dict[str, Any],
) -> None:
    raw.profiles.delete_many({})
    made = Profile.create_profile(user_id=user.id, metadata={"flag": 1, "list": [{}]})
    profile = load(made)
    change(profile)
    profile.save()
    assert json.dumps(raw.profiles.find_one()["metadata"]) == json.dumps(stored)


def test_save_stores_that_a_list_was_cleared(raw: Database, user: User) -> None:
    user.roles.clear()
    user.save()
    preferences = Preferences.find_by_user_id(user.id)
    preferences.add_favorite_app("torah")
    preferences.dashboard.favorite_apps.clear()
    preferences.save()
    assert raw.users.find_one()["roles"] == []
    assert raw.preferences.find_one()["dashboard"]["favoriteApps"] == []


@pytest.mark.parametrize(
    "load",
    [
        lambda profile: profile.reload("display_name", "metadata"),
        lambda profile: profile.reload(),
        lambda profile: profile.modify(set__bio="y"),
        lambda profile: profile.refresh(),
    ],
    ids=["reload a part", "reload", "modify", "refresh"],
)
def test_save_leaves_what_was_loaded_again_as_it_is(
    raw: Database, user: User, load: Callable[[Profile], object]
) -> None:
    profile = Profile.find_by_user_id(user.id)
    for text in ("a", "b"):
        raw.profiles.update_one({}, {"$set": {"displayName": text, "metadata": {"a": text}}})
        load(profile)
    raw.profiles.update_one({}, {"$set": {"displayName": "c", "metadata": {"a": "c"}}})
    profile.bio = "x"
    profile.save()
    stored = raw.profiles.find_one()
    assert (stored["displayName"], stored["metadata"], stored["bio"]) == ("c", {"a": "c"}, "x")


@pytest.mark.parametrize(
    "case", [case for case in MONGOOSE if case.model is not AppData], ids=lambda case: case.name
)
def test_save_without_a_change_stores_nothing(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    case.model.objects.get().save()
    assert raw[case.name].find_one({"_id": stored["_id"]}) == stored


@each_model
def test_a_field_that_the_specification_lacks_is_refused(case: Mongoose) -> None:
    with pytest.raises(FieldDoesNotExist):
        case.model(nothing=1)


@pytest.mark.parametrize(
    "case", [case for case in MONGOOSE if case.model is not User], ids=lambda case: case.name
)
def test_a_document_that_was_read_without_its_owner_is_saved(
    raw: Database, case: Mongoose, stored: dict[str, Any]
) -> None:
    document = case.model.objects.exclude("user_id").get()
    case.change(document)
    document.save()
    assert changed(raw, case, stored) != stored


def test_a_part_of_a_document_is_saved(raw: Database, user: User) -> None:
    preferences = Preferences.objects.only("theme").get()
    preferences.theme = "dark"
    preferences.save()
    stored = raw.preferences.find_one()
    assert (stored["theme"], stored["language"]) == ("dark", "en")


@pytest.mark.parametrize(
    "change",
    [
        lambda profile: profile.metadata.update({"b": 2}),
        lambda profile: setattr(profile, "metadata", {"b": 2}),
    ],
    ids=["in place", "as a whole"],
)
@pytest.mark.parametrize("fields", [[], ["metadata"]], ids=["all", "one"])
def test_save_replaces_no_object_that_was_not_read(
    raw: Database, user: User, change: Callable[[Profile], None], fields: list[str]
) -> None:
    Profile.find_by_user_id(user.id).set_metadata("a", 1)
    profile = Profile.objects.only("bio").get()
    change(profile)
    with pytest.raises(DocumentChanged):
        profile.save()
    with pytest.raises(DocumentChanged):
        profile.save()
    assert raw.profiles.find_one()["metadata"] == {"a": 1}
    profile.reload(*fields)
    profile.metadata.update({"b": 2})
    profile.save()
    assert raw.profiles.find_one()["metadata"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("names", [["name"], ["id"]], ids=str)
def test_save_replaces_no_array_that_was_not_read(
    raw: Database, user: User, names: list[str]
) -> None:
    user.add_role("admin")
    part = User.objects.only(*names).get()
    part.roles.append("editor")
    with pytest.raises(DocumentChanged):
        part.save()
    assert raw.users.find_one()["roles"] == ["user", "admin"]


@pytest.mark.parametrize(
    "read",
    [
        lambda: User.objects.only("roles").get(),
        lambda: copy.deepcopy(User.objects.get()),
        lambda: pickle.loads(pickle.dumps(User.objects.get())),
    ],
    ids=["only", "copy", "pickle"],
)
def test_save_replaces_no_array_that_was_changed_since(
    raw: Database, user: User, read: Callable[[], User]
) -> None:
    old = read()
    user.add_role("admin")
    old.roles.append("editor")
    with pytest.raises(DocumentChanged):
        old.save()
    assert raw.users.find_one()["roles"] == ["user", "admin"]


@pytest.mark.parametrize(
    "load",
    [lambda user: user.reload(), lambda user: user.modify(set__name="B")],
    ids=["reload", "modify"],
)
def test_an_array_is_saved_once_it_was_loaded_again(
    raw: Database, user: User, load: Callable[[User], object]
) -> None:
    User.objects.get().add_role("admin")
    load(user)
    user.roles.append("editor")
    user.save()
    assert raw.users.find_one()["roles"] == ["user", "admin", "editor"]


def test_a_copy_notices_what_mongoengine_does_not(raw: Database, user: User) -> None:
    other = pickle.loads(pickle.dumps(User.objects.get()))
    other.roles.clear()
    other.save()
    assert raw.users.find_one()["roles"] == []


def test_save_replaces_no_nested_array_that_was_not_read(raw: Database, user: User) -> None:
    Preferences.find_by_user_id(user.id).add_favorite_app("a")
    preferences = Preferences.objects.only("dashboard__layout").get()
    preferences.dashboard.favorite_apps.append("b")
    with pytest.raises(DocumentChanged):
        preferences.save()
    assert raw.preferences.find_one()["dashboard"]["favoriteApps"] == ["a"]


def test_two_saves_of_different_fields_keep_both(raw: Database, user: User) -> None:
    first, second = (Profile.find_by_user_id(user.id) for _ in range(2))
    first.bio = "Hi"
    second.display_name = "Ann"
    first.save()
    second.save()
    stored = raw.profiles.find_one()
    assert (stored["bio"], stored["displayName"]) == ("Hi", "Ann")


def test_empty_values_survive_save(raw: Database, user: User) -> None:
    profile = Profile.find_by_user_id(user.id)
    profile.bio = "Hi"
    profile.metadata = {"a": 1, "b": [1], "c": 1}
    profile.save()
    profile.bio = ""
    profile.metadata["a"] = {}
    profile.metadata["b"] = []
    profile.metadata["c"] = None
    profile.save()
    stored = raw.profiles.find_one()
    assert stored["bio"] == ""
    assert stored["metadata"] == {"a": {}, "b": [], "c": None}
    user.roles = []
    user.save()
    assert raw.users.find_one()["roles"] == []
    profile.metadata = {}
    profile.save()
    assert raw.profiles.find_one()["metadata"] == {}


def test_save_removes_what_was_set_to_none_or_deleted(raw: Database, user: User) -> None:
    profile = Profile.find_by_user_id(user.id)
    profile.bio = "Hi"
    profile.metadata = {"a": 1, "b": 2}
    profile.save()
    profile.bio = None
    del profile.metadata["a"]
    profile.save()
    stored = raw.profiles.find_one()
    assert "bio" not in stored
    assert stored["metadata"] == {"b": 2}


def test_save_changes_no_other_document_by_its_id(raw: Database, user: User) -> None:
    other = User.create_user(email="bob@example.org", name="Bob")
    user.id, user.name = other.id, "Ann"
    with pytest.raises(ValidationError) as caught:
        user.save()
    assert list(caught.value.errors) == ["_id"]
    assert raw.users.find_one({"_id": other.id})["name"] == "Bob"


def test_save_of_an_invalid_value_stores_nothing(raw: Database, user: User) -> None:
    before = raw.profiles.find_one()
    profile = Profile.find_by_user_id(user.id)
    profile.display_name, profile.bio = "Ann", "x" * 501
    with pytest.raises(ValidationError):
        profile.save()
    assert raw.profiles.find_one() == before


def test_a_condition_of_save_that_does_not_hold_is_reported_as_such(
    raw: Database, user: User
) -> None:
    user.name = "Anna"
    with pytest.raises(SaveConditionError):
        user.save(save_condition={"name": "somebody else"})
    assert raw.users.find_one()["name"] == "Ann"
    user.save(save_condition={"name": "Ann"})
    assert raw.users.find_one()["name"] == "Anna"


def test_an_atomic_change_drops_what_was_not_saved(raw: Database, user: User) -> None:
    user.name = "unsaved"
    user.add_role("admin")
    assert user.name == "Ann"
    user.save()
    assert raw.users.find_one()["name"] == "Ann"


def test_refresh_loads_what_others_stored(raw: Database, user: User) -> None:
    raw.users.update_one({}, {"$set": {"name": "Anna"}, "$unset": {"authMethods": 1}})
    user.refresh()
    assert (user.name, user.auth_methods) == ("Anna", [])


def test_a_document_is_inserted_once(user: User) -> None:
    with pytest.raises(TypeError):
        User.insert_documents([user])


def test_documents_inserted_together_are_valid_or_none_is_stored(raw: Database, user: User) -> None:
    good = {"user_id": user.id, "event_type": "x"}
    with pytest.raises(ValidationError):
        Activity.objects.insert([Activity(**good), Activity(user_id=user.id), Activity(**good)])
    assert raw.activities.count_documents({}) == 0


def test_insert_returns_documents_or_their_ids(user: User) -> None:
    def activity() -> Activity:
        return Activity(user_id=user.id, event_type="x")

    assert isinstance(Activity.objects.insert(activity()), Activity)
    assert isinstance(Activity.objects.insert(activity(), load_bulk=False), ObjectId)
    ids = Activity.objects.insert([activity(), activity()], load_bulk=False)
    assert [type(id) for id in ids] == [ObjectId, ObjectId]
    assert Activity.objects.insert([]) == []


LIMITED: dict[str, Callable[[Any], Any]] = {
    "User.find_by_role": lambda limit: User.find_by_role("user", limit),
    "User.find_by_auth_method": lambda limit: User.find_by_auth_method("google", limit),
    "AppData.find_by_user_and_app": lambda limit: AppData.find_by_user_and_app(
        ObjectId(), "a", limit
    ),
    "Activity.find_by_app_id": lambda limit: Activity.find_by_app_id("a", limit),
    "Activity.find_by_session_id": lambda limit: Activity.find_by_session_id("s", limit),
    "Activity.find_by_event_type": lambda limit: Activity.find_by_event_type("x", limit),
    "Activity.get_recent_activity": lambda limit: Activity.get_recent_activity(
        ObjectId(), limit=limit
    ),
    "Analytics.find_by_event_name": lambda limit: Analytics.find_by_event_name("x", limit),
    "Analytics.find_by_category": lambda limit: Analytics.find_by_category("x", limit),
    **{
        f"{model.__name__}.find_by_user_id": lambda limit, model=model: model.find_by_user_id(
            ObjectId(), limit
        )
        for model in (Activity, Analytics)
    },
    **{
        f"{model.__name__}.find_by_date_range": lambda limit, model=model: model.find_by_date_range(
            LONG_AGO, now(), limit=limit
        )
        for model in (Activity, Analytics)
    },
}


@each("limit", [0, -1, True, MAX_LIMIT + 1, 1e9, 10.0, None, "10"], ids=str)
@each("finder", LIMITED)
def test_a_limit_that_is_no_number_from_one_to_a_thousand_is_refused(
    mongodb: str, finder: str, limit: Any
) -> None:
    with pytest.raises(ValidationError):
        LIMITED[finder](limit)


@each("limit", [1, MAX_LIMIT])
@each("finder", LIMITED)
def test_the_limit_is_that_of_the_query(commands: CommandCounter, finder: str, limit: int) -> None:
    commands.clear()
    list(LIMITED[finder](limit))
    assert [command["limit"] for _, command in commands.sent] == [limit]


@pytest.mark.parametrize(
    ("finder", "limit"),
    [
        (lambda: User.find_by_role("user"), 100),
        (lambda: User.find_by_auth_method("google"), 100),
        (lambda: Activity.find_by_user_id(ObjectId()), 100),
        (lambda: Activity.find_by_app_id("a"), 100),
        (lambda: Activity.get_recent_activity(ObjectId()), 100),
        (lambda: Analytics.find_by_date_range(LONG_AGO, now()), 100),
        (lambda: AppData.find_by_user_and_app(ObjectId(), "a"), MAX_LIMIT),
    ],
)
def test_a_list_is_bounded_by_default(commands: CommandCounter, finder: Any, limit: int) -> None:
    list(finder())
    assert [command["limit"] for _, command in commands.sent] == [limit]


CREATE: dict[str, Callable[[Any], Any]] = {
    "Profile": Profile.create_profile,
    "Preferences": Preferences.create_preferences,
    "Activity": lambda id: Activity.create_activity(user_id=id, event_type="x"),
    "AppData": lambda id: AppData.create_app_data(
        user_id=id, app_id="a", data_key="k", data_value=1
    ),
    "AppData.upsert": lambda id: AppData.upsert_app_data(id, "a", "k", 1),
    "Analytics": lambda id: Analytics.create_analytics(
        user_id=id, event_name="x", event_category="custom"
    ),
}

#: Each makes a Document of a user, or finds the one that is made with the user.
OWNED: dict[str, Callable[[User], Any]] = {
    "Profile": lambda user: Profile.find_by_user_id(user.id),
    "Preferences": lambda user: Preferences.find_by_user_id(user.id),
    **{
        name: lambda user, name=name: CREATE[name](user.id)
        for name in ("Activity", "AppData", "Analytics")
    },
}


@pytest.mark.parametrize("name", CREATE)
def test_what_is_created_for_a_user_who_does_not_exist_is_taken_back(
    raw: Database, name: str
) -> None:
    with pytest.raises(UserNotFound):
        CREATE[name](ObjectId())
    for case in MONGOOSE:
        assert raw[case.name].count_documents({}) == 0


@pytest.mark.parametrize("form", [ObjectId, str])
@pytest.mark.parametrize(
    ("model", "name", "changed"),
    [(Profile, "profile", {"bio": "new"}), (Preferences, "preferences", {"theme": "dark"})],
)
def test_a_user_has_one_profile_and_one_set_of_preferences(
    raw: Database, user: User, model: Any, name: str, changed: dict[str, Any], form: type
) -> None:
    stored = model.find_by_user_id(form(user.id))
    assert stored.user_id == user.id
    assert model.find_by_user_id(form(ObjectId())) is None
    with pytest.raises(AlreadyExists):
        getattr(model, f"create_{name}")(form(user.id))
    find_or_create = getattr(model, f"find_or_create_{name}")
    assert find_or_create(form(user.id), **changed) == stored
    model.collection().delete_many({})
    assert find_or_create(form(user.id), **changed) != stored
    assert model.collection().count_documents({"userId": user.id, **changed}) == 1


#: Model -> the methods that change a stored document, with arguments.
CHANGES: dict[str, list[tuple[Any, ...]]] = {
    "User": [
        *(("add_role", "admin"), ("remove_role", "user"), ("update_last_login",), ("refresh",)),
        *(("add_permission", "*"), ("remove_permission", "*")),
        *(("add_auth_method", "cdsso"), ("remove_auth_method", "google")),
    ],
    "Profile": [
        *(("update_avatar", "https://x.org/a.png"), ("clear_avatar",)),
        *(("set_metadata", "a", 1), ("delete_metadata", "a")),
        *(("patch", {"bio": "Hi"}), ("patch", {})),
    ],
    "Preferences": [
        *(("update_theme", "dark"), ("update_language", "he"), ("reset_to_defaults",)),
        *(("toggle_notification", "push"), ("toggle_notification", "push", True)),
        *(("enable_widget", "w"), ("disable_widget", "w"), ("remove_widget", "w")),
        *(("set_widget_customization", "w", {}), ("add_favorite_app", "a")),
        ("remove_favorite_app", "a"),
    ],
    "Activity": [("add_metadata", "a", 1)],
    "AppData": [
        *(("update_value", 5), ("update_value_with_version", 5, 1), ("increment_version",)),
        ("save",),
    ],
    "Analytics": [("add_event_data", "a", 1)],
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_document_that_is_gone_is_refused(
    raw: Database, user: User, name: str
) -> None:
    document = user if name == "User" else OWNED[name](user)
    collection = raw[document._meta["collection"]]
    collection.delete_many({})
    for method, *arguments in CHANGES[name]:
        with pytest.raises(UserNotFound if name == "User" else NotFound):
            getattr(document, method)(*arguments)
        assert collection.count_documents({}) == 0, method


@pytest.mark.parametrize(
    ("name", "method", "data"),
    [("Activity", "add_metadata", "metadata"), ("Analytics", "add_event_data", "event_data")],
)
def test_what_is_added_to_an_event_keeps_the_other_keys(
    user: User, name: str, method: str, data: str
) -> None:
    event = OWNED[name](user)
    getattr(event, method)("a", {"b": None})
    getattr(event, method)("c", [])
    getattr(event, method)("d", {"e": False})
    expected = {"a": {"b": None}, "c": [], "d": {"e": False}}
    assert getattr(event, data) == getattr(type(event).objects.get(), data) == expected


@each("key", ["", "$a", "a.b", "a\0", "_cls", "_ref", None, 5, b"a", {"$gt": ""}], ids=ascii)
@each(
    ("name", "method"),
    [("Profile", "set_metadata"), ("Activity", "add_metadata"), ("Analytics", "add_event_data")],
)
def test_a_key_that_is_unsafe_is_refused(
    raw: Database, user: User, name: str, method: str, key: Any
) -> None:
    document = OWNED[name](user)
    before = raw[document._meta["collection"]].find_one({"_id": document.pk})
    with pytest.raises(ValidationError):
        getattr(document, method)(key, 1)
    assert raw[document._meta["collection"]].find_one({"_id": document.pk}) == before


@pytest.mark.parametrize("name", OWNED)
def test_the_virtual_user_is_read_once_when_asked_for(
    commands: CommandCounter, user: User, name: str
) -> None:
    document = OWNED[name](user)
    other = type(document).objects.get()
    commands.clear()
    assert document.user == user
    assert document.user.email == "ann@example.org"
    assert commands.names == ["find"]
    User.collection().delete_many({})
    assert other.user is None


@pytest.mark.parametrize("name", OWNED)
def test_the_virtual_user_is_read_only_and_not_stored(raw: Database, user: User, name: str) -> None:
    document = OWNED[name](user)
    with pytest.raises(AttributeError):
        document.user = user
    assert document.user == user
    document.save()
    assert "user" not in raw[document._meta["collection"]].find_one()


def test_populate_reads_all_users_with_one_query(commands: CommandCounter) -> None:
    users = [User.create_user(email=f"{n}@example.org") for n in range(3)]
    gone = User.create_user(email="gone@example.org")
    for owner in [*users, *users, gone]:
        Activity.create_activity(user_id=owner.id, event_type="x")
    User.collection().delete_one({"_id": gone.id})
    commands.clear()
    activities = Activity.find_by_event_type("x").populate("user")
    emails = [activity.user and activity.user.email for activity in activities]
    assert sorted(emails, key=str) == sorted([*(user.email for user in users * 2), None], key=str)
    assert commands.names == ["find", "find"]


def test_populate_of_anything_but_the_user_is_refused(user: User) -> None:
    with pytest.raises(ValidationError):
        Activity.find_by_event_type("x").populate("profile")


@pytest.mark.parametrize("name", ["Profile.set_metadata", "Activity.add_metadata"])
def test_concurrent_adds_together_stay_within_the_limit(
    raw: Database, user: User, name: str
) -> None:
    model, method = name.split(".")
    document = OWNED[model](user)
    id, owner = document.pk, type(document)

    def add(n: int) -> bool:
        try:
            getattr(owner.objects.get(pk=id), method)(str(n), "x" * 2_000)
        except ValidationError:
            return False
        return True

    added = together([partial(add, n) for n in range(12)])
    stored = raw[owner._meta["collection"]].find_one({"_id": id})["metadata"]
    assert sum(added) == len(stored) == 8


def test_patch_sets_removes_and_merges_and_keeps_all_else(raw: Database, user: User) -> None:
    profile = Profile.find_by_user_id(user.id)
    profile.bio = "Hi"
    profile.metadata = {"a": 1, "b": {"c": 1}}
    profile.save()
    profile.patch({"bio": None, "display_name": "Ann"}, merge={"metadata": {"b": 2, "d": None}})
    stored = raw.profiles.find_one()
    assert without_version(stored) == profile.to_mongo()
    assert "bio" not in stored
    assert (stored["displayName"], stored["metadata"]) == ("Ann", {"a": 1, "b": 2, "d": None})


def test_patch_of_a_part_keeps_the_other_parts(raw: Database, user: User) -> None:
    raw.preferences.update_one({}, {"$set": {"notifications.sms": True}})
    preferences = Preferences.find_by_user_id(user.id)
    preferences.patch({"notifications.in_app": False})
    assert raw.preferences.find_one()["notifications"] == {
        "email": True,
        "push": True,
        "inApp": False,
        "sms": True,
    }


def test_patch_takes_no_value_for_an_expression(raw: Database, user: User) -> None:
    Profile.find_by_user_id(user.id).patch({"bio": "$userId"}, merge={"metadata": {"a": "$bio"}})
    stored = raw.profiles.find_one()
    assert (stored["bio"], stored["metadata"]) == ("$userId", {"a": "$bio"})


@pytest.mark.parametrize(
    ("values", "merge"),
    [
        ({"bio": "x" * 501}, {}),
        ({"metadata": {"$a": 1}}, {}),
        ({}, {"metadata": {"$a": 1}}),
        ({"bio": "fine"}, {"metadata": {"a": "x" * 20_000}}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_patch_stores_all_or_nothing(
    raw: Database, user: User, values: dict[str, Any], merge: dict[str, Any]
) -> None:
    before = raw.profiles.find_one()
    with pytest.raises(ValidationError):
        Profile.find_by_user_id(user.id).patch(values, merge=merge)
    assert raw.profiles.find_one() == before


@pytest.mark.parametrize("values", [{"bio": "new"}, {}], ids=str)
def test_patch_of_a_document_that_is_not_as_expected_changes_nothing(
    raw: Database, user: User, values: dict[str, Any]
) -> None:
    profile = Profile.find_by_user_id(user.id)
    profile.refresh()
    profile.expected = profile.stored
    raw.profiles.update_one({}, {"$set": {"displayName": "somebody else"}})
    with pytest.raises(DocumentChanged):
        profile.patch(values)
    profile.expected = profile.stored
    profile.patch({"bio": "newer"})
    profile.patch({"bio": "new"})
    stored = raw.profiles.find_one()
    assert (stored["displayName"], stored["bio"]) == ("somebody else", "new")


def test_update_and_modify_of_a_queryset_change_what_is_stored(raw: Database, user: User) -> None:
    assert Profile.objects(user_id=str(user.id)).update(set__bio="Hi") == 1
    assert Profile.objects(user_id=user.id).modify(set__bio="Ho", new=True).bio == "Ho"
    assert raw.profiles.find_one()["bio"] == "Ho"
