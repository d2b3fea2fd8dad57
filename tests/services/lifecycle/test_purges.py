"""A purge takes nothing of a user who is stored again: not what an import brings back."""

import io
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from support.exports import exported, imported
from support.interleave import Pause, command

from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import RAW
from chabad_auth_django.exceptions import ChabadAuthError, DeletionOpen, UserNotFound
from chabad_auth_django.models import Activity, AppData, Deletion, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.services.deployment import integrity
from chabad_auth_django.services.lifecycle import deletion, portability, purging

NAMES = (  # noqa: SIM905
    "users profiles preferences external_ids appdatas activities analytics appdata_tombstones"
).split()


def content() -> dict[str, set[bytes]]:
    """Return all that an export has, byte by byte."""
    database = connection.get_database()
    return {name: {row.raw for row in database.get_collection(name, RAW).find()} for name in NAMES}


def repair() -> None:
    for finding in integrity.check(advance=lambda count: None):
        integrity.repair(finding)


@pytest.fixture
def file(either_server: str) -> io.BytesIO:
    """The export of a user, who is not stored any more."""
    user = User.create_user(email="ann@example.org", valu_user_id="v1")
    for number in range(12):
        AppData.upsert_app_data(user.id, "app", f"key{number}", {"a": number})
        Activity.create_activity(user_id=user.id, event_type="x")
    AppData.delete_app_data(user.id, "app", "key0")
    time = datetime(2025, 1, 1, tzinfo=UTC)
    rows = [{"userId": user.id, "timestamp": time, "n": n} for n in range(12)]
    connection.get_database().analytics.insert_many(rows)
    file = exported(user.id)
    remove_users()
    return file


def remove_users() -> None:
    for name in connection.get_database().list_collection_names():
        connection.get_database()[name].delete_many({})


def leave_orphans(file: io.BytesIO) -> None:
    """Store all of the user but the user."""
    bring_back(file)
    connection.get_database().users.delete_many({})
    connection.get_database().external_ids.delete_many({})


def bring_back(file: io.BytesIO) -> None:
    imported(io.BytesIO(file.getvalue()))


def finish(file: io.BytesIO) -> dict[str, set[bytes]]:
    """Do what an operator does after a race: end what is open, repair, and import once more."""
    list(deletion.run())
    repair()
    bring_back(file)
    assert integrity_is_sound()
    return content()


def integrity_is_sound() -> bool:
    return [item for item in integrity.check(advance=lambda count: None) if item.repair] == []


@pytest.mark.slow
def test_an_import_at_any_moment_of_a_repair_loses_nothing(
    file: io.BytesIO, either_server: str
) -> None:
    """It is refused before anything is stored, or what it has stored stays."""
    bring_back(file)
    whole = content()
    moments: list[tuple[str, str]] = [
        *(("delete", model.collection().name) for model in OwnedDocument.registered()),
        *(("find", name) for name in ("users", "deletions", "activities", "analytics")),
        *((name, "deletions") for name in ("update", "delete")),
    ]
    refused = 0
    for moment in moments:
        for name in connection.get_database().list_collection_names():
            connection.get_database()[name].delete_many({})
        leave_orphans(file)
        pause = Pause()
        settings = {"MONGODB_URI": either_server, "MONGODB_OPTIONS": {"event_listeners": [pause]}}
        with override_settings(CHABAD_AUTH={**settings, "DELETION_GRACE_SECONDS": 0}):
            pause.before(command(*moment), lambda: bring_back(file))
            repair()
        refused += isinstance(pause.error, DeletionOpen)
        if pause.done:
            assert content() == whole, moment
        else:
            assert pause.error is None or isinstance(pause.error, ChabadAuthError), moment
        assert finish(file) == whole, moment
    assert refused


def test_a_late_worker_takes_nothing_of_who_came_back(file: io.BytesIO) -> None:
    """It has seen the job, or has found what to delete; then others end the job, and import."""
    bring_back(file)
    whole = content()
    user_id = User.objects.get().id
    jobs = Deletion.collection()
    late_purge = purging._purge_batch
    ids = [row["_id"] for row in Activity.collection().find({}, {"_id": 1})]
    User.objects.get().delete()
    job = {name: row[name] for row in jobs.find() for name in ("_id", "state", "since")}
    late = deletion.run()
    assert [outcome.finished for outcome in deletion.run()] == [True]
    bring_back(file)
    list(late)
    assert content() == whole
    assert deletion.resume(user_id=user_id).purged == {}
    assert late_purge(Activity, job, ids) is None
    # As one leaves for a moment who looks whether the user is there.
    jobs.insert_one({"_id": user_id, "state": "purging", "since": now()})
    assert late_purge(Activity, job, ids) is None
    assert [outcome.purged for outcome in deletion.run()] == [{}]
    assert purging.purge(user_id=user_id) == {}
    assert not purging.purge_ownerless(user_id=user_id)
    assert (content(), jobs.count_documents({})) == (whole, 0)


