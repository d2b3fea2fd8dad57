from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.management import interrupted, run

from chabad_auth_django.models import Activity, Deletion, User
from chabad_auth_django.services.lifecycle import deletion, purging, receipts

COMMAND = "chabad_erase_user"


@pytest.fixture
def busy(user: User) -> User:
    Activity.objects.insert([Activity(user_id=user.id, event_type="x") for _ in range(10)])
    return user


@pytest.fixture
def four_users(mongodb: str) -> list[str]:
    emails = [f"user{number}@example.org" for number in range(4)]
    for email in emails:
        User.create_user(email=email)
    return emails


def stored(raw: Database) -> int:
    names = set(raw.list_collection_names()) - {"audit_log", "heartbeats"}
    return sum(raw[name].count_documents({}) for name in names)


def test_everything_goes_and_the_receipt_says_what(busy: User, raw: Database) -> None:
    result = run(COMMAND, busy.email, "--yes", "--json")
    assert (result.code, result.err) == (0, "")
    assert (result.json["finished"], result.json["dryRun"]) == (True, False)
    (receipt,) = result.json["receipts"]
    assert list(receipt) == [
        "userId",
        "requestedAt",
        "finishedAt",
        "deleted",
        "left",
        "auditEntries",
    ]
    assert receipt["userId"] == str(busy.id)
    assert receipt["requestedAt"] <= receipt["finishedAt"]
    assert receipt["deleted"]["users"] == receipt["deleted"]["profiles"] == 1
    assert receipt["deleted"]["activities"] == 10
    assert set(receipt["left"].values()) == {0}
    assert busy.email not in result.out
    assert stored(raw) == 0
    assert run(COMMAND, busy.email, "--yes").code == 2


def test_for_people_the_receipt_is_a_page(busy: User) -> None:
    lines = run(COMMAND, busy.email, "--yes").lines
    assert [line.split()[0] for line in lines] == [
        *("userId", "requestedAt", "finishedAt", "deleted", "left", "auditEntries")
    ]
    assert [line.split() for line in lines[-2:]] == [["left", "nothing"], ["auditEntries", "2"]]


def test_a_dry_run_says_what_would_go(busy: User, raw: Database) -> None:
    before = stored(raw)
    result = run(COMMAND, busy.email, "--dry-run")
    assert (result.code, result.lines[0].split()[:3]) == (0, ["would", "erase", busy.email])
    told = {"receipts": [], "finished": False, "dryRun": True}
    assert run(COMMAND, busy.email, "--dry-run", "--json").json == told
    assert stored(raw) == before


def test_without_waiting_it_exits_with_one_until_the_last_sweep(
    busy: User, mongodb: str, raw: Database
) -> None:
    with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"DELETION_GRACE_SECONDS": 3600}):
        for _ in range(2):
            result = run(COMMAND, busy.email, "--yes", "--no-wait", "--json")
            assert (result.code, result.json["finished"]) == (1, False)
            assert result.json["receipts"][0]["finishedAt"] is None
    assert run("chabad_purge_deleted").code == 0
    result = run(COMMAND, busy.email, "--yes", "--json")
    assert (result.code, result.json["finished"]) == (0, True)
    assert result.json["receipts"][0]["deleted"]["activities"] == 10
    assert stored(raw) == 0


def test_it_waits_for_the_grace_period(busy: User, raw: Database) -> None:
    with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"DELETION_GRACE_SECONDS": 0.4}):
        assert run(COMMAND, busy.email, "--yes", bar=True).code == 0
    assert stored(raw) == 0


def test_all_users_are_gone_before_the_first_last_sweep(
    four_users: list[str], raw: Database
) -> None:
    with interrupted(deletion, "resume"):
        assert run(COMMAND, *four_users, "--yes").code == 130
    assert raw.users.count_documents({}) == 0


def test_the_grace_periods_of_several_users_run_at_once(four_users: list[str]) -> None:
    with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"DELETION_GRACE_SECONDS": 1}):
        receipts = run(COMMAND, *four_users, "--yes", "--json").json["receipts"]
    assert len(receipts) == 4
    assert max(row["requestedAt"] for row in receipts) < min(row["finishedAt"] for row in receipts)


def test_each_receipt_is_printed_as_soon_as_it_is_there(four_users: list[str]) -> None:
    with interrupted(receipts, "finish", after=1):
        result = run(COMMAND, *four_users, "--yes")
    assert [line.split()[0] for line in result.lines].count("userId") == 1


@pytest.mark.parametrize(
    ("target", "name", "after"),
    [
        (receipts, "delete", 2),
        (deletion, "delete_user", 2),
        (deletion, "resume", 2),
        (purging, "purge", 2),
        (receipts, "finish", 2),
        (Deletion, "take_receipt", 0),
    ],
)
def test_after_an_interruption_among_several_users_all_receipts_come(
    four_users: list[str], raw: Database, target: Any, name: str, after: int
) -> None:
    with interrupted(target, name, after=after):
        assert run(COMMAND, *four_users, "--yes").code == 130
    result = run(COMMAND, *four_users, "--yes", "--json")
    assert (result.code, result.json["finished"]) == (0, True)
    assert [row["deleted"]["users"] for row in result.json["receipts"]] == [1] * 4
    assert stored(raw) == 0
