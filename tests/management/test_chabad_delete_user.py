from collections.abc import Iterator

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.management import interrupted, run

from chabad_auth_django.models import Activity, User
from chabad_auth_django.services.lifecycle import purging, receipts

COMMAND = "chabad_delete_user"


@pytest.fixture
def busy(user: User) -> User:
    Activity.objects.insert([Activity(user_id=user.id, event_type="x") for _ in range(10)])
    return user


@pytest.fixture
def small_batches(mongodb: str) -> Iterator[None]:
    with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"PURGE_BATCH_SIZE": 2}):
        yield


def left(raw: Database) -> dict[str, int]:
    names = set(raw.list_collection_names()) - {"audit_log", "heartbeats"}
    counts = {name: raw[name].count_documents({}) for name in names}
    return {name: count for name, count in counts.items() if count}


def test_the_user_is_deleted_with_all_data(busy: User, raw: Database) -> None:
    result = run(COMMAND, busy.email, "--yes", "--json")
    assert (result.code, result.err) == (0, "")
    (row,) = result.json["users"]
    assert (row["id"], row["email"]) == (str(busy.id), busy.email)
    assert row["documents"].items() >= {
        *{"users": 1, "profiles": 1, "preferences": 1, "activities": 10}.items()
    }
    assert (result.json["documents"], result.json["dryRun"]) == (13, False)
    assert left(raw) == {"deletions": 1}
    assert run("chabad_purge_deleted").code == 0
    assert left(raw) == {}
    assert run(COMMAND, busy.email, "--yes").code == 2


def test_a_dry_run_says_what_would_go(busy: User, raw: Database) -> None:
    before = left(raw)
    result = run(COMMAND, busy.email, "--dry-run")
    assert result.lines == [
        "would delete  ann@example.org  users 1, activities 10, preferences 1, profiles 1",
        "1 user, 13 documents, dry run.",
    ]
    assert run(COMMAND, busy.email, "--dry-run", "--json").json["dryRun"] is True
    assert left(raw) == before


def test_it_shows_the_counts_and_takes_the_typed_address(busy: User, mongodb: str) -> None:
    result = run(COMMAND, str(busy.id), answers="yes\n")
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith("CommandError: Nothing was done: not confirmed.\n")
    assert f"To confirm, type {busy.email}:" in result.err
    assert "activities" in result.err.splitlines()[0]
    assert User.find_by_email(busy.email)
    assert run(COMMAND, str(busy.id), answers=f"{busy.email}\n").code == 0
    assert User.find_by_email(busy.email) is None


def test_several_are_confirmed_by_their_number(busy: User) -> None:
    User.create_user(email="bob@example.org")
    assert run(COMMAND, busy.email, "bob@example.org", answers="2\n").code == 0
    assert User.objects.count() == 0


def test_without_a_terminal_it_takes_yes(busy: User) -> None:
    result = run(COMMAND, "-", stdin=busy.email)
    assert (result.code, "--help" in result.err) == (2, True)
    result = run(COMMAND, "-", "--yes", stdin=f"{busy.email}\nnobody\n")
    assert result.code == 2
    assert "'nobody'" in result.err
    assert User.objects.count() == 0


def test_after_an_interruption_the_id_goes_on(
    busy: User, raw: Database, small_batches: None
) -> None:
    for target, after in ((purging, 0), (Activity, 2)):
        with interrupted(target, "purge", after=after):
            result = run(COMMAND, busy.email, "--yes", bar=True)
        assert result.code == 130
        assert result.err.splitlines()[-1] == (
            "CommandError: Interrupted. Run it again for the users who are left. "
            f"Go on by id with: {busy.id}"
        )
        assert raw.users.count_documents({}) == 0
        assert busy.email not in str(list(raw.deletions.find()))
    assert 0 < raw.activities.count_documents({}) < 10
    other = User.create_user(email=busy.email)
    result = run(COMMAND, busy.email, "--yes", "--json")
    assert result.code == 2
    assert str(other.id) in result.err
    assert str(busy.id) in result.err
    result = run(COMMAND, busy.id, "--yes", "--json")
    assert result.code == 0
    assert result.json["users"][0]["documents"]["activities"] == 10
    assert raw.activities.count_documents({}) == 0
    assert User.find_by_email(busy.email) == other, "The address was somebody else's by then."


def test_a_receipt_that_was_not_printed_comes_again(busy: User) -> None:
    names = [busy.email, User.create_user(email="bob@example.org").email]
    with interrupted(receipts, "delete", after=1):
        assert run(COMMAND, *names, "--yes", "--json").out == ""
    again = run(COMMAND, *names, busy.id, "--yes", "--json")
    assert [row["receipt"]["deleted"]["users"] for row in again.json["users"]] == [1, 1]


def test_a_deletion_that_something_else_began_is_gone_on_with_by_id(
    raw: Database, mongodb: str
) -> None:
    id = ObjectId()
    raw.deletions.insert_one({"_id": id, "state": "deleting", "since": id.generation_time})
    raw.activities.insert_one({"userId": id})
    assert run(COMMAND, str(id), "--yes").code == 0
    assert left(raw) == {"deletions": 1}


def test_a_terminal_shows_progress_and_a_pipe_does_not(busy: User) -> None:
    result = run(COMMAND, busy.email, "--yes", bar=True)
    assert "deleting ann@example.org " in result.err
    assert "/s " in result.err and " left" in result.err


@pytest.mark.parametrize("command", [COMMAND, "chabad_erase_user"])
@pytest.mark.parametrize("option", ["--dry-run", "--yes"])
def test_the_last_administrator_cannot_be_deleted(
    mongodb: str, raw: Database, command: str, option: str
) -> None:
    ann = User.create_user(email="ann@example.org", roles=["admin"])
    result = run(command, ann.email, option)
    assert result.code == 2
    assert "last administrator" in result.err
    assert left(raw) == {"users": 1, "profiles": 1, "preferences": 1}


def test_of_two_administrators_one_command_deletes_one(mongodb: str, raw: Database) -> None:
    emails = [User.create_user(email=f"{name}@example.org", roles=["admin"]).email for name in "ab"]
    result = run(COMMAND, *emails, "--yes")
    assert result.code == 2
    assert "last administrator" in result.err
    assert [user.email for user in User.objects] == emails[1:]
    # Nothing tells of a deletion that was refused.
    assert raw.deletions.find_one({"_id": User.objects.get().id}) is None
