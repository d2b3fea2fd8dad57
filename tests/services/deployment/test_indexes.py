from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database
from support.clients import fresh_database, recording

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import IndexBuildFailed
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.data import app_data
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import flows

DAY = 86_400

#: Collection -> keys of each index (as MongoDB names them) -> its options.
SPECIFICATION: dict[str, dict[str, dict[str, Any]]] = {
    "users": {
        "email_1": {"unique": True},
        "valuUserId_1": {"sparse": True},
        "merkosUserId_1": {"sparse": True},
        "email_1_valuUserId_1": {},
        "email_1_merkosUserId_1": {},
    },
    "profiles": {"userId_1": {"unique": True}},
    "preferences": {"userId_1": {"unique": True}},
    "activities": {
        "userId_1": {},
        "appId_1": {},
        "timestamp_1": {"expireAfterSeconds": 90 * DAY},
        "sessionId_1": {},
        "userId_1_timestamp_-1": {},
        "appId_1_timestamp_-1": {},
        "sessionId_1_timestamp_-1": {},
        "eventType_1_timestamp_-1": {},
    },
    "appdatas": {
        "userId_1": {},
        "appId_1": {},
        "userId_1_appId_1": {},
        "userId_1_appId_1_dataKey_1": {"unique": True},
    },
    "analytics": {
        "userId_1": {},
        "eventName_1": {},
        "eventCategory_1": {},
        "timestamp_1": {},
        "userId_1_timestamp_-1": {},
        "eventCategory_1_timestamp_-1": {},
        "eventName_1_timestamp_-1": {},
        "appId_1_timestamp_-1": {},
        "sessionId_1_timestamp_-1": {},
    },
}


@pytest.fixture
def database(replica_set_uri: str) -> Iterator[Database]:
    """A database of its own, without any index."""
    with fresh_database(replica_set_uri):
        yield connection.get_database()


@pytest.fixture
def deployed(database: Database) -> Database:
    indexes.create()
    return database


def information(database: Database, collection: str) -> dict[str, dict[str, Any]]:
    """Return the options of each index, by the name that its keys give."""
    found = {}
    for spec in database[collection].index_information().values():
        name = "_".join(f"{key}_{int(direction)}" for key, direction in spec["key"])
        found[name] = {key: value for key, value in spec.items() if key not in ("key", "v")}
    del found["_id_1"]
    return found


@pytest.mark.parametrize("collection", SPECIFICATION)
def test_a_collection_has_exactly_the_indexes_of_the_specification(
    deployed: Database, collection: str
) -> None:
    assert information(deployed, collection) == SPECIFICATION[collection]
    assert indexes.compare().is_clean


def test_the_specification_has_28_indexes(deployed: Database) -> None:
    declared = [item for item in indexes.declared_indexes() if item.collection in SPECIFICATION]
    assert len(declared) == sum(map(len, SPECIFICATION.values())) == 28


def test_creating_again_creates_nothing(deployed: Database) -> None:
    assert indexes.create() == []


def test_create_returns_what_it_created(deployed: Database) -> None:
    deployed.users.drop_index("email_1")
    assert [str(index) for index in indexes.create()] == ["users {email: 1} unique=True"]


def test_nothing_but_the_command_creates_an_index(database: Database) -> None:
    user = User.create_user(email="ann@example.org")
    creation.get_complete_profile(email=user.email)
    flows.record_login(user_id=user.id)
    app_data.synchronize_app_data(user_id=user.id, app_id="a", data_key="k", data_value=1)
    AppData.upsert_app_data(user.id, "a", "k", 2)
    Activity.objects.insert([Activity(user_id=user.id, event_type="x")])
    user.name = "Ann"
    user.save()
    for model in (User, Profile, Preferences, Activity, AppData, Analytics):
        assert model.objects.first() is not None
        name = model._meta["collection"]
        assert list(database[name].index_information()) == ["_id_"]
    user.delete()


def test_an_empty_database_misses_every_index(database: Database) -> None:
    comparison = indexes.compare()
    assert comparison.missing == indexes.declared_indexes()
    assert (comparison.extra, comparison.differing) == ([], [])


