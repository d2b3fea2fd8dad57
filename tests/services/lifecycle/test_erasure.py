"""A deletion is known by the id of its user, whoever has the user's names afterwards."""

from datetime import timedelta
from typing import Any

import mongoengine
import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.errors import DuplicateKeyError
from support.fork_server import ForkServer, Process, crashes
from support.invariants import content, end_transactions_of_the_dead
from support.management import interrupted, run
from support.receivers import connected

from chabad_auth_django import signals
from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import UserNotFound, ValidationError
from chabad_auth_django.models import Deletion, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion, purging, receipts
from chabad_auth_django.services.signing_in import sessions

NAME = "ann@example.org"

#: Commands that act on the user whom a name stands for.
COMMANDS = [
    ("chabad_delete_user", "--yes"),
    ("chabad_erase_user", "--yes"),
    ("chabad_grant", "--role", "moderator"),
    ("chabad_revoke", "--role", "user"),
    ("chabad_revoke_sessions",),
    ("chabad_show_user",),
    ("chabad_export_user",),
    ("chabad_issue_token",),
    ("chabad_issue_token", "--create"),
]


def database() -> Any:
    return connection.get_database()


def erased(*, finished: bool, **names: str) -> User:
    """Return a user who is gone, and whose receipt nobody has taken."""
    user = User.create_user(**{"email": NAME, **names})
    receipts.begin(user_id=user.id, seconds=1.0)
    if finished:
        list(deletion.run())
    return user


def refuse(**kwargs: Any) -> None:
    raise RuntimeError("kept")


@pytest.mark.parametrize("finished", [False, True], ids=["open", "finished"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_name_that_somebody_else_has_now_is_refused_with_both_ids(
    either_server: str, command: tuple[str, ...], finished: bool
) -> None:
    gone = erased(finished=finished)
    other = User.create_user(email=NAME, roles=["user", "admin"])
    User.create_user(email="bob@example.org", roles=["admin"])
    sessions.open_session(user_id=other.id, auth_method="google")
    before, stored = content(database()), User.read(_id=other.id)
    name, *options = command

    result = run(name, NAME.upper(), *options)

    assert result.code == 2
    assert str(gone.id) in result.err
    assert str(other.id) in result.err
    assert content(database()) == before
    assert User.read(_id=other.id) == stored
    assert run(name, other.id, *options).code == 0


def test_an_external_id_that_somebody_else_has_now_is_refused(either_server: str) -> None:
    gone = erased(finished=True, valu_user_id="v-1")
    other = User.create_user(email="bob@example.org", merkos_user_id="v-1")
    with pytest.raises(ValidationError, match=f"{other.id}, {gone.id}"):
        receipts.find(name="v-1")
    assert receipts.find(name=NAME).user_id == gone.id


def test_a_name_of_two_deleted_users_is_refused_with_both_ids(either_server: str) -> None:
    ids = [str(erased(finished=finished).id) for finished in (True, False)]
    with pytest.raises(ValidationError) as error:
        receipts.find(name=NAME)
    assert all(id in error.value.detail for id in ids)


def test_once_the_receipt_is_taken_the_name_is_its_new_owners(either_server: str) -> None:
    gone = erased(finished=True)
    other = User.create_user(email=NAME)
    assert run("chabad_erase_user", gone.id, "--yes").code == 0
    assert receipts.find(name=NAME).user_id == other.id


def test_an_erasure_that_is_not_finished_names_the_id(mongodb: str) -> None:
    user = User.create_user(email=NAME)
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 3600}):
        result = run("chabad_erase_user", NAME, "--yes", "--no-wait")
    assert result.code == 1
    assert str(user.id) in result.err.splitlines()[-1]
    assert NAME not in result.err.splitlines()[-1]


@pytest.mark.parametrize("signal", [signals.pre_user_delete, signals.post_user_delete])
@pytest.mark.parametrize("way", ["command", "API"])
def test_a_deletion_that_a_receiver_refuses_leaves_no_record(
    mongodb: str, signal: Any, way: str
) -> None:
    user = User.create_user(email=NAME)
    before = content(database())
    with connected(signal, refuse):
        if way == "command":
            assert run("chabad_delete_user", NAME, "--yes").code == 2
        else:
            with pytest.raises(RuntimeError, match="kept"):
                receipts.begin(user_id=user.id, seconds=1.0)
    list(deletion.run())
    assert content(database()) == before


@pytest.mark.parametrize("error", [RuntimeError, DuplicateKeyError, mongoengine.NotUniqueError])
def test_without_transactions_a_deletion_that_is_refused_in_time_never_happens(
    standalone: str, error: type[Exception]
) -> None:
    def refuse(**kwargs: Any) -> None:
        raise error("kept")

    user = User.create_user(email=NAME)
    before = content(database())
    with connected(signals.pre_user_delete, refuse):
        assert run("chabad_delete_user", NAME, "--yes").code == 2
    list(deletion.run())
    assert content(database()) == before
    assert User.find_by_email(NAME) == user