def test_an_import_brings_nobody_back_who_is_deleted_at_its_start(
    file: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_back(file)
    store = portability._store

    def store_late(*arguments: Any) -> None:
        User.objects.delete()
        store(*arguments)

    monkeypatch.setattr(portability, "_store", store_late)
    with pytest.raises(UserNotFound):
        bring_back(file)
    assert not any(content().values())


def test_what_a_killed_repair_leaves_is_ended_by_the_next_run(file: io.BytesIO) -> None:
    leave_orphans(file)
    user_id = connection.get_database().profiles.find_one()["userId"]
    job = {"_id": user_id, "state": "purging", "since": datetime(2025, 1, 1, tzinfo=UTC)}
    connection.get_database().deletions.insert_one(job)
    with pytest.raises(DeletionOpen):
        bring_back(file)
    list(deletion.run())
    assert not any(content().values())
    bring_back(file)
    whole = content()
    # Nor does it take a user who is there: whoever stored it was first.
    connection.get_database().deletions.insert_one(job)
    assert [outcome.purged for outcome in deletion.run()] == [{}]
    assert content() == whole
    assert Deletion.count_jobs() == 0


@pytest.mark.parametrize("either_server", ["standalone"], indirect=True)
def test_without_transactions_a_job_stays_open_while_a_batch_is_purged(
    file: io.BytesIO, either_server: str
) -> None:
    """A worker has read its job; another one cannot end the job until the batch is purged."""
    bring_back(file)
    whole = content()
    leave_orphans(file)
    user_id = connection.get_database().profiles.find_one()["userId"]
    job = {"_id": user_id, "state": "deleting", "since": datetime(2025, 1, 1, tzinfo=UTC)}
    connection.get_database().deletions.insert_one(job)
    pause, outcomes = Pause(), []

    def end_the_job_and_import() -> None:
        outcomes.extend(deletion.run())
        bring_back(file)

    settings = {"MONGODB_URI": either_server, "MONGODB_OPTIONS": {"event_listeners": [pause]}}
    with override_settings(CHABAD_AUTH={**settings, "DELETION_GRACE_SECONDS": 60}):
        pause.before(command("delete", "activities"), end_the_job_and_import)
        outcomes.extend(deletion.run())
    assert isinstance(pause.error, DeletionOpen)
    assert [outcome.finished for outcome in outcomes] == [False, True]
    assert Deletion.count_jobs() == 0
    bring_back(file)
    assert content() == whole


@pytest.mark.parametrize("either_server", ["standalone"], indirect=True)
def test_without_transactions_a_killed_batch_holds_its_job_for_the_grace_period(
    file: io.BytesIO, either_server: str
) -> None:
    leave_orphans(file)
    user_id = connection.get_database().profiles.find_one()["userId"]
    long_ago = datetime(2025, 1, 1, tzinfo=UTC)
    job = {"_id": user_id, "state": "deleting", "since": long_ago, "running": [ObjectId()]}
    connection.get_database().deletions.insert_one(job)
    settings = {"MONGODB_URI": either_server, "DELETION_GRACE_SECONDS": 60}
    with override_settings(CHABAD_AUTH=settings):
        assert [outcome.finished for outcome in deletion.run()] == [False]
    token = {"$set": {"running": [ObjectId.from_datetime(long_ago)]}}
    connection.get_database().deletions.update_one({"_id": user_id}, token)
    assert [outcome.finished for outcome in deletion.run()] == [True]
    assert not any(content().values())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_imports_racing_with_repairs_and_purges(
    file: io.BytesIO, either_server: str, seed: int
) -> None:
    """Ten races of one import with repairs, deletions, and fences that look at the same moment."""
    bring_back(file)
    whole = content()
    user_id = User.objects.get().id
    chance = random.Random(seed)
    for _ in range(10):
        remove_users()
        leave_orphans(file)
        if chance.random() < 0.3:
            connection.get_database().deletions.insert_one(
                {"_id": user_id, "state": "deleting", "since": datetime(2025, 1, 1, tzinfo=UTC)}
            )
        kinds: list[Callable[[], Any]] = [
            repair,
            repair,
            lambda: list(deletion.run()),
            lambda: purging.purge_ownerless(user_id=user_id),
        ]
        actions = [chance.choice(kinds) for _ in range(chance.randint(1, 3))]
        stored = threading.Event()

        def store(stored: threading.Event = stored) -> None:
            for _ in range(20):
                try:
                    bring_back(file)
                    stored.set()
                    return
                except ChabadAuthError:
                    time.sleep(0.01)

        threads = [
            threading.Thread(target=_later, args=(action, chance.random() * 0.05))
            for action in (store, *actions)
        ]
        # Without transactions a batch that takes longer than the grace period counts as killed.
        settings = {"MONGODB_URI": either_server, "DELETION_GRACE_SECONDS": 60}
        with override_settings(CHABAD_AUTH=settings):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if stored.is_set():
            assert content() == whole
        assert finish(file) == whole


def _later(action: Callable[[], Any], seconds: float) -> None:
    time.sleep(seconds)
    action()
