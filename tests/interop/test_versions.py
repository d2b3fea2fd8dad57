"""``__v``, by which Mongoose notices that its copy of an array is old.

``ROWS`` is the table of the page docs/mongoose.md. What Mongoose does is asked of Mongoose.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from pymongo.database import Database
from support.mongoose import MongooseError, Program
from support.signed_in import api_client

from chabad_auth_django.contrib.universe.mapping import preferences as client_preferences
from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import DocumentChanged
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.models.base import Document
from chabad_auth_django.services.data import events


class Row(NamedTuple):
    """An operation of ours, and the same of a Mongoose program."""

    model: type[Document]
    ours: Callable[[Any], object]
    theirs: str
    counts: bool


def save(**values: Any) -> Callable[[Any], object]:
    """Return what sets the attributes and saves the document."""

    def operation(document: Any) -> None:
        for name, value in values.items():
            setattr(document, name, value)
        document.save()

    return operation


def patch(path: str, body: dict[str, Any]) -> Callable[[Any], object]:
    """Return what sends a PATCH of the owner's."""

    def operation(document: Any) -> None:
        client = api_client(document.user_id)
        answer = client.patch(f"/api/users/me/{path}/", body, format="json")
        assert answer.status_code == 200, answer.json()

    return operation


def widget(id: str, *, visible: bool = True, **settings: Any) -> dict[str, Any]:
    """Return a widget as a front end of ChabadUniverse sends it."""
    return {"widgetId": id, "visible": visible, "settings": settings or {"a": 1}}


ROWS = [
    Row(User, lambda user: user.add_role("new"), "addRole('new')", True),
    Row(User, lambda user: user.add_role("one"), "addRole('one')", False),
    Row(User, lambda user: user.remove_role("one"), "removeRole('one')", True),
    Row(User, lambda user: user.remove_role("none"), "removeRole('none')", False),
    Row(User, lambda user: user.add_permission("new"), "addPermission('new')", True),
    Row(User, lambda user: user.remove_permission("one"), "removePermission('one')", True),
    Row(User, lambda user: user.add_auth_method("cdsso"), "addAuthMethod('cdsso')", True),
    Row(User, lambda user: user.remove_auth_method("google"), "removeAuthMethod('google')", True),
    Row(User, lambda user: user.update_last_login(), "updateLastLogin()", False),
    Row(User, save(name="New"), "set({name: 'New'}).save()", False),
    Row(User, save(roles=["a", "b"]), "set({roles: ['a', 'b']}).save()", True),
    Row(
        Profile,
        lambda profile: profile.update_avatar("https://b.org/"),
        "updateAvatar('https://b.org/')",
        False,
    ),
    Row(Profile, lambda profile: profile.clear_avatar(), "clearAvatar()", False),
    Row(Profile, lambda profile: profile.set_metadata("k", 2), "setMetadata('k', 2)", False),
    Row(Profile, lambda profile: profile.set_metadata("k", [2]), "setMetadata('k', [2])", True),
    Row(Profile, lambda profile: profile.set_metadata("l", [1]), "setMetadata('l', [1])", False),
    Row(Profile, lambda profile: profile.delete_metadata("l"), "deleteMetadata('l')", False),
    Row(
        Profile,
        patch("profile", {"metadata": {"k": [2]}}),
        "set({metadata: {k: [2]}}).save()",
        False,
    ),
    Row(Preferences, lambda item: item.add_favorite_app("new"), "addFavoriteApp('new')", True),
    Row(Preferences, lambda item: item.add_favorite_app("one"), "addFavoriteApp('one')", False),
    Row(
        Preferences, lambda item: item.remove_favorite_app("one"), "removeFavoriteApp('one')", True
    ),
    Row(Preferences, lambda item: item.enable_widget("new"), "enableWidget('new')", True),
    Row(Preferences, lambda item: item.enable_widget("one"), "enableWidget('one')", False),
    Row(Preferences, lambda item: item.disable_widget("one"), "disableWidget('one')", True),
    Row(
        Preferences,
        lambda item: item.set_widget_customization("one", {"a": [1]}),
        "setWidgetCustomization('one', {a: [1]})",
        False,
    ),
    Row(
        Preferences,
        lambda item: item.toggle_notification("push"),
        "toggleNotification('push')",
        False,
    ),
    Row(Preferences, lambda item: item.update_theme("dark"), "updateTheme('dark')", False),
    Row(Preferences, lambda item: item.reset_to_defaults(), "resetToDefaults()", False),
    Row(
        Preferences,
        patch("preferences", {"dashboard": {"favoriteApps": ["a"]}}),
        "set('dashboard.favoriteApps', ['a']).save()",
        True,
    ),
    Row(
        Preferences,
        patch("preferences", {"dashboard": {"layout": "list"}}),
        "set('dashboard.layout', 'list').save()",
        False,
    ),
    Row(
        Preferences,
        lambda item: client_preferences.change(
            item.user_id, {"dashboard": {"favoriteApps": ["a"]}}
        ),
        "set('dashboard.favoriteApps', ['a']).save()",
        True,
    ),
    Row(
        Preferences,
        lambda item: client_preferences.change(item.user_id, {"dashboard": {"layout": "list"}}),
        "set('dashboard.layout', 'list').save()",
        False,
    ),
    Row(
        Preferences,
        lambda item: client_preferences.change_widgets(
            item.user_id, [widget("one", visible=False)]
        ),
        "disableWidget('one')",
        True,
    ),
    Row(
        Preferences,
        lambda item: client_preferences.change_widgets(item.user_id, [widget("one", a=[1])]),
        "setWidgetCustomization('one', {a: [1]})",
        False,
    ),
    Row(AppData, lambda item: item.update_value({"a": [1]}), "updateValue({a: [1]})", False),
    Row(AppData, lambda item: item.update_value([1]), "updateValue([1])", True),
    Row(AppData, lambda item: item.increment_version(), "incrementVersion()", False),
    Row(Activity, lambda item: item.add_metadata("k", 2), "addMetadata('k', 2)", False),
    Row(Activity, lambda item: item.add_metadata("k", [2]), "addMetadata('k', [2])", True),
    Row(Analytics, lambda item: item.add_event_data("k", 2), "addEventData('k', 2)", False),
    Row(Analytics, lambda item: item.add_event_data("k", [2]), "addEventData('k', [2])", True),
]