def replace(database: Database, collection: str, index: str, **options: Any) -> None:
    keys = database[collection].index_information()[index]["key"]
    database[collection].drop_index(index)
    database[collection].create_index(keys, **options)


#: What stands in the place of a declared index: collection, its name, the options it has.
WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("activities", "timestamp_1", {}),
    ("activities", "timestamp_1", {"expireAfterSeconds": 5 * DAY}),
    ("activities", "timestamp_1", {"expireAfterSeconds": 1000 * DAY, "sparse": True}),
    ("analytics", "timestamp_1", {"expireAfterSeconds": 1000 * DAY}),
    ("users", "email_1", {}),
    ("users", "email_1", {"unique": True, "name": "other", "sparse": True}),
    ("users", "valuUserId_1", {}),
    ("users", "valuUserId_1", {"unique": True, "sparse": True}),
    ("profiles", "userId_1", {}),
    ("appdatas", "userId_1_appId_1_dataKey_1", {}),
    ("appdatas", "appId_1", {"partialFilterExpression": {"version": {"$gt": 1}}}),
    ("appdatas", "appId_1", {"collation": {"locale": "he"}}),
    ("appdatas", "appId_1", {"hidden": True}),
]


@pytest.mark.parametrize(("collection", "name", "options"), WRONG, ids=str)
def test_an_index_with_other_options_differs_and_is_mended(
    deployed: Database, collection: str, name: str, options: dict[str, Any]
) -> None:
    replace(deployed, collection, name, **options)
    comparison = indexes.compare()
    assert (comparison.missing, comparison.extra) == ([], [])
    [pair] = comparison.differing
    assert (pair.declared.collection, pair.declared.name) == (collection, name)
    assert pair.found.options.keys() >= options.keys() - {"name"}
    assert len(indexes.fix()) == 1
    assert indexes.compare().is_clean
    assert information(deployed, collection) == SPECIFICATION[collection]


def test_a_ttl_of_zero_is_seen(deployed: Database) -> None:
    replace(deployed, "analytics", "timestamp_1", expireAfterSeconds=0)
    [pair] = indexes.compare().differing
    assert pair.found.options == {"expireAfterSeconds": 0}


@pytest.mark.parametrize("options", [{}, {"expireAfterSeconds": 5 * DAY}], ids=str)
def test_a_ttl_is_changed_in_place(deployed: Database, options: dict[str, Any]) -> None:
    replace(deployed, "activities", "timestamp_1", **options)
    with recording(connection.uri_setting()) as commands:
        [line] = indexes.fix()
        names = commands.names
    assert "collMod" in names
    assert {"dropIndexes", "createIndexes"}.isdisjoint(names)
    assert "TTL changed in place" in line


def test_the_retention_is_a_setting(deployed: Database) -> None:
    settings = {"MONGODB_URI": connection.uri_setting(), "ACTIVITY_RETENTION_DAYS": 30}
    with override_settings(CHABAD_AUTH=settings):
        [pair] = indexes.compare().differing
        assert pair.declared.options == {"expireAfterSeconds": 30 * DAY}
        indexes.fix()
        assert indexes.compare().is_clean
    assert information(deployed, "activities")["timestamp_1"] == {"expireAfterSeconds": 30 * DAY}
    # Another time series than that of Activity keeps its own indexes.
    assert information(deployed, "analytics") == SPECIFICATION["analytics"]


def test_an_index_that_is_not_declared_is_extra_and_stays_until_it_is_dropped(
    deployed: Database,
) -> None:
    deployed.users.create_index([("name", -1)])
    assert [str(index) for index in indexes.compare().extra] == ["users {name: -1}"]
    indexes.create()
    indexes.fix()
    assert "name_-1" in deployed.users.index_information()
    assert [index.name for index in indexes.drop_extra()] == ["name_-1"]
    assert indexes.compare().is_clean


def test_a_second_index_on_the_same_keys_is_extra(deployed: Database) -> None:
    deployed.users.create_index("email", name="other", collation={"locale": "he"})
    comparison = indexes.compare()
    assert [index.name for index in comparison.extra] == ["other"]
    assert (comparison.missing, comparison.differing) == ([], [])


