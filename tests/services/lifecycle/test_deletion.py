"""Every way of creating a user completes it, every way of deleting one leaves nothing."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.errors import ExecutionTimeout
from pymongo.monitoring import CommandListener
from support import jobs
from support.interleave import Pause, command
from support.invariants import content, incomplete_users, leftovers, watched
from support.receivers import connected
from support.threads import errors, together

from chabad_auth_django import signals
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import (
    AlreadyExists,
    ChabadAuthError,
    NotFound,
    UserNotFound,
    VersionConflict,
)
from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.services.identity import blocking, external_ids
from chabad_auth_django.services.lifecycle import deletion, purging
from chabad_auth_django.services.signing_in import sessions


def new_user(email: str = "ann@example.org") -> User:
    return User.create_user(email=email)


def fill(user: User) -> None:
    """Store something for the user in every collection."""
    Activity.objects.insert([Activity(user_id=user.id, event_type="view") for _ in range(5)])
    Analytics.create_analytics(user_id=user.id, event_name="x", event_category="custom")
    for key in ("one", "two", "deleted"):
        AppData.upsert_app_data(user.id, "app", key, {"value": key})
    AppData.delete_app_data(user.id, "app", "deleted")
    external_ids.link_external_id(user_id=user.id, field="valuUserId", value=user.email)
    sessions.open_session(user_id=user.id, auth_method="google")
    blocking.block_user(user_id=user.id, reason="abuse")


def database() -> Any:
    return connection.get_database()


def run() -> list[deletion.Outcome]:
    return list(deletion.run())


@contextmanager
def pausing(uri: str, **changes: Any) -> Iterator[Pause]:
    pause = Pause()
    options = {"event_listeners": [pause]}
    changed = {**settings.CHABAD_AUTH, "MONGODB_OPTIONS": options, **changes}
    with override_settings(CHABAD_AUTH=changed):
        yield pause
        assert pause.done, pause.error


CREATE: dict[str, Callable[[list[str]], Any]] = {
    "create_user": lambda emails: [User.create_user(email=email) for email in emails],
    "save": lambda emails: [User(email=email).save() for email in emails],
    "insert one": lambda emails: [User.objects.insert(User(email=email)) for email in emails],
    "insert many": lambda emails: User.objects.insert([User(email=email) for email in emails]),
    "insert ids": lambda emails: User.objects.insert(
        [User(email=email) for email in emails], load_bulk=False
    ),
    "create of a QuerySet": lambda emails: [User.objects.create(email=email) for email in emails],
    "own id": lambda emails: [User(id=ObjectId(), email=email).save() for email in emails],
    "atomic": lambda emails: atomic(lambda: [User.create_user(email=email) for email in emails])(),
}


@pytest.mark.parametrize("way", CREATE)
def test_every_way_of_creating_yields_profile_and_preferences(either_server: str, way: str) -> None:
    emails = [f"user{number}@example.org" for number in range(7)]
    with watched(either_server):
        CREATE[way](emails)

    assert set(User.objects.scalar("email")) == set(emails)
    for user in User.objects:
        assert Profile.find_by_user_id(user.id)
        assert Preferences.find_by_user_id(user.id)
    assert content(database()) == {"users": 7, "profiles": 7, "preferences": 7}


def delete_one_by_one() -> None:
    for user in User.objects(email__ne="kept@example.org"):
        user.delete()


def delete_twice() -> None:
    for user in User.objects(email__ne="kept@example.org"):
        again = User.objects.get(id=user.id)
        user.delete()
        user.delete()
        again.delete()


DELETE: dict[str, Callable[[], Any]] = {
    "documents": delete_one_by_one,
    "documents twice": delete_twice,
    "filter": lambda: User.objects(email__ne="kept@example.org").delete(),
    "raw filter": lambda: User.objects(__raw__={"email": {"$regex": "^user"}}).delete(),
    "ids": lambda: User.objects(
        id__in=list(User.objects(email__startswith="user").scalar("id"))
    ).delete(),
    "slices": lambda: [User.objects(email__startswith="user")[:2].delete() for _ in range(2)],
    "atomic": lambda: atomic(lambda: User.objects(email__ne="kept@example.org").delete())(),
    "filter twice": lambda: [User.objects(email__startswith="user").delete() for _ in range(2)],
}


@pytest.mark.parametrize("way", DELETE)
def test_every_way_of_deleting_leaves_nothing(either_server: str, way: str) -> None:
    kept = new_user("kept@example.org")
    fill(kept)
    before = content(database())
    for number in range(3):
        fill(new_user(f"user{number}@example.org"))

    with watched(either_server):
        DELETE[way]()

    # Before any run the users and all that they had are gone; only the jobs wait for the sweep.
    assert content(database()) == {**before, "deletions": 3}
    outcomes = run()
    assert [outcome.finished for outcome in outcomes] == [True] * 3
    assert content(database()) == before
    assert User.objects.get().id == kept.id
    assert leftovers(database()) == {}
    assert run() == []


def test_deleting_many_users_removes_them_in_batches(either_server: str) -> None:
    User.objects.insert([User(email=f"user{number}@example.org") for number in range(110)])
    kept = new_user()
    assert User.objects(email__startswith="user").delete() == 110
    assert len(run()) == 110
    assert content(database()) == {"users": 1, "profiles": 1, "preferences": 1}
    assert User.objects.get().id == kept.id


def test_a_deletion_that_matches_nobody_does_nothing(either_server: str) -> None:
    user = new_user()
    fill(user)
    before = content(database())
    assert User.objects(email="nobody@example.org").delete() == 0
    assert User.objects.none().delete() == 0
    assert AppData.objects.none().delete() == 0
    with pytest.raises(NotFound):
        User(email="new@example.org").delete()
    assert content(database()) == before


def test_deleting_app_data_respects_the_limit(either_server: str) -> None:
    user = new_user()
    for number in range(5):
        AppData.upsert_app_data(user.id, "app", f"key{number}", 0)
    assert AppData.find_by_user_and_app(user.id, "app", limit=2).delete() == 2
    assert set(AppData.objects.scalar("data_key")) == {"key2", "key3", "key4"}


def test_what_would_pass_by_the_lifecycle_is_refused(either_server: str) -> None:
    user = new_user()
    before = content(database())
    for refused in (
        lambda: User.objects(email="ben@example.org").update(upsert=True, set__name="Ben"),
        lambda: User.objects(email="ben@example.org").update_one(upsert=True, set__name="Ben"),
        lambda: User.objects(email="ben@example.org").upsert_one(set__name="Ben"),
        lambda: User.objects(email="ben@example.org").modify(upsert=True, set__name="Ben"),
        lambda: User.objects(id=user.id).modify(remove=True),
        lambda: AppData.objects(user_id=user.id).modify(remove=True),
        lambda: Profile.objects(user_id=ObjectId()).upsert_one(set__bio="x"),
        lambda: User.objects.insert([User(email="ben@example.org")], write_concern={"w": 0}),
        lambda: User.objects.insert(Profile(user_id=user.id)),
        lambda: User.objects.insert([user]),
        lambda: User.objects(id=user.id).delete(write_concern={"w": 0}),
        lambda: user.delete(w=0),
    ):
        with pytest.raises(TypeError):
            refused()
    assert content(database()) == before


def test_an_empty_insert_does_nothing(either_server: str) -> None:
    for model in (User, Profile, Activity, AppData):
        assert model.objects.insert([]) == []
    assert content(database()) == {}


def test_a_deleted_user_is_gone_for_every_write(either_server: str) -> None:
    user = new_user()
    fill(user)
    stale, profile = User.objects.get(), Profile.find_by_user_id(user.id)
    data = AppData.find_by_user_app_and_key(user.id, "app", "one")
    user.delete()

    writes: list[Callable[[], Any]] = [
        partial(write, user.id, random.Random(0))
        for write in jobs.WRITES
        if write not in (jobs.delete_key, jobs.delete_keys)
    ]
    for write in writes:
        with pytest.raises(UserNotFound):
            write()
    for change in (
        lambda: stale.add_role("admin"),
        stale.update_last_login,
        lambda: profile.set_metadata("key", 1),
        lambda: data.update_value(1),
        lambda: data.update_value_with_version(1, 1),
    ):
        with pytest.raises(NotFound):
            change()
    stale.name = "Ghost"
    with pytest.raises(NotFound):
        stale.save()
    run()
    assert content(database()) == {}


def test_the_address_of_a_deleted_user_is_free_at_once(either_server: str) -> None:
    first = new_user()
    fill(first)
    first.delete()
    second = new_user()
    run()
    assert second.id != first.id
    assert content(database()) == {"users": 1, "profiles": 1, "preferences": 1}


def test_a_rolled_back_deletion_changes_nothing(mongodb: str) -> None:
    user = new_user()
    fill(user)
    before = content(database())

    @atomic
    def body() -> None:
        user.delete()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        body()

    assert content(database()) == before
    assert User.objects.get().id == user.id


def test_user_deleted_is_sent_once_for_each_user(either_server: str) -> None:
    users = [new_user(f"user{number}@example.org") for number in range(3)]
    stale = User.find_by_id(users[0].id)
    sent: list[ObjectId] = []
    with connected(signals.user_deleted, lambda user_id, **kwargs: sent.append(user_id)):
        users[0].delete()
        users[0].delete()
        stale.delete()
        User.objects.delete()
    assert sorted(sent) == sorted(user.id for user in users)


def test_a_creation_that_a_receiver_refuses_can_be_tried_again(either_server: str) -> None:
    user = User(email="ann@example.org")

    def refuse(**kwargs: Any) -> None:
        raise RuntimeError

    with connected(signals.pre_user_create, refuse), pytest.raises(RuntimeError):
        user.save()

    assert content(database()) == {}
    user.save()
    assert content(database()) == {"users": 1, "profiles": 1, "preferences": 1}


def test_a_job_is_kept_for_the_grace_period(either_server: str) -> None:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 3600}):
        new_user().delete()
        assert [outcome.finished for outcome in run()] == [False]
        assert content(database()) == {"deletions": 1}
    assert [outcome.finished for outcome in run()] == [True]
    assert content(database()) == {}


class Slow(CommandListener):
    """A server that is far away."""

    def started(self, event: Any) -> None:
        if event.command_name == "find":
            time.sleep(0.06)

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


def test_a_purge_in_slices_comes_to_an_end_however_far_the_server_is(either_server: str) -> None:
    user_id = ObjectId()
    database().deletions.insert_one({"_id": user_id, "state": "deleting"})
    for model in (Activity, Analytics):
        model.collection().insert_many([{"userId": user_id} for _ in range(2)])
    options = {"event_listeners": [Slow()]}
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "MONGODB_OPTIONS": options}):
        slices = 0
        while purging.purge(user_id=user_id, until=time.monotonic() + 0.25):
            slices += 1
            assert slices < 100
    assert slices >= 1
    assert content(database()) == {"deletions": 1}


def test_the_sweep_takes_what_a_killed_writer_left(either_server: str) -> None:
    user, other = new_user(), new_user("other@example.org")
    fill(other)
    user.delete()
    before = content(database())
    # What a process leaves that is killed between its insert and its check of the user.
    for name in ("activities", "analytics", "appdatas", "profiles", "preferences"):
        database()[name].insert_one({"userId": user.id, "appId": "a", "dataKey": "k"})
    key = {"userId": user.id, "appId": "a", "dataKey": "k"}
    database().appdata_tombstones.insert_one({"_id": key, "version": 1})

    outcomes = run()

    assert [outcome.finished for outcome in outcomes] == [True]
    assert sum(outcomes[0].purged.values()) == 6
    del before["deletions"]
    assert content(database()) == before
    assert leftovers(database()) == {}


def test_several_runs_at_once_finish_every_job(either_server: str) -> None:
    for number in range(8):
        user = new_user(f"user{number}@example.org")
        fill(user)
        user.delete()
        database().activities.insert_many([{"userId": user.id} for _ in range(50)])
    results = together([run] * 6)
    assert errors(results) == []
    assert content(database()) == {}


def test_one_job_that_fails_holds_up_no_other(standalone: str) -> None:
    users = [new_user(f"user{number}@example.org") for number in range(3)]

    def refuse(user_ids: list[ObjectId], **kwargs: Any) -> None:
        if users[0].id in user_ids:
            raise RuntimeError("not this one")

    with connected(signals.post_user_delete, refuse):
        for user in users:
            with suppress(RuntimeError):
                user.delete()
        database().profiles.insert_one({"userId": users[1].id})
        # As a crash after the job and before the user leaves it.
        database().users.insert_one({"_id": users[0].id, "email": users[0].email})
        assert [str(outcome.error) for outcome in run() if outcome.error] == ["not this one"]
        assert database().deletions.distinct("_id") == [users[0].id]
        assert leftovers(database()).keys() == {"deletions"}
    run()
    assert content(database()) == {}


def test_a_bulk_insert_that_fails_half_way_leaves_nothing_for_a_gone_user(
    either_server: str,
) -> None:
    gone, other = new_user(), new_user("other@example.org")
    kept = Activity.create_activity(user_id=other.id, event_type="kept")
    gone.delete()
    run()
    twice = ObjectId()
    with pytest.raises(UserNotFound):
        Activity.objects.insert(
            [Activity(id=twice, user_id=gone.id, event_type="x") for _ in range(2)]
        )
    with pytest.raises((UserNotFound, AlreadyExists)):
        Activity.objects.insert(
            [
                Activity(user_id=gone.id, event_type="x"),
                Activity(id=kept.id, user_id=gone.id, event_type="x"),
            ]
        )
    assert leftovers(database()) == {}
    assert Activity.objects.get().id == kept.id, "Somebody else's document was taken back."


def test_a_body_that_fails_after_its_write_leaves_nothing_for_a_gone_user(
    either_server: str,
) -> None:
    user = new_user()
    user.delete()
    run()

    @atomic
    def body() -> None:
        Activity.create_activity(user_id=user.id, event_type="x")
        raise RuntimeError

    with pytest.raises((RuntimeError, UserNotFound)):
        body()
    assert content(database()) == {}


def test_a_user_deleted_while_its_batch_is_created_takes_no_other_along(standalone: str) -> None:
    """Delete one user of a batch when it is visible, before the creation has ended."""

    def delete_first() -> None:
        User.objects(email="first@example.org").delete()

    with pausing(standalone) as pause:
        pause.before(lambda name, body: name == "find" and body["find"] == "users", delete_first)
        with suppress(UserNotFound):
            User.objects.insert([User(email="first@example.org"), User(email="second@example.org")])

    assert User.objects.get().email == "second@example.org"
    run()
    assert content(database()) == {"users": 1, "profiles": 1, "preferences": 1}


def test_a_creation_that_was_taken_for_dead_is_undone_whole(standalone: str) -> None:
    with pausing(standalone) as pause:
        pause.before(command("insert", "users"), run)
        with pytest.raises(UserNotFound):
            User.create_user(email="ann@example.org")
    run()
    assert content(database()) == {}


def test_a_running_creation_is_left_alone_in_the_grace_period(standalone: str) -> None:
    with pausing(standalone, DELETION_GRACE_SECONDS=60) as pause:
        pause.before(command("insert", "users"), run)
        User.create_user(email="ann@example.org")
    assert content(database()) == {"users": 1, "profiles": 1, "preferences": 1}


def test_a_running_deletion_is_left_alone_in_the_grace_period(standalone: str) -> None:
    user = new_user()
    before = content(database())

    runs: list[Any] = []

    def refuse_late(**kwargs: Any) -> None:
        if not runs:
            # In a project that has no such receiver.
            runs.append("begun")
            runs.extend(together([run]))
            raise RuntimeError

    with (
        override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 60}),
        connected(signals.pre_user_delete, refuse_late),
        pytest.raises(RuntimeError),
    ):
        user.delete()
    assert content(database()) == before


WINDOWS = {
    "activity": (jobs.activity, "insert", "activities"),
    "activities": (jobs.activities, "insert", "activities"),
    "analytics": (jobs.analytics, "insert", "analytics"),
    "app data": (jobs.upsert, "insert", "appdatas"),
    "transaction": (jobs.together, "insert", "analytics"),
    "synchronize": (jobs.synchronize, "insert", "activities"),
    "login": (jobs.login, "insert", "activities"),
}


@pytest.mark.parametrize("moment", ["before the insert", "before the check of the user"])
@pytest.mark.parametrize("name", WINDOWS)
def test_a_user_deleted_in_the_middle_of_a_write(
    either_server: str, name: str, moment: str
) -> None:
    """Delete the user, purge and sweep, exactly between two commands of a write."""
    write, sent, collection = WINDOWS[name]
    user = new_user()

    def delete_and_sweep() -> None:
        User.objects(id=user.id).delete()
        run()

    check = command("find", "users")
    where = command(sent, collection) if moment == "before the insert" else check
    if name == "login":
        # A login does not check the user on a replica set: it conflicts with the deletion instead.
        where = command("findAndModify", "users")
    with pausing(either_server) as pause:
        pause.before(where, delete_and_sweep)
        with pytest.raises((UserNotFound, VersionConflict)):
            write(user.id, random.Random(0))
    assert leftovers(database()) == {}
    assert content(database()) == {}


@pytest.mark.parametrize("write", jobs.WRITES, ids=lambda write: write.__name__)
def test_writers_racing_with_a_deletion_leave_nothing(
    either_server: str, write: jobs.Write
) -> None:
    user, other = new_user(), new_user("other@example.org")
    fill(user)
    deleted = threading.Event()
    before, after = [], []

    def keep_writing(seed: int) -> None:
        chance = random.Random(seed)
        late = 0
        while late < 5:
            late += deleted.is_set()
            began_late = deleted.is_set()
            # Besides UserNotFound: a conflict, a document that another writer takes back.
            with suppress(ChabadAuthError):
                write(user.id, chance)
                (after if began_late else before).append(1)

    def delete() -> None:
        while len(before) < 4:
            time.sleep(0.001)
        try:
            # On a busy machine the writers may win for as long as a transaction may take.
            for _ in range(10):
                with suppress(ExecutionTimeout):
                    return user.delete()
            raise AssertionError("The deletion never got its turn.")
        finally:
            deleted.set()

    with watched(either_server):
        results = together([delete, *[partial(keep_writing, seed) for seed in range(4)]])

    assert errors(results) == []
    if write in (jobs.activity, jobs.activities, jobs.analytics, jobs.login, jobs.together):
        assert after == [], "A write for a user who was gone succeeded."
    run()
    assert leftovers(database()) == {}
    assert incomplete_users(database()) == []
    assert User.objects.get().id == other.id


def test_many_users_deleted_amid_many_writers_leave_nothing(either_server: str) -> None:
    users = [new_user(f"user{number}@example.org") for number in range(12)]
    end = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        while not end.is_set():
            with suppress(ChabadAuthError):
                chance.choice(jobs.WRITES)(chance.choice(users).id, chance)

    def delete() -> None:
        try:
            for user in users[:6]:
                user.delete()
            User.objects(id__in=[user.id for user in users[6:11]]).delete()
        finally:
            end.set()

    with watched(either_server):
        results = together([delete, *[partial(write, seed) for seed in range(6)]])

    assert errors(results) == []
    run()
    assert leftovers(database()) == {}
    assert User.objects.get().id == users[-1].id
    users[-1].delete()
    run()
    assert content(database()) == {}
