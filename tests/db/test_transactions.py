"""One transaction over everything, with retries and hooks, on both kinds of server."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pymongo
import pytest
from bson import ObjectId
from django.conf import settings
from django.dispatch import Signal
from django.test import override_settings
from mongoengine import OperationError
from pymongo.database import Database
from pymongo.errors import InvalidOperation, PyMongoError
from support.commands import CommandCounter
from support.invariants import content
from support.threads import errors, together

from chabad_auth_django import signals
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import (
    MAX_ENDED,
    RetryTransaction,
    atomic,
    in_atomic,
    in_transaction,
    on_commit,
    on_incomplete,
    on_rollback,
)
from chabad_auth_django.exceptions import AlreadyExists, DuplicateEmail, NotFound
from chabad_auth_django.models import (
    Activity,
    Analytics,
    AppData,
    Deletion,
    ExternalId,
    Preferences,
    Profile,
    User,
)
from chabad_auth_django.services.lifecycle import deletion


class Refused(Exception):
    """What a body raises to be rolled back."""


@contextmanager
def chabad_settings(**changes: Any) -> Iterator[None]:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, **changes}):
        yield


def new_user(email: str = "ann@example.org") -> User:
    return User.create_user(email=email)


def run_everything(user: User) -> None:
    """Save, insert, update, modify, aggregate and delete, the way projects do it."""
    user.name = "Ann"
    user.save()
    User.objects(id=user.id).update(set__name="Anne")
    User.objects(id=user.id).modify(set__name="Anna")
    user.reload()
    user.add_role("admin")
    Activity.objects.insert([Activity(user_id=user.id, event_type="x") for _ in range(2)])
    event = Activity(user_id=user.id, event_type="x").save()
    event.delete()
    AppData.upsert_app_data(user.id, "app", "key", 1)
    AppData.upsert_app_data(user.id, "app", "key", 2)
    AppData.delete_app_data(user.id, "app")
    Analytics.create_analytics(user_id=user.id, event_name="x", event_category="custom")
    start, end = event.timestamp.replace(year=2020), event.timestamp.replace(year=2090)
    Analytics.get_event_counts(start, end)
    list(Analytics.objects.aggregate([{"$match": {"userId": user.id}}]))
    assert Activity.objects(user_id=user.id).count() == 2
    Activity.objects(user_id=user.id).delete()
    other = User.create_user(email="other@example.org")
    other.delete()


EXPECTED = {"insert", "update", "findAndModify", "aggregate", "find", "delete"}


def test_inside_atomic_every_command_is_part_of_the_transaction(commands: CommandCounter) -> None:
    user = new_user()
    body = atomic(run_everything)
    commands.clear()
    body_ends = []

    @atomic
    def outer() -> None:
        body(user)
        body_ends.append(len(commands.sent))

    outer()

    sent = commands.sent[: body_ends[-1]]
    assert {name for name, _ in sent} >= EXPECTED
    outside = [
        name for name, body in sent if "txnNumber" not in body or body["autocommit"] is not False
    ]
    assert outside == []
    assert "startTransaction" in sent[0][1]
    assert all("startTransaction" not in body for _, body in sent[1:])
    assert len({(body["lsid"]["id"], body["txnNumber"]) for _, body in sent}) == 1
    # The entries of the audit trail, all together.
    assert commands.names[body_ends[-1] :][:2] == ["insert", "commitTransaction"]
    assert content(connection.get_database()) == {
        "users": 1,
        "profiles": 1,
        "preferences": 1,
        "analytics": 1,
        "appdata_tombstones": 1,
        "deletions": 1,
    }


def test_without_atomic_a_change_of_one_document_is_no_transaction(
    commands: CommandCounter,
) -> None:
    user = new_user()
    AppData.create_app_data(user_id=user.id, app_id="app", data_key="key", data_value=0)
    commands.clear()

    user.name = "Ann"
    user.save()
    user.add_role("admin")
    User.objects(id=user.id).update(set__name="Anne")
    User.objects(id=user.id).modify(set__name="Anna")
    Activity.create_activity(user_id=user.id, event_type="x")
    Activity.objects.insert([Activity(user_id=user.id, event_type="x") for _ in range(2)])
    AppData.upsert_app_data(user.id, "app", "key", 1)
    list(Analytics.objects.aggregate([{"$match": {"userId": user.id}}]))
    Activity.objects(user_id=user.id).delete()

    assert set(commands.names) >= EXPECTED
    assert [name for name, body in commands.sent if "autocommit" in body] == []


def test_a_nested_call_joins_the_outer_transaction(mongodb: str) -> None:
    @atomic
    def inner(email: str) -> None:
        new_user(email)

    @atomic
    def outer() -> None:
        assert in_atomic()
        assert in_transaction()
        inner("ann@example.org")
        inner("ben@example.org")
        assert User.objects(email="ann@example.org").count() == 1
        raise Refused

    with pytest.raises(Refused):
        outer()

    assert not in_atomic()
    assert content(connection.get_database()) == {}


def test_a_caught_error_of_a_nested_call_leaves_the_outer_transaction_whole(mongodb: str) -> None:
    @atomic
    def inner() -> None:
        new_user("ben@example.org")
        raise Refused

    @atomic
    def outer() -> None:
        new_user()
        with pytest.raises(Refused):
            inner()

    outer()

    assert set(User.objects.scalar("email")) == {"ann@example.org", "ben@example.org"}


def test_others_see_nothing_before_the_commit(mongodb: str, raw: Database) -> None:
    seen = []

    @atomic
    def body() -> None:
        new_user()
        assert User.find_by_email("ann@example.org") is not None
        # In a thread: PyMongo binds the session to whatever client this one uses.
        seen.extend(together([lambda: content(raw)]))

    body()

    assert seen == [{}]

    assert content(raw) == {"users": 1, "profiles": 1, "preferences": 1}


def test_a_hook_runs_after_the_commit_and_once_even_with_retries(
    mongodb: str, raw: Database
) -> None:
    tries = []
    seen = []

    @atomic
    def body() -> None:
        tries.append(1)
        new_user()
        on_commit(lambda: seen.append((in_atomic(), raw.users.count_documents({}))))
        if len(tries) < 4:
            raise RetryTransaction("again")

    body()

    assert len(tries) == 4
    assert seen == [(False, 1)]


def test_a_hook_does_not_run_when_the_transaction_fails(either_server: str) -> None:
    called = []

    @atomic
    def body() -> None:
        on_commit(lambda: called.append("commit"))
        raise Refused

    with pytest.raises(Refused):
        body()

    assert called == []


def test_a_hook_outside_a_transaction_runs_at_once(either_server: str) -> None:
    called = []
    on_commit(lambda: called.append(1))
    assert called == [1]


def test_all_hooks_run_in_order_even_when_one_raises(either_server: str) -> None:
    called = []

    def refuse() -> None:
        called.append("first")
        raise Refused("first")

    def refuse_too() -> None:
        called.append("second")
        raise Refused("second")

    @atomic
    def body() -> None:
        new_user()
        on_commit(refuse, robust=False)
        on_commit(refuse_too, robust=False)
        on_commit(lambda: called.append("third"))

    with pytest.raises(Refused, match="first"):
        body()

    assert called == ["first", "second", "third"]
    assert User.find_by_email("ann@example.org") is not None


def test_a_hook_may_start_a_transaction_of_its_own(mongodb: str) -> None:
    called = []

    @atomic
    def second() -> None:
        assert in_atomic()
        on_commit(lambda: called.append("second"))

    @atomic
    def first() -> None:
        on_commit(second)
        on_commit(lambda: called.append("first"))

    first()

    assert called == ["second", "first"]


def test_rollback_hooks_run_after_each_try_that_was_rolled_back(mongodb: str) -> None:
    tries = []
    called = []

    @atomic
    def body(fail: bool) -> None:
        tries.append(1)
        number = len(tries)
        on_rollback(lambda: called.append(number))
        if number < 3:
            raise RetryTransaction("again")
        if fail:
            raise Refused

    body(False)
    assert called == [1, 2]

    tries.clear()
    called.clear()
    with pytest.raises(Refused):
        body(True)
    assert called == [1, 2, 3]


def test_a_thread_started_inside_does_not_join(mongodb: str, raw: Database) -> None:
    inside = []

    @atomic
    def body() -> None:
        new_user()
        thread = threading.Thread(
            target=lambda: inside.append((in_atomic(), list(User.objects), new_user("b@x.org")))
        )
        thread.start()
        thread.join()
        raise Refused

    with pytest.raises(Refused):
        body()

    assert inside[0][:2] == (False, [])
    assert raw.users.distinct("email") == ["b@x.org"]


def increment_with_save(user_id: ObjectId) -> None:
    user = User.objects.get(id=user_id)
    user.name = str(int(user.name) + 1)
    user.save()


def increment_with_update(user_id: ObjectId) -> None:
    name = User.objects.get(id=user_id).name
    User.objects(id=user_id).update_one(set__name=str(int(name) + 1))


def increment_with_modify(user_id: ObjectId) -> None:
    name = User.objects.get(id=user_id).name
    User.objects(id=user_id).modify(set__name=str(int(name) + 1))


@pytest.mark.parametrize(
    "increment", [increment_with_save, increment_with_update, increment_with_modify]
)
def test_no_increment_is_lost_where_mongoengine_hides_the_transient_error(
    mongodb: str, increment: Callable[[ObjectId], None]
) -> None:
    user = User.create_user(email="ann@example.org", name="0")
    tries = []

    @atomic
    def body() -> None:
        tries.append(1)
        increment(user.id)

    with chabad_settings(TRANSACTION_TIMEOUT=60):
        results = together([body] * 40)

    assert errors(results) == []
    assert User.objects.get(id=user.id).name == "40"
    assert len(tries) > 40, "Without a conflict the test proves nothing."


def test_concurrent_first_use_of_one_key_in_transactions_makes_one_of_each(mongodb: str) -> None:
    user = new_user()
    connection.get_database().profiles.delete_many({})
    connection.get_database().preferences.delete_many({})

    @atomic
    def body() -> tuple[Any, ...]:
        return (
            Profile.find_or_create_profile(user.id).id,
            Preferences.find_or_create_preferences(user.id).id,
            AppData.upsert_app_data(user.id, "app", "key", 1).version,
        )

    with chabad_settings(TRANSACTION_TIMEOUT=60):
        results = together([body] * 12)

    assert errors(results) == []
    profiles, preferences, versions = zip(*results, strict=True)
    assert len(set(profiles)) == len(set(preferences)) == 1
    assert sorted(versions) == list(range(1, 13))


def endless() -> None:
    raise RetryTransaction("never satisfied")


def test_the_timeout_ends_an_endless_retry(either_server: str) -> None:
    started = time.monotonic()
    with chabad_settings(TRANSACTION_TIMEOUT=0.5), pytest.raises(PyMongoError):
        atomic(endless)()
    assert 0.4 < time.monotonic() - started < 60


def test_the_timeout_ends_an_endless_conflict_and_leaves_nothing_locked(
    mongodb: str, raw: Database
) -> None:
    user, other = new_user(), new_user("other@example.org")

    @atomic
    def body() -> None:
        User.objects(id=other.id).update(set__name="locked")
        User.objects(id=user.id).update(set__name="mine")

    with raw.client.start_session() as session, session.start_transaction():
        raw.users.update_one({"_id": user.id}, {"$set": {"name": "theirs"}}, session=session)
        started = time.monotonic()
        with (
            chabad_settings(TRANSACTION_TIMEOUT=0.5),
            pytest.raises((PyMongoError, OperationError)),
        ):
            body()
        assert time.monotonic() - started < 30
        started = time.monotonic()
        raw.users.update_one({"_id": other.id}, {"$set": {"name": "free"}})
        assert time.monotonic() - started < 30

    assert raw.users.find_one({"_id": user.id})["name"] == "theirs"


def test_a_body_that_outlasts_the_timeout_leaves_nothing_locked(
    mongodb: str, raw: Database
) -> None:
    user = new_user()

    @atomic
    def body() -> None:
        User.objects(id=user.id).update(set__name="slow")
        time.sleep(0.6)
        User.objects(id=user.id).update(set__name="slower")

    with (
        chabad_settings(TRANSACTION_TIMEOUT=0.5),
        pytest.raises((PyMongoError, OperationError), match="time"),
    ):
        body()

    assert_free(raw, user)


def test_a_transaction_that_had_no_time_left_to_commit_leaves_nothing_locked(
    mongodb: str, raw: Database
) -> None:
    user = new_user()
    called = []

    @atomic
    def body() -> None:
        on_commit(lambda: called.append("commit"))
        on_rollback(lambda: called.append("rollback"))
        User.objects(id=user.id).update(set__name="slow")
        time.sleep(0.6)

    with chabad_settings(TRANSACTION_TIMEOUT=0.5), pytest.raises(PyMongoError):
        body()

    assert called == ["rollback"]
    assert_free(raw, user)


def assert_free(raw: Database, user: User) -> None:
    with pymongo.timeout(30):
        raw.users.update_one({"_id": user.id, "name": None}, {"$set": {"name": "free"}})
    assert User.objects.get(id=user.id).name == "free"


def test_a_standalone_server_runs_the_body_once_without_a_transaction(standalone: str) -> None:
    counter = CommandCounter()
    runs = []

    @atomic
    def body() -> None:
        runs.append((in_atomic(), in_transaction()))
        new_user()
        assert connection.get_database().users.count_documents({}) == 1

    with chabad_settings(MONGODB_OPTIONS={"event_listeners": [counter]}):
        body()

    assert runs == [(True, False)]
    assert [name for name, body in counter.sent if "txnNumber" in body] == []
    assert content(connection.get_database()) == {"users": 1, "profiles": 1, "preferences": 1}


def test_a_standalone_server_calls_what_heals_a_body_that_failed(standalone: str) -> None:
    called: list[object] = []
    error = Refused()

    @atomic
    def body(fail: bool) -> None:
        on_incomplete(lambda reason: called.append((reason, in_atomic())))
        if fail:
            raise error

    body(False)
    assert called == []
    with pytest.raises(Refused):
        body(True)
    assert called == [(error, False)]


def test_a_replica_set_has_nothing_to_heal(mongodb: str) -> None:
    called: list[object] = []

    @atomic
    def body() -> None:
        on_incomplete(called.append)
        raise Refused

    with pytest.raises(Refused):
        body()

    assert called == []


def test_documents_of_a_rolled_back_transaction_can_be_saved_again(mongodb: str) -> None:
    user = User(email="ann@example.org")
    owner = new_user("owner@example.org")
    event = Activity(user_id=owner.id, event_type="x")
    data = AppData(user_id=owner.id, app_id="app", data_key="key", data_value=1)

    @atomic
    def body(fail: bool) -> None:
        user.save()
        event.save()
        data.save()
        user.name = "Ann"
        user.save()
        if fail:
            raise Refused

    with pytest.raises(Refused):
        body(True)
    assert User.objects.count() == 1
    body(False)

    assert User.find_by_email("ann@example.org").name == "Ann"
    assert (Activity.objects.count(), AppData.objects.count()) == (1, 1)
    event.add_metadata("works", 1)
    assert data.version == 1


def test_a_user_whose_creation_failed_can_be_saved_again(either_server: str) -> None:
    first = new_user()
    user = User(email="ann@example.org")
    with pytest.raises(DuplicateEmail):
        user.save()
    user.email = "ben@example.org"
    user.save()

    assert Profile.find_by_user_id(user.id)
    assert {first.id, user.id} == set(User.objects.scalar("id"))
    assert content(connection.get_database()) == {"users": 2, "profiles": 2, "preferences": 2}


def test_an_update_of_a_document_that_is_gone_fails_inside_too(mongodb: str) -> None:
    user = new_user()
    stale = User.objects.get(id=user.id)
    user.delete()

    with pytest.raises(NotFound):
        atomic(lambda: stale.add_role("admin"))()
    with pytest.raises(NotFound):
        stale.name = "Ghost"
        atomic(stale.save)()
    assert User.objects.count() == 0


def test_a_duplicate_key_inside_is_an_error_of_the_domain(mongodb: str) -> None:
    user = new_user()
    with pytest.raises(DuplicateEmail):
        atomic(lambda: new_user())()
    with pytest.raises(AlreadyExists):
        atomic(lambda: Profile.create_profile(user.id))()
    assert content(connection.get_database()) == {"users": 1, "profiles": 1, "preferences": 1}


def test_a_refusal_that_the_body_catches_leaves_nothing(either_server: str) -> None:
    ann = new_user()

    def swallow(change: Callable[[], object]) -> None:
        with suppress(Refused):
            change()

    def refuse(**kwargs: Any) -> None:
        raise Refused

    changes: list[tuple[Signal, Callable[[], object]]] = [
        (signals.pre_user_delete, ann.delete),
        (signals.pre_user_delete, User.objects(id=ann.id).delete),
        (signals.pre_user_create, lambda: User.create_user(email="bob@example.org")),
        (signals.pre_user_create, lambda: User.objects.insert([User(email="bob@example.org")])),
        (signals.pre_external_ids_change, lambda: User.objects.update(valu_user_id="v")),
    ]
    if connection.supports_transactions():
        changes.append((signals.post_user_delete, ann.delete))
    models = (User, Profile, Preferences, Deletion, ExternalId)
    for signal, change in changes:
        signal.connect(refuse)
        try:
            with pytest.raises(Refused):
                atomic(swallow)(change)
        finally:
            signal.disconnect(refuse)
        list(deletion.run())
        stored = {model: model.collection().count_documents({}) for model in models}
        assert list(stored.values()) == [1, 1, 1, 0, 0], (change, stored)


@pytest.mark.parametrize("goes_on", [True, False])
def test_who_catches_an_error_that_has_ended_the_transaction_is_told_so(
    user: User, raw: Database, goes_on: bool
) -> None:
    users = connection.get_database().users

    def invalid() -> None:
        users.update_one({}, {"$unknown": 1})

    def duplicate() -> None:
        users.insert_one({"_id": user.id})

    def wrapped() -> None:
        Profile.objects.update(__raw__={"$unknown": {"a": 1}})

    for fail in (duplicate, lambda: User(email=user.email).save(), invalid, wrapped):
        calls = []

        @atomic
        def body(fail: Callable[[], object] = fail, calls: list[int] = calls) -> None:
            calls.append(1)
            user.add_permission("new")
            with suppress(PyMongoError, OperationError, AlreadyExists):
                fail()
            if goes_on:
                user.add_permission("other")

        with pytest.raises((InvalidOperation, AlreadyExists)):
            body()
        assert len(calls) <= MAX_ENDED
        assert raw.users.find_one()["permissions"] == []
