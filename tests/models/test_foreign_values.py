"""What other programs stored is kept, and does not stand in the way."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from pymongo.database import Database

from chabad_auth_django.db.transactions import RetryTransaction, atomic
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Activity, AppData, Preferences, Profile, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.preferences import Dashboard, Notifications, Widgets
from chabad_auth_django.models.profile import Avatar

URL = "https://b.org/x.png"

AVATAR = {"url": "https://a.org/", "thumbnailUrl": "https://a.org/", "crop": {"x": 1}}
METADATA = {"city": "Kfar"}
NOTIFICATIONS = {"email": False, "push": True, "inApp": True, "sms": {"number": "1"}}
WIDGETS = {"enabled": ["a"], "disabled": [], "customizations": {"a": {"b": {}}}, "order": [2, 1]}
DASHBOARD = {"layout": "list", "defaultView": "v", "favoriteApps": ["x"], "columns": 3}


def set_and_save(name: str, value: Any) -> Callable[[Any], None]:
    def operation(document: Any) -> None:
        setattr(document, name, value)
        document.save()

    return operation


#: Changes of a profile that its avatar, or its metadata, has to be an object for.
AVATARS: list[Callable[[Profile], object]] = [
    lambda profile: profile.update_avatar(URL),
    lambda profile: profile.patch({"avatar": Avatar(url=URL)}),
    lambda profile: set_and_save("avatar", Avatar(url=URL))(profile),
]
METADATAS: list[Callable[[Profile], object]] = [
    lambda profile: profile.set_metadata("k", 1),
    lambda profile: profile.patch({}, merge={"metadata": {"k": 1}}),
]

#: A field of preferences -> changes that it has to be an object for.
NESTED: dict[str, list[Callable[[Preferences], object]]] = {
    "notifications": [
        lambda item: item.toggle_notification("push", False),
        lambda item: item.patch({"notifications.push": False}),
        lambda item: set_and_save("notifications", Notifications(push=False))(item),
        lambda item: item.reset_to_defaults(),
    ],
    "widgets": [
        lambda item: item.enable_widget("new"),
        lambda item: item.set_widget("new", enabled=False, customization={"c": 1}),
        lambda item: item.set_widget_customization("new", {"c": 1}),
        lambda item: item.remove_widget("a"),
        lambda item: set_and_save("widgets", Widgets(enabled=["new"]))(item),
        lambda item: item.reset_to_defaults(),
    ],
    "dashboard": [
        lambda item: item.add_favorite_app("new"),
        lambda item: item.remove_favorite_app("x"),
        lambda item: item.patch({"dashboard.layout": "grid"}),
        lambda item: item.patch({"dashboard": Dashboard(layout="grid")}),
        lambda item: set_and_save("dashboard", Dashboard(layout="new"))(item),
        lambda item: item.reset_to_defaults(),
    ],
}

#: What another program stored where we store an object.
NO_OBJECTS: list[Any] = [None, "text", 7, [], [{"a": 1}, {"url": "u"}], True]

UNKNOWN = {"avatar": "crop", "notifications": "sms", "widgets": "order", "dashboard": "columns"}


def test_unknown_fields_survive_each_change_of_what_they_are_in(raw: Database, user: User) -> None:
    raw.profiles.update_one({}, {"$set": {"avatar": AVATAR, "metadata": METADATA, "more": [None]}})
    stored = {"notifications": NOTIFICATIONS, "widgets": WIDGETS, "dashboard": DASHBOARD}
    for change in AVATARS + METADATAS:
        raw.profiles.update_one({}, {"$set": {"avatar": AVATAR}})
        change(Profile.find_by_user_id(user.id))
        after = raw.profiles.find_one()
        assert (after["avatar"]["crop"], after["more"]) == ({"x": 1}, [None])
    for name, changes in NESTED.items():
        for number, change in enumerate(changes):
            raw.preferences.update_one({}, {"$set": deepcopy(stored) | {"more": {}}})
            before = raw.preferences.find_one()
            change(Preferences.find_by_user_id(user.id))
            after = raw.preferences.find_one()
            assert after != before, (name, number)
            assert after["more"] == {}
            for field, unknown in UNKNOWN.items():
                if field in stored:
                    assert after[field][unknown] == stored[field][unknown], (name, number)


def test_what_is_no_object_becomes_one_in_the_same_update(raw: Database, user: User) -> None:
    for value in NO_OBJECTS:
        for field, changes in (("avatar", AVATARS), ("metadata", METADATAS)):
            for number, change in enumerate(changes):
                raw.profiles.update_one({}, {"$set": {field: deepcopy(value)}})
                change(Profile.find_by_user_id(user.id))
                shown = raw.profiles.find_one()[field]
                expected = shown.get("url") == URL if field == "avatar" else shown == {"k": 1}
                assert expected, (value, field, number)
        for field, changes in NESTED.items():
            for number, change in enumerate(changes):
                raw.preferences.update_one({}, {"$set": {field: deepcopy(value)}})
                preferences = Preferences.find_by_user_id(user.id)
                change(preferences)
                after = raw.preferences.find_one()
                assert isinstance(after[field], dict), (value, field, number)
                assert after == preferences.stored
                assert "a" not in after[field]
        # One level deeper.
        raw.preferences.update_one({}, {"$set": {"widgets": {"customizations": value}}})
        Preferences.find_by_user_id(user.id).set_widget_customization("new", {"c": 1})
        assert raw.preferences.find_one()["widgets"] == {"customizations": {"new": {"c": 1}}}


def test_a_removal_leaves_what_is_no_object(raw: Database, user: User) -> None:
    for value in NO_OBJECTS:
        raw.profiles.update_one({}, {"$set": {"metadata": value}})
        for key in ("0", "a"):
            Profile.find_by_user_id(user.id).delete_metadata(key)
        assert raw.profiles.find_one()["metadata"] == value
    raw.profiles.update_one({}, {"$unset": {"metadata": 1}})
    Profile.find_by_user_id(user.id).delete_metadata("a")
    assert "metadata" not in raw.profiles.find_one()


#: Model -> what today's rules refuse, and a change of something else.
REFUSED: list[tuple[type[Any], dict[str, Any], str, Any]] = [
    (User, {"email": "Ann Example.org"}, "name", "New"),
    (User, {"email": 7}, "name", "New"),
    (User, {"authMethods": ["saml"], "roles": ["", " x "]}, "name", "New"),
    (User, {"name": "x" * 300, "permissions": [" "]}, "roles", ["a"]),
    (Profile, {"avatar": {"url": "ftp://a.org"}}, "bio", "New"),
    (Profile, {"bio": "x" * 600, "metadata": {"$a": {}}}, "display_name", "New"),
    (Preferences, {"language": "?", "theme": "blue"}, "dashboard.layout", "list"),
    (Preferences, {"dashboard.favoriteApps": [" x "], "language": 5}, "dashboard.layout", "list"),
    (Preferences, {"notifications.email": "yes"}, "notifications.push", False),
    (Activity, {"eventType": "", "eventData": {"a.b": 1}}, "app_id", "cteen"),
]


def test_save_validates_what_changed_and_nothing_else(raw: Database, user: User) -> None:
    Activity.create_activity(user_id=user.id, event_type="opened")
    for model, refused, path, value in REFUSED:
        collection = raw[model.collection().name]
        before = collection.find_one()
        collection.update_one({}, {"$set": refused})
        stored = collection.find_one()
        document = model.objects.get()
        owner, _, name = path.rpartition(".")
        setattr(getattr(document, owner) if owner else document, name, value)
        document.save()
        after = collection.find_one()
        assert after != stored, path
        for field in refused:
            assert at(after, field) == at(stored, field), (model, field)
        # The same value is refused where it is new, and the whole document is not valid.
        if list(refused) != ["notifications.email"]:
            with pytest.raises(ValidationError):
                model.objects.get().validate()
        collection.replace_one({}, before)


@pytest.mark.parametrize(
    ("model", "field"), [(User, "email"), (Profile, "userId"), (AppData, "version")], ids=str
)
def test_a_document_is_copied_and_shown_as_it_is_stored(
    raw: Database, user: User, model: type[Any], field: str
) -> None:
    AppData.create_app_data(user_id=user.id, app_id="a", data_key="k", data_value=1)
    collection = raw[model.collection_name()]
    collection.update_one({}, {"$set": {field: ["text"]}})
    stored = collection.find_one()
    document = deepcopy(model.objects.get())
    assert document.to_mongo()[field] == ["text"]
    if model is User:
        document.save()
    assert collection.find_one() == stored


def test_a_document_is_changed_and_deleted_whatever_its_id(raw: Database, user: User) -> None:
    row = {"_id": "theirs", "userId": user.id, "eventType": "opened", "timestamp": now()}
    raw.activities.insert_one(row)
    activity = Activity.find_by_user_id(user.id).get()
    activity.update(set__app_id="a")
    assert activity.reload().app_id == activity.reload("app_id").app_id == "a"
    assert activity.modify(set__session_id="s")
    assert raw.activities.find_one() == {**row, "appId": "a", "sessionId": "s"}
    activity.delete()
    assert raw.activities.find_one() is None


def at(document: dict[str, Any], path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value[part]
    return value


def test_what_changed_is_validated_at_every_depth(raw: Database, user: User) -> None:
    preferences = Preferences.find_by_user_id(user.id)
    for name, value in (("layout", ""), ("favorite_apps", [""]), ("default_view", "x" * 101)):
        setattr(preferences.dashboard, name, value)
        with pytest.raises(ValidationError) as caught:
            preferences.save()
        assert list(caught.value.errors) == ["dashboard"]
        preferences.refresh()
    profile = Profile.find_by_user_id(user.id)
    profile.avatar = Avatar(thumbnail_url=URL)
    with pytest.raises(ValidationError):
        profile.save()
    user.email = None
    with pytest.raises(ValidationError):
        user.save()
    assert raw.users.find_one()["email"] == "ann@example.org"


def test_a_save_in_a_transaction_that_runs_again_stores_the_same(user: User) -> None:
    user.name, user.roles = "New", ["user", "a"]
    tries = []

    @atomic
    def save() -> None:
        user.save()
        user.add_role("b")
        tries.append(user.name)
        if len(tries) < 3:
            raise RetryTransaction("again")

    save()
    stored = User.read(_id=user.id)
    assert (tries, stored["name"], stored["roles"]) == (["New"] * 3, "New", ["user", "a", "b"])
    assert stored["__v"] == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.save(),
        lambda value: value.update_value_with_version(2, value.version),
    ],
    ids=["save", "update"],
)
def test_app_data_is_stored_by_a_transaction_that_runs_again(
    user: User, change: Callable[[AppData], object]
) -> None:
    value = AppData.upsert_app_data(user.id, "a", "k", 1)
    value.data_value = 2
    tries = []

    @atomic
    def store() -> None:
        change(value)
        tries.append(value.version)
        if len(tries) < 3:
            raise RetryTransaction("again")

    store()
    assert tries == [2, 2, 2]
    assert AppData.objects.get().data_value == 2


@pytest.mark.parametrize(
    "load",
    [lambda user: user.modify(push__roles="a"), lambda user: user.refresh()],
    ids=["modify", "refresh"],
)
def test_what_was_rolled_back_is_in_no_document(user: User, load: Callable[[User], object]) -> None:
    @atomic
    def fail() -> None:
        User.objects.update(push__roles="b")
        load(user)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert user.roles == ["user"]
