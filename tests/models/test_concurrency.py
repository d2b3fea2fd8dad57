"""Many clients changing one document at the same time lose nothing."""

import threading
from functools import partial

import pytest
from bson import ObjectId
from django.test import override_settings
from support.interleave import Pause, command
from support.invariants import content, leftovers, watched
from support.threads import errors, together

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import (
    DuplicateEmail,
    UserNotFound,
    VersionConflict,
)
from chabad_auth_django.models import AppData, Preferences, Profile, User
from chabad_auth_django.services.lifecycle import deletion

KEY = ("app", "key")


def new_user(email: str = "ann@example.org") -> User:
    return User.create_user(email=email)


def test_concurrent_updates_with_the_expected_version_lose_none(either_server: str) -> None:
    user = new_user()
    AppData.create_app_data(user_id=user.id, app_id="app", data_key="key", data_value=[])
    conflicts = []

    def append_ten(name: int) -> int:
        document = AppData.find_by_user_app_and_key(user.id, *KEY)
        value, version, successes = document.data_value, document.version, 0
        while successes < 10:
            try:
                document.update_value_with_version([*value, [name, successes]], version)
            except VersionConflict as conflict:
                conflicts.append(name)
                value, version = conflict.current_value, conflict.current_version
            else:
                value, version = document.data_value, document.version
                successes += 1
        return successes

    results = together([partial(append_ten, name) for name in range(8)])

    assert results == [10] * 8
    assert conflicts, "Without a conflict the test proves nothing."
    stored = AppData.find_by_user_app_and_key(user.id, *KEY)
    assert stored.version == 81
    assert sorted(map(tuple, stored.data_value)) == [(n, i) for n in range(8) for i in range(10)]


def test_saving_one_loaded_version_succeeds_for_exactly_one(either_server: str) -> None:
    user = new_user()
    AppData.create_app_data(user_id=user.id, app_id="app", data_key="key", data_value=0)
    documents = [AppData.find_by_user_app_and_key(user.id, *KEY) for _ in range(10)]

    def save(number: int) -> int:
        documents[number].data_value = number
        documents[number].save()
        return number

    results = together([partial(save, number) for number in range(10)])

    failed = errors(results)
    assert len(failed) == 9
    assert {type(error) for error in failed} == {VersionConflict}
    winner = next(result for result in results if isinstance(result, int))
    assert AppData.find_by_user_app_and_key(user.id, *KEY).data_value == winner


def test_a_creation_that_lost_a_whole_life_of_its_key_starts_above_it(mongodb: str) -> None:
    """Create, update and delete the key between the reads of a creation and its insert."""
    pause = Pause()
    options = {"event_listeners": [pause]}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "MONGODB_OPTIONS": options}):
        user = new_user()

        def whole_life() -> None:
            for _ in range(4):
                AppData.upsert_app_data(user.id, *KEY, "other")
            assert AppData.delete_app_data(user.id, *KEY) == 1

        pause.before(command("insert", "appdatas"), whole_life)
        document = AppData.create_app_data(
            user_id=user.id, app_id="app", data_key="key", data_value="mine"
        )

    assert pause.done, pause.error
    assert document.version == 5
    assert AppData.find_by_user_app_and_key(user.id, *KEY).version == 5


def test_a_deletion_takes_what_was_written_just_before_it(either_server: str) -> None:
    """Change a key between the read of its deletion and the delete: its version is kept, too."""
    pause = Pause()
    settings = {"MONGODB_URI": either_server, "MONGODB_OPTIONS": {"event_listeners": [pause]}}
    with override_settings(CHABAD_AUTH=settings):
        user = new_user()
        AppData.upsert_app_data(user.id, *KEY, 1)
        pause.before(
            command("delete", "appdatas"), lambda: AppData.upsert_app_data(user.id, *KEY, 2)
        )
        assert AppData.delete_app_data(user.id, *KEY) == 1
        assert pause.done, pause.error
        assert AppData.upsert_app_data(user.id, *KEY, 3).version == 3


def test_deleting_ends_while_others_keep_writing(either_server: str) -> None:
    user = new_user()
    AppData.upsert_app_data(user.id, *KEY, 0)
    end = threading.Event()

    def write() -> None:
        while not end.is_set():
            AppData.upsert_app_data(user.id, *KEY, 0)

    def delete() -> int:
        try:
            return sum(AppData.delete_app_data(user.id, *KEY) for _ in range(5))
        finally:
            end.set()

    results = together([delete, write, write])

    assert errors(results) == []
    assert results[0] > 0


def test_fifty_threads_adding_each_favourite_twice_keep_each_once(either_server: str) -> None:
    user = new_user()
    names = [f"app{number}" for number in range(25)]

    def add(name: str) -> None:
        Preferences.find_by_user_id(user.id).add_favorite_app(name)

    results = together([partial(add, name) for name in names * 2])

    assert errors(results) == []
    favourites = Preferences.find_by_user_id(user.id).dashboard.favorite_apps
    assert sorted(favourites) == sorted(names)


