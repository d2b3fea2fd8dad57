"""An external id has one owner, whatever way a user is written."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database
from support.clients import fresh_database
from support.interleave import Pause, command
from support.management import run
from support.threads import errors, together
from support.ways_of_storing import each_change, each_creation, save

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import RetryTransaction, atomic
from chabad_auth_django.exceptions import ExternalIdTaken, UserNotFound, ValidationError
from chabad_auth_django.models import ExternalId, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.identity import external_ids
from chabad_auth_django.services.lifecycle import creation


def users() -> Any:
    return connection.get_database().users


def claims() -> dict[str, Any]:
    return {row["_id"]: row["userId"] for row in ExternalId.collection().find()}


@pytest.fixture
def owner(either_server: str) -> User:
    """A user with an external id, on each kind of server in turn."""
    return User.create_user(email="ann@example.org", valu_user_id="v1")


@pytest.fixture
def other(owner: User) -> User:
    return User.create_user(email="bob@example.org")


@each_creation
def test_a_new_user_does_not_get_the_id_of_another(
    owner: User, create: Callable[..., object]
) -> None:
    with pytest.raises(ExternalIdTaken):
        create(email="bob@example.org", valu_user_id="v1")
    assert users().count_documents({"valuUserId": "v1"}) == 1
    assert claims() == {"valuUserId:v1": owner.id}
    create(email="bob@example.org", merkos_user_id="v1")
    assert set(claims()) == {"valuUserId:v1", "merkosUserId:v1"}


@each_creation
def test_a_new_user_does_not_get_the_id_that_another_program_gave(
    either_server: str, create: Callable[..., object]
) -> None:
    users().insert_one({"email": "ann@example.org", "valuUserId": "v1"})
    with pytest.raises(ExternalIdTaken):
        create(email="bob@example.org", valu_user_id="v1")
    assert users().count_documents({"valuUserId": "v1"}) == 1
    assert claims() == {}


def test_two_new_users_do_not_get_one_id(either_server: str) -> None:
    pair = [User(email=f"{n}@example.org", valu_user_id="v1") for n in range(2)]
    with pytest.raises(ExternalIdTaken):
        User.objects.insert(pair)
    assert users().count_documents({}) == 0
    User.objects.insert([User(email=f"{n}@example.org", valu_user_id=f"v{n}") for n in range(2)])
    assert set(claims()) == {"valuUserId:v0", "valuUserId:v1"}


@each_change
@pytest.mark.parametrize("by", ["us", "another program"])
def test_a_stored_user_does_not_get_the_id_of_another(
    owner: User, other: User, by: str, change: Callable[..., object]
) -> None:
    if by == "another program":
        ExternalId.collection().delete_many({})
    before = claims()
    with pytest.raises(ExternalIdTaken):
        change(other, valu_user_id="v1")
    assert [row["_id"] for row in users().find({"valuUserId": "v1"})] == [owner.id]
    assert claims() == before


@each_change
def test_a_changed_id_is_claimed_and_the_old_one_is_free(
    owner: User, other: User, change: Callable[..., object]
) -> None:
    change(User.find_by_id(owner.id), valu_user_id="v2")
    assert claims() == {"valuUserId:v2": owner.id}
    change(User.find_by_id(other.id), valu_user_id="v1")
    assert claims() == {"valuUserId:v2": owner.id, "valuUserId:v1": other.id}
    change(User.find_by_id(owner.id), valu_user_id=None)
    assert claims() == {"valuUserId:v1": other.id}
    assert "valuUserId" not in users().find_one({"_id": owner.id})
    assert not ExternalId.collection().find_one({"pendingSince": {"$exists": True}})
    assert external_ids.find_user_by_external_id(field="valuUserId", value="v1") == other


@each_change
def test_an_id_that_no_name_is_claims_nothing(
    owner: User, other: User, change: Callable[..., object]
) -> None:
    for value in ("", "x" * 256, "a\0"):
        with pytest.raises(Exception, match=r"(?i)valid|string"):
            change(User.find_by_id(other.id), valu_user_id=value)
    assert claims() == {"valuUserId:v1": owner.id}


@each_change
def test_a_user_keeps_its_own_id(owner: User, change: Callable[..., object]) -> None:
    change(User.find_by_id(owner.id), valu_user_id="v1")
    assert claims() == {"valuUserId:v1": owner.id}
    assert users().find_one()["valuUserId"] == "v1"


def test_several_users_do_not_get_one_id(owner: User, other: User) -> None:
    with pytest.raises(ExternalIdTaken):
        User.objects.update(set__merkos_user_id="m1")
    assert users().count_documents({"merkosUserId": "m1"}) == 0
    User.objects.update_one(set__merkos_user_id="m1")
    assert users().count_documents({"merkosUserId": "m1"}) == 1


def test_a_user_who_is_gone_claims_nothing(owner: User) -> None:
    gone = User.find_by_id(owner.id)
    owner.delete()
    with pytest.raises(UserNotFound):
        save(gone, valu_user_id="v2")
    with pytest.raises(UserNotFound):
        gone.patch({"valu_user_id": "v3"})
    assert User.objects(id=gone.id).update(valu_user_id="v4") == 0
    assert claims() == {}


@pytest.mark.parametrize("name", ["update", "update_one", "modify"])
def test_a_user_who_is_deleted_during_an_update_claims_nothing(
    either_server: str, name: str
) -> None:
    pause = Pause()
    options = {"event_listeners": [pause]}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": either_server, "MONGODB_OPTIONS": options}):
        user = User.create_user(email="ann@example.org")
        pause.before(command("find", "external_ids"), user.delete)
        with pytest.raises(UserNotFound):
            getattr(User.objects(id=user.id), name)(set__valu_user_id="v1")
        assert pause.done
        assert claims() == {}


def test_the_id_of_a_deleted_user_is_free(owner: User) -> None:
    owner.delete()
    assert User.create_user(email="bob@example.org", valu_user_id="v1").id


def test_the_commands_and_services_refuse_the_id_of_another(owner: User, tmp_path: Path) -> None:
    arguments = ("--email", "bob@example.org", "--valu-user-id", "v1", "--no-input")
    for options in ((), ("--dry-run",)):
        assert run("chabad_create_user", *arguments, *options).code == 2
    with pytest.raises(ExternalIdTaken):
        creation.create_account(email="bob@example.org", external={"valuUserId": "v1"})
    assert users().count_documents({}) == 1
    made = creation.create_account(email="bob@example.org", external={"valuUserId": "v2"})
    assert claims()["valuUserId:v2"] == made.id


@pytest.mark.parametrize("claimed", [True, False])
def test_an_import_of_the_id_of_another_is_refused(
    owner: User, either_server: str, tmp_path: Path, claimed: bool
) -> None:
    if not claimed:
        ExternalId.collection().delete_many({})
    path = tmp_path / "ann.json"
    assert run("chabad_export_user", owner.id, "--output", path).code == 0
    with fresh_database(either_server):
        indexes.create()
        other = users().insert_one({"email": "bob@example.org", "valuUserId": "v1"}).inserted_id
        for options in (("--dry-run",), ()):
            assert run("chabad_import_user", path, *options).code == 2
        assert [row["_id"] for row in users().find()] == [other]
    with fresh_database(either_server):
        indexes.create()
        assert run("chabad_import_user", path).code == 0
        assert claims() == {"valuUserId:v1": owner.id}


@pytest.mark.parametrize("round", range(5))
def test_of_concurrent_writers_of_one_id_one_wins(either_server: str, round: int) -> None:
    stored = [User.create_user(email=f"{n}@example.org") for n in range(3)]
    calls = [
        lambda: User.create_user(email="x@example.org", valu_user_id="v1"),
        lambda: User.objects.insert([User(email="y@example.org", valu_user_id="v1")]),
        lambda: save(stored[0], valu_user_id="v1"),
        lambda: stored[1].patch({"valu_user_id": "v1"}),
        lambda: User.objects(id=stored[2].id).update(valu_user_id="v1"),
    ]
    results = together(calls)
    assert {type(error) for error in errors(results)} <= {ExternalIdTaken}
    holders = [row["_id"] for row in users().find({"valuUserId": "v1"})]
    assert len(holders) == 1
    assert claims() == {"valuUserId:v1": holders[0]}


def test_an_id_of_a_user_who_is_just_being_created_is_taken(standalone: str) -> None:
    pause = Pause()
    options = {"event_listeners": [pause]}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": standalone, "MONGODB_OPTIONS": options}):
        connection.supports_transactions()
        pause.before(
            command("insert", "users"),
            lambda: User.create_user(email="bob@example.org", valu_user_id="v1"),
        )
        user = User.create_user(email="ann@example.org", valu_user_id="v1")
        assert isinstance(pause.error, ExternalIdTaken)
        assert claims() == {"valuUserId:v1": user.id}
        bob = User.create_user(email="bob@example.org")
        pause.before(command("findAndModify", "users"), lambda: bob.patch({"valu_user_id": "v2"}))
        save(user, valu_user_id="v2")
        assert isinstance(pause.error, ExternalIdTaken)
        assert claims() == {"valuUserId:v2": user.id}


def test_a_claim_that_a_crash_left_counts_for_a_minute(standalone: str) -> None:
    claim = {"_id": "valuUserId:v1", "userId": ObjectId(), "pendingSince": now()}
    ExternalId.collection().insert_one(claim)
    with pytest.raises(ExternalIdTaken):
        User.create_user(email="ann@example.org", valu_user_id="v1")
    since = now() - timedelta(seconds=external_ids.PENDING_SECONDS)
    ExternalId.collection().update_one({}, {"$set": {"pendingSince": since}})
    user = User.create_user(email="ann@example.org", valu_user_id="v1")
    assert claims() == {"valuUserId:v1": user.id}


def test_a_failed_creation_leaves_no_claim(owner: User) -> None:
    with pytest.raises(Exception):  # noqa: B017
        User.create_user(email="ann@example.org", valu_user_id="v2")
    assert claims() == {"valuUserId:v1": owner.id}
    assert User.create_user(email="bob@example.org", valu_user_id="v2").id


def test_a_save_that_is_run_again_stores_the_change_again(user: User, raw: Database) -> None:
    tries = []

    @atomic
    def change() -> None:
        save(user, valu_user_id="v1")
        tries.append(1)
        if len(tries) == 1:
            external_ids.check_fields_are_free(items=[])
            raise RetryTransaction("again")

    change()
    assert len(tries) == 2
    assert raw.users.find_one()["valuUserId"] == "v1"
    assert claims() == {"valuUserId:v1": user.id}


def test_a_value_of_an_unknown_field_is_refused(owner: User) -> None:
    with pytest.raises(ValidationError):
        external_ids.change_fields(user_ids=[owner.id], values={"email": "x"})


def test_an_ordinary_user_takes_no_further_command(commands: Any) -> None:
    user = User.create_user(email="ann@example.org")
    user.name = "Ann"
    user.save()
    assert "external_ids" not in [body.get(name) for name, body in commands.sent]