def test_keys_in_another_order_or_direction_are_another_index(deployed: Database) -> None:
    deployed.appdatas.drop_index("userId_1_appId_1")
    deployed.appdatas.create_index([("appId", 1), ("userId", 1)])
    comparison = indexes.compare()
    assert [index.name for index in comparison.missing] == ["userId_1_appId_1"]
    assert [index.name for index in comparison.extra] == ["appId_1_userId_1"]


def test_an_index_that_another_driver_made_with_floating_numbers_is_the_same(
    deployed: Database,
) -> None:
    deployed.users.drop_index("email_1")
    index = {"key": {"email": 1.0}, "name": "by_email", "unique": True}
    deployed.command("createIndexes", "users", indexes=[index])
    assert indexes.compare().is_clean


@pytest.mark.parametrize("stored", [{}, {"unique": False, "sparse": True}], ids=str)
def test_duplicates_block_a_unique_index_and_the_old_one_is_restored(
    deployed: Database, stored: dict[str, Any]
) -> None:
    replace(deployed, "users", "email_1", **stored)
    deployed.users.insert_many([{"email": "ann@example.org"} for _ in range(2)])
    before = information(deployed, "users")
    with pytest.raises(IndexBuildFailed) as caught:
        indexes.fix()
    assert information(deployed, "users") == before
    assert "users {email: 1} unique=True" in caught.value.detail
    assert "ann@example.org" not in caught.value.detail


def test_duplicates_block_a_missing_unique_index_and_say_so(database: Database) -> None:
    id = ObjectId()
    database.profiles.insert_many([{"userId": id, "createdAt": now()} for _ in range(2)])
    with pytest.raises(IndexBuildFailed, match=r"profiles \{userId: 1\}"):
        indexes.create()


def test_an_index_that_another_program_has_just_made_does_not_stop_the_others(
    database: Database,
) -> None:
    comparison = indexes.compare()
    database.users.create_index("email")
    database.profiles.create_index("userId", name="theirs", unique=True)
    created = indexes.create(comparison)
    assert len(created) == len(comparison.missing) - 2
    [pair] = indexes.compare().differing
    assert pair.declared.collection == "users"
    assert indexes.compare().missing == []


def test_the_default_collation_of_a_collection_is_no_option(database: Database) -> None:
    collation = {"locale": "en", "strength": 2}
    database.create_collection("users", collation=collation)
    database.create_collection("profiles", collation=collation)
    indexes.create()
    assert indexes.compare().is_clean
    replace(database, "profiles", "userId_1", unique=True, collation={"locale": "he"})
    [pair] = indexes.compare().differing
    assert pair.found.options["collation"]["locale"] == "he"
    indexes.fix()
    assert indexes.compare().is_clean


def capped(database: Database) -> None:
    database.create_collection("activities", capped=True, size=100_000)


def view(database: Database) -> None:
    database.command("create", "appdatas", viewOn="other", pipeline=[])


def duplicates(database: Database) -> None:
    database.appdatas.insert_many([{"createdAt": now()} for _ in range(2)])


def arrays(database: Database) -> None:
    database.activities.insert_one({"userId": [1, 2], "timestamp": [now()] * 2})


@pytest.mark.parametrize(("spoil", "left"), [(capped, 1), (view, 4), (duplicates, 1), (arrays, 1)])
def test_an_index_that_cannot_be_created_does_not_stop_the_others(
    database: Database, spoil: Callable[[Database], None], left: int
) -> None:
    spoil(database)
    for _ in range(2):
        with pytest.raises(IndexBuildFailed, match="cannot be created: "):
            indexes.create()
        assert len(indexes.compare().missing) == left


def test_the_name_of_an_index_may_be_taken(database: Database) -> None:
    database.users.create_index("name", name="email_1")
    database.activities.create_index("userId", name="timestamp_1")
    indexes.create()
    comparison = indexes.compare()
    assert (comparison.missing, comparison.differing) == ([], [])
    assert information(database, "users")["email_1"] == {"unique": True}


def test_an_index_that_cannot_be_mended_is_restored(database: Database) -> None:
    capped(database)
    database.activities.create_index("timestamp")
    indexes.create()
    before = information(database, "activities")
    with pytest.raises(IndexBuildFailed, match="TTL index on a capped collection"):
        indexes.fix()
    assert information(database, "activities") == before