#: Model -> what a Mongoose program does to an array of an old copy of the document.
OLD_COPIES = {
    User: "roles = ['old']",
    Profile: "set('metadata.old', ['old'])",
    Preferences: "dashboard.favoriteApps = ['old']",
    AppData: "dataValue = ['old']",
    Activity: "set('metadata.old', ['old'])",
    Analytics: "set('eventData.old', ['old'])",
}


Seed = Callable[[type[Document], dict[str, Any]], None]


@pytest.fixture
def seed(raw: Database, mongodb: str) -> Seed:
    """Return what stores a document of the model as it was first, with what is given besides."""
    user = User.create_user(
        email="ann@example.org",
        roles=["user", "one"],
        permissions=["one"],
        auth_methods=["google", "credentials"],
    )
    data = {"k": 1, "l": [1]}
    Profile(user_id=user.id).patch({"metadata": data})
    preferences = Preferences.find_by_user_id(user.id)
    preferences.add_favorite_app("one")
    preferences.enable_widget("one")
    preferences.set_widget_customization("one", {"a": 1})
    key = {"user_id": user.id, "app_id": "cteen"}
    AppData.create_app_data(**key, data_key="k", data_value=["first"])
    Activity.create_activity(**key, event_type="opened", metadata=data)
    Analytics.create_analytics(**key, event_name="opened", event_category="custom", event_data=data)
    rows = {model: without_version(model.read()) for model in OLD_COPIES}

    def store(model: type[Document], more: dict[str, Any]) -> None:
        raw[model.collection().name].replace_one({}, rows[model] | more)

    return store


def test_each_operation_counts_as_mongoose_counts_it(
    mongoose: Program, raw: Database, seed: Seed
) -> None:
    for row in ROWS:
        counted = []
        for apply in (
            lambda row=row: row.ours(row.model.objects.get()),
            lambda row=row: mongoose.run(
                f"await (await {row.model.__name__}.findOne()).{row.theirs}"
            ),
        ):
            seed(row.model, {"__v": 3})
            apply()
            counted.append(raw[row.model.collection().name].find_one()["__v"])
        assert counted == [3 + row.counts] * 2, row