def test_a_job_that_was_there_before_a_refusal_stays(standalone: str) -> None:
    user = User.create_user(email=NAME)
    job = {"_id": user.id, "state": "deleting", "since": user.created_at}
    database().deletions.insert_one(job)
    with connected(signals.pre_user_delete, refuse), pytest.raises(RuntimeError, match="kept"):
        user.delete()
    list(deletion.run())
    assert content(database()) == {}


def test_a_refusal_ends_what_was_killed_before(standalone: str) -> None:
    """Whoever was killed leaves a token in the job, which keeps it only while it may be alive."""
    user = User.create_user(email=NAME)
    for age, left in ((timedelta(days=1), 0), (timedelta(days=-1), 1)):
        token = ObjectId.from_datetime(now() - age)
        job = {"state": "deleting", "since": now(), "tries": [token]}
        database().deletions.update_one({"_id": user.id}, {"$set": job}, upsert=True)
        with connected(signals.pre_user_delete, refuse):
            [outcome] = deletion.run()
        assert str(outcome.error) == "kept"
        assert database().deletions.count_documents({"tries": [token]}) == left
        assert database().deletions.count_documents({}) == left
        assert User.find_by_email(NAME) == user


def test_the_name_is_looked_at_again_when_the_user_is_removed(either_server: str) -> None:
    user = User.create_user(email=NAME, valu_user_id="v-1")
    by_email, by_valu_id = receipts.find(name=NAME), receipts.find(name="v-1")
    by_id = receipts.find(name=str(user.id))
    # As it happens while an operator reads what will go.
    user.email = "moved@example.org"
    user.save()
    other = User.create_user(email=NAME)
    with pytest.raises(ValidationError, match=str(user.id)):
        receipts.delete(subject=by_email, advance=lambda count: None)
    assert User.objects.count() == 2
    assert "deletions" not in content(database())
    receipts.delete(subject=by_valu_id, advance=lambda count: None)
    receipts.delete(subject=by_id, advance=lambda count: None)
    assert [user.id for user in User.objects] == [other.id]


@pytest.mark.parametrize("command", ["chabad_delete_user", "chabad_erase_user"])
def test_a_name_that_moves_after_it_was_confirmed_is_refused(
    either_server: str, command: str
) -> None:
    first, user = User.create_user(email="bob@example.org"), User.create_user(email=NAME)

    def move(**kwargs: Any) -> None:
        user.update_atomically({"$set": {"email": "moved@example.org"}})
        User.create_user(email=NAME)

    with connected(signals.pre_user_delete, move):
        result = run(command, first.id, NAME, answers="2\n")
    assert result.code == 2
    assert f"no name of the user {user.id} any more" in result.err
    assert f"Go on by id with: {user.id}" not in result.err
    assert {user.email for user in User.objects} == {"moved@example.org", NAME}


@pytest.mark.parametrize("command", ["chabad_delete_user", "chabad_erase_user"])
@pytest.mark.parametrize(("target", "name"), [(purging, "purge"), (Deletion, "take_receipt")])
def test_what_ctrl_c_left_goes_on_by_its_id_only(
    either_server: str, command: str, target: Any, name: str
) -> None:
    user = User.create_user(email=NAME)
    with interrupted(target, name):
        result = run(command, NAME, "--yes")
    assert (result.code, str(user.id) in result.err) == (130, True)
    other = User.create_user(email=NAME)
    assert run(command, "-", "--yes", stdin=f"{NAME}\n").code == 2
    assert run(command, user.id, "--yes").code == 0
    list(deletion.run())
    assert [user.id for user in User.objects] == [other.id]
    assert content(database()) == {"users": 1, "profiles": 1, "preferences": 1}


@pytest.mark.slow
def test_wherever_a_deletion_is_killed_its_name_never_reaches_somebody_else(
    either_server: str, processes: ForkServer
) -> None:
    known: dict[str, ObjectId] = {}
    refused = 0

    def start(crash: tuple[str, int]) -> Process:
        database().users.delete_many({})
        list(deletion.run())
        database().deletions.delete_many({})
        known["user"] = User.create_user(email=NAME).id
        return processes.start("erase", dict(settings.CHABAD_AUTH), crash=crash, name=NAME)

    for crash in crashes(start):
        end_transactions_of_the_dead(database())
        user = User.find_by_id(known["user"])
        if user is not None:
            # The name moves on, and nobody has it for a while.
            user.update_atomically({"$set": {"email": "moved@example.org"}})
            with pytest.raises(UserNotFound):
                receipts.find(name=NAME)
        other = User.create_user(email=NAME)
        if user is None and database().deletions.find_one(
            {"_id": known["user"], "receipt": {"$ne": None}}
        ):
            assert run("chabad_delete_user", NAME, "--yes").code == 2, crash
            assert User.find_by_email(NAME) == other, crash
            refused += 1
        else:
            assert receipts.find(name=NAME).user_id == other.id, crash
            assert run("chabad_delete_user", NAME, "--yes").code == 0, crash
            assert User.find_by_id(known["user"]) == user, crash
    assert refused > 0
