"""Whatever our client writes inside ``atomic`` is part of the transaction."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import mongoengine
import pymongo
import pytest
from asgiref.sync import sync_to_async
from django.test import override_settings
from pymongo.database import Database
from support.clients import with_options
from support.invariants import content

from chabad_auth_django import signals
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic, in_transaction
from chabad_auth_django.models import User


class Badge(mongoengine.Document):
    """A host's own Document on our connection."""

    name = mongoengine.StringField()
    meta = {"db_alias": connection.ALIAS, "collection": "badges", "auto_create_index": False}


class Refused(Exception):
    """What a body raises to be rolled back."""


def writes() -> dict[str, Callable[[], Any]]:
    """Return one operation of each kind that writes; each changes what is stored."""
    database, client = connection.get_database(), connection.get_client()
    kept, by_name = database.badges, client[database.name]["badges"]
    key = {"name": "first"}
    counted = {"$inc": {"count": 1}}
    return {
        "insert_one": lambda: connection.get_database().badges.insert_one({}),
        "insert_many": lambda: kept.insert_many([{}, {}]),
        "update_one": lambda: by_name.update_one(key, counted),
        "update_many": lambda: kept.update_many({}, counted),
        "upsert": lambda: kept.update_one({"name": "new"}, counted, upsert=True),
        "replace_one": lambda: kept.replace_one(key, {"name": "other"}),
        "delete_one": lambda: by_name.delete_one(key),
        "delete_many": lambda: kept.delete_many({}),
        "find_one_and_update": lambda: kept.find_one_and_update(key, counted),
        "find_one_and_replace": lambda: kept.find_one_and_replace(key, {"name": "other"}),
        "find_one_and_delete": lambda: kept.find_one_and_delete(key),
        "bulk_write": lambda: kept.bulk_write([pymongo.InsertOne({}), pymongo.DeleteOne(key)]),
        "other options": lambda: kept.with_options(
            read_preference=pymongo.ReadPreference.PRIMARY
        ).insert_one({}),
        "command": lambda: database.command("insert", "badges", documents=[{}]),
        "host save": lambda: Badge(name="x").save(),
        "host save of a stored one": lambda: Badge.objects.get(name="first").update(name="other"),
        "host insert": lambda: Badge.objects.insert([Badge(name="x"), Badge(name="y")]),
        "host update": lambda: Badge.objects.update(name="other"),
        "host update_one": lambda: Badge.objects(name="first").update_one(name="other"),
        "host upsert_one": lambda: Badge.objects(name="new").upsert_one(name="new"),
        "host modify": lambda: Badge.objects(name="first").modify(name="other"),
        "host delete": lambda: Badge.objects.delete(),
    }


@pytest.mark.parametrize(
    "query", ["", "w=majority&journal=true&wTimeoutMS=4000", "w=1", "readPreference=secondary"]
)
def test_every_write_joins_the_transaction(mongodb: str, raw: Database, query: str) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": with_options(mongodb, query)}):
        for name, write in writes().items():
            raw.badges.delete_many({})
            raw.badges.insert_many([{"name": "first"}, {"name": "second"}])
            before = list(raw.badges.find())

            @atomic
            def body(write: Callable[[], Any], *, fail: bool) -> None:
                write()
                if fail:
                    raise Refused

            with pytest.raises(Refused):
                body(write, fail=True)
            assert list(raw.badges.find()) == before, name
            body(write, fail=False)
            assert list(raw.badges.find()) != before, name


def test_outside_a_transaction_every_write_waits_for_the_majority(mongodb: str) -> None:
    uri = with_options(mongodb, "w=1&journal=true")
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
        expected = {"w": "majority", "j": True}
        badges = connection.get_database().badges
        assert badges.write_concern.document == expected
        assert User.collection().write_concern.document == expected
        assert Badge._get_collection().write_concern.document == expected
        atomic(lambda: badges.insert_one({}))()
        assert badges.write_concern.document == expected


@pytest.mark.parametrize(
    "signal",
    [
        signals.pre_user_create,
        signals.pre_external_ids_change,
        signals.pre_user_delete,
        signals.post_user_delete,
    ],
)
def test_what_a_receiver_writes_is_part_of_the_transaction(
    mongodb: str, raw: Database, signal: Any
) -> None:
    refuse = False

    def write(**kwargs: Any) -> None:
        assert in_transaction()
        connection.get_database().badges.insert_one({})
        Badge(name="x").save()
        if refuse:
            raise Refused

    def change(email: str) -> None:
        user = User.create_user(email=email)
        user.valu_user_id = email
        user.save()
        user.delete()

    signal.connect(write, sender=User)
    try:
        change("ann@example.org")
        assert raw.badges.count_documents({}) == 2
        refuse = True
        with pytest.raises(Refused):
            change("ben@example.org")
        assert raw.badges.count_documents({}) == 2
    finally:
        signal.disconnect(write, sender=User)


def test_counting_and_reading_join_too(mongodb: str, raw: Database) -> None:
    User.create_user(email="ben@example.org")

    @atomic
    def body() -> None:
        User.create_user(email="ann@example.org")
        assert User.objects.count() == len(User.objects) == 2
        assert User.objects.limit(1).count(with_limit_and_skip=True) == 1
        assert connection.get_database().users.count_documents({}) == 2
        assert "ann@example.org" in User.objects.distinct("email")
        raise Refused

    with pytest.raises(Refused):
        body()
    assert content(raw)["users"] == 1


async def coroutine() -> None: ...


def generator() -> Iterator[None]:
    yield


async def async_generator() -> AsyncIterator[None]:
    yield


def in_a_coroutine(function: Callable[[], Any]) -> Callable[[], Any]:
    @functools.wraps(function)
    async def wrapper() -> Any:
        return function()

    return wrapper


class Handler:
    async def __call__(self) -> None: ...

    async def handle(self) -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        coroutine,
        generator,
        async_generator,
        Handler(),
        Handler().handle,
        functools.partial(functools.partial(coroutine)),
        functools.lru_cache(generator),
        contextlib.contextmanager(generator),
        contextlib.asynccontextmanager(async_generator),
        staticmethod(generator),
        in_a_coroutine(int),
        functools.lru_cache(in_a_coroutine(int)),
        functools.partial(in_a_coroutine(int)),
        sync_to_async(int),
        classmethod(coroutine),
    ],
)
def test_what_would_run_after_the_transaction_is_refused_at_decoration(function: Any) -> None:
    with pytest.raises(TypeError, match="atomic takes a plain function"):
        atomic(function)


@pytest.mark.parametrize("function", [coroutine, generator, async_generator])
def test_a_body_that_returns_what_would_run_later_changes_nothing(
    user: User, raw: Database, function: Any
) -> None:
    made = []

    @atomic
    def body() -> Any:
        user.add_role("new")
        made.append(function())
        return made[0]

    with pytest.raises(TypeError, match="which would run afterwards"):
        body()
    if function is coroutine:
        made[0].close()
    assert raw.users.find_one()["roles"] == ["user"]


def test_any_other_callable_can_be_atomic(either_server: str) -> None:
    assert atomic(functools.partial(int, "5"))() == 5
    assert atomic(dict)(a=1) == {"a": 1}
    assert atomic(functools.lru_cache(len))("abc") == 3