def test_an_old_copy_of_mongoose_overwrites_nothing_that_we_counted(
    mongoose: Program, raw: Database, seed: Seed
) -> None:
    for row in ROWS:
        seed(row.model, {"__v": 3})
        stored = raw[row.model.collection().name]
        change = OLD_COPIES[row.model]
        mongoose.run(f"kept.old = await {row.model.__name__}.findOne(); kept.old.{change}")
        row.ours(row.model.objects.get())
        after = stored.find_one()
        if row.counts:
            with pytest.raises(MongooseError, match="VersionError"):
                mongoose.run("await kept.old.save()")
            assert stored.find_one() == after, row
            # With a new copy it succeeds.
            code = f"const copy = await {row.model.__name__}.findOne(); copy.{change}; "
            mongoose.run(code + "await copy.save()")
        else:
            mongoose.run("await kept.old.save()")
        assert stored.find_one()["__v"] == after["__v"] + 1, row


def test_an_old_copy_of_ours_overwrites_nothing_that_mongoose_counted(
    mongoose: Program, raw: Database, seed: Seed
) -> None:
    ours = {
        User: save(roles=["old"]),
        Preferences: lambda item: save()(item.dashboard.favorite_apps.append("old") or item),
        Profile: lambda item: save()(item.metadata.__setitem__("old", ["old"]) or item),
    }
    for row in ROWS:
        if row.model not in ours:
            continue
        seed(row.model, {"__v": 3})
        stored = raw[row.model.collection().name]
        old = row.model.objects.get()
        mongoose.run(f"await (await {row.model.__name__}.findOne()).{row.theirs}")
        theirs = stored.find_one()
        if row.counts:
            with pytest.raises(DocumentChanged):
                ours[row.model](old)
            assert stored.find_one() == theirs, row
        ours[row.model](row.model.objects.get())
        assert stored.find_one()["__v"] == theirs["__v"] + 1


def test_a_document_without_a_version_gets_none(
    mongoose: Program, raw: Database, seed: Seed
) -> None:
    for row in ROWS:
        seed(row.model, {})
        row.ours(row.model.objects.get())
        assert "__v" not in raw[row.model.collection().name].find_one(), row
        # Mongoose guards no array of it either.
        mongoose.run(f"await (await {row.model.__name__}.findOne()).{row.theirs}")
    for version in ("text", None, [1, 2], {"a": 1}):
        seed(User, {"__v": version})
        User.objects.get().add_role("new")
        assert raw.users.find_one()["__v"] == version


def test_whatever_we_insert_begins_with_version_0(raw: Database, mongodb: str) -> None:
    user = User.create_user(email="bob@example.org")
    key = {"user_id": user.id, "app_id": "a"}
    AppData.upsert_app_data(**key, data_key="k", data_value=[1])
    AppData.objects.insert([AppData(**key, data_key=name, data_value=1) for name in "xy"])
    Activity.create_activity(**key, event_type="opened")
    events.ingest(model=Activity, user_id=user.id, events=[{"eventType": "a"}, {"eventType": "b"}])
    events.store_event(
        model=Analytics, user_id=user.id, event={"eventName": "a", "eventCategory": "custom"}
    )
    for model in OLD_COPIES:
        rows = list(raw[model.collection().name].find())
        assert rows
        assert {row["__v"] for row in rows} == {0}, model


def test_an_etag_does_not_tell_of_the_version(raw: Database, user: User) -> None:
    AppData.upsert_app_data(user.id, "a", "k", 1)
    client = api_client(user.id)
    for path, collection in (
        ("", "users"),
        ("profile/", "profiles"),
        ("preferences/", "preferences"),
        ("app-data/a/k/", "appdatas"),
    ):
        url = f"/api/users/me/{path}"
        tag = client.get(url)["ETag"]
        raw[collection].update_one({}, {"$inc": {"__v": 1}})
        assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
        body = {"dataValue": {"a": 1}} if "app-data" in path else {}
        answer = client.patch(url, body, format="json", headers={"If-Match": tag})
        assert answer.status_code == 200, path
    expanded = "/api/users/me/?expand=profile,preferences"
    tag = client.get(expanded)["ETag"]
    for collection in ("users", "profiles", "preferences"):
        raw[collection].update_one({}, {"$inc": {"__v": 1}})
    assert client.get(expanded, headers={"If-None-Match": tag}).status_code == 304