def test_concurrent_changes_of_one_document_keep_each_other(either_server: str) -> None:
    user = new_user()
    calls = [partial(User.objects.get(id=user.id).add_role, f"role{n}") for n in range(10)]
    calls += [partial(User.objects.get(id=user.id).add_permission, f"x:{n}") for n in range(10)]
    profile = Profile.find_by_user_id(user.id)
    calls += [partial(profile.set_metadata, f"key{n}", n) for n in range(10)]

    results = together(calls)

    assert errors(results) == []
    stored = User.objects.get(id=user.id)
    assert set(stored.roles) == {"user", *(f"role{n}" for n in range(10))}
    assert set(stored.permissions) == {f"x:{n}" for n in range(10)}
    assert Profile.find_by_user_id(user.id).metadata == {f"key{n}": n for n in range(10)}


def test_an_odd_number_of_concurrent_toggles_turns_a_channel_over(either_server: str) -> None:
    user = new_user()
    preferences = [Preferences.find_by_user_id(user.id) for _ in range(15)]
    results = together([partial(one.toggle_notification, "push") for one in preferences])
    assert errors(results) == []
    assert Preferences.find_by_user_id(user.id).notifications.push is False


def test_twenty_threads_creating_one_address_make_one_user(either_server: str) -> None:
    spellings = ["ann@example.org", " Ann@Example.ORG ", "ANN@EXAMPLE.ORG", "ａnn@example.org"]
    calls = [partial(User.create_user, email=spellings[n % 4], name=str(n)) for n in range(20)]

    with watched(either_server):
        results = together(calls)

    failed = errors(results)
    assert [type(error) for error in failed] == [DuplicateEmail] * 19
    assert not any("ann" in str(error) for error in failed)
    assert content(connection.get_database()) == {"users": 1, "profiles": 1, "preferences": 1}
    assert leftovers(connection.get_database()) == {}
    user = User.find_by_email("ann@example.org")
    assert user in results


def test_twenty_batches_with_one_address_make_one_user_with_it(either_server: str) -> None:
    def insert(number: int) -> list[User]:
        emails = [f"first{number}@example.org", "ann@example.org", f"last{number}@example.org"]
        return User.objects.insert([User(email=email) for email in emails])

    with watched(either_server):
        results = together([partial(insert, number) for number in range(20)])

    failed = errors(results)
    assert [type(error) for error in failed] == [DuplicateEmail] * 19
    assert User.objects(email="ann@example.org").count() == 1
    database = connection.get_database()
    # A server without transactions keeps what a batch stored before its duplicate.
    users = 3 if connection.supports_transactions() else 22
    assert content(database) == {"users": users, "profiles": users, "preferences": users}
    assert leftovers(database) == {}


@pytest.mark.parametrize("model", [Profile, Preferences])
def test_concurrent_find_or_create_makes_one(either_server: str, model: type) -> None:
    user = new_user()
    model.objects(user_id=user.id).delete()
    find_or_create = getattr(model, f"find_or_create_{model.__name__.lower()}")

    results = together([partial(find_or_create, user.id)] * 20)

    assert errors(results) == []
    assert {document.id for document in results} == {model.objects.get(user_id=user.id).id}


@pytest.mark.parametrize("model", [Profile, Preferences])
def test_concurrent_find_or_create_for_nobody_is_always_the_same_error(
    either_server: str, model: type
) -> None:
    find_or_create = getattr(model, f"find_or_create_{model.__name__.lower()}")
    for _ in range(10):
        results = together([partial(find_or_create, ObjectId())] * 1)
        nobody = ObjectId()
        results += together([partial(find_or_create, nobody)] * 10)
        # Who finds what another is about to take back gets that.
        kinds = {type(result) for result in results}
        assert kinds <= {UserNotFound, model}, results
    assert content(connection.get_database()) == {}


def test_the_preferences_of_two_users_share_nothing(either_server: str) -> None:
    first, second = new_user(), new_user("ben@example.org")
    changed, other = (Preferences.find_by_user_id(user.id) for user in (first, second))
    changed.dashboard.favorite_apps.append("app")
    changed.widgets.customizations["widget"] = {"color": "red"}
    changed.widgets.enabled.append("widget")
    changed.notifications.push = False
    changed.save()
    Preferences.get_defaults()["dashboard"]["favoriteApps"].append("ghost")

    third = new_user("cid@example.org")
    expected = Preferences.get_defaults()
    assert expected["dashboard"]["favoriteApps"] == []
    for preferences in (
        other,
        Preferences.find_by_user_id(second.id),
        Preferences.find_by_user_id(third.id),
        Preferences(),
    ):
        stored = preferences.to_mongo().to_dict()
        assert {name: stored[name] for name in expected} == expected


def test_deleting_one_user_from_many_threads_deletes_it_once(either_server: str) -> None:
    user = new_user()
    other = new_user("other@example.org")
    results = together([User.objects(id=user.id).delete] * 10)
    assert errors(results) == []
    assert sum(results) == 1
    list(deletion.run())
    assert content(connection.get_database()) == {"users": 1, "profiles": 1, "preferences": 1}
    assert User.objects.get().id == other.id
