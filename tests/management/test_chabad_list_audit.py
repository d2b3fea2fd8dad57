import getpass

import pytest
from bson import ObjectId
from support.management import run

from chabad_auth_django.models import AuditEntry, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import audit

COMMAND = "chabad_list_audit"


@pytest.fixture
def granted(user: User) -> User:
    options = ("--role", "moderator", "--actor", "Ann, ticket 7")
    assert run("chabad_grant", user.email, *options).code == 0
    assert run("chabad_revoke", user.email, "--role", "moderator").code == 0
    return user


def test_who_did_what_to_whom_is_listed_newest_first(granted: User) -> None:
    result = run(COMMAND, "--user", granted.id, "--json")
    assert (result.code, result.err, result.json["next"]) == (0, "", None)
    shown = [
        (entry["action"], entry["actorKind"], entry["actorId"], entry["operator"])
        for entry in result.json["entries"]
    ]
    assert shown == [
        ("role.revoke", "command", "chabad_revoke", getpass.getuser()),
        ("role.grant", "command", "chabad_grant", "Ann, ticket 7"),
        ("user.create", "system", None, None),
    ]
    lines = run(COMMAND, "--action", "role.grant").lines
    assert len(lines) == 2
    assert "Ann, ticket 7" in lines[1]


def test_entries_are_found_by_filters(granted: User) -> None:
    assert len(run(COMMAND, "--actor", "chabad_grant", "--json").json["entries"]) == 1
    assert run(COMMAND, "--until", "2020-01-01").lines == ["No entries."]
    since = ("--since", "2020-01-01T00:00:00Z", "--json")
    assert len(run(COMMAND, *since).json["entries"]) == 3


def test_entries_of_one_moment_are_all_listed(user: User) -> None:
    AuditEntry.collection().delete_many({})
    for _ in range(5):
        audit.record(action="user.export", user_id=user.id)
    AuditEntry.collection().update_many({}, {"$set": {"timestamp": now()}})
    whole = run(COMMAND, "--json").json
    assert (len(whole["entries"]), whole["next"]) == (5, None)
    first = run(COMMAND, "--limit", 2, "--json").json
    rest = run(COMMAND, "--after", first["next"], "--json").json
    assert first["entries"] + rest["entries"] == whole["entries"]
    hint = run(COMMAND, "--limit", 2).lines[-1]
    assert hint == f"There are more: --after {first['next']}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--limit", "0"],
        ["--limit", "10001"],
        ["--after", "yesterday"],
        ["--since", "yesterday"],
        ["--user", "ann@example.org"],
        ["--action", "x"],
    ],
)
def test_what_makes_no_sense_is_refused(mongodb: str, arguments: list[str]) -> None:
    result = run(COMMAND, *arguments)
    assert (result.code, len(result.err.splitlines())) == (2, 1)


@pytest.mark.parametrize("actor", ["ann@example.org", "", "x" * 101])
def test_an_actor_is_no_address(user: User, actor: str) -> None:
    result = run("chabad_grant", user.email, "--role", "moderator", "--actor", actor)
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert User.find_by_id(user.id).roles == ["user"]


def test_a_name_that_no_setting_knows_takes_force(user: User) -> None:
    for command, arguments in (
        ("chabad_grant", (user.email, "--permission", "x:y")),
        ("chabad_create_user", ("--email", "new@example.org", "--role", "admn")),
    ):
        refused = run(command, *arguments, "--dry-run")
        assert (refused.code, run(command, *arguments).code) == (2, 2)
        assert run(command, *arguments, "--force").code == 0
    assert User.find_by_id(user.id).permissions == ["x:y"]
    assert run("chabad_revoke", user.email, "--permission", "x:y").code == 0


def test_an_erasure_leaves_its_entries_and_says_so(user: User) -> None:
    receipt = run("chabad_erase_user", user.email, "--yes", "--json").json["receipts"][0]
    assert receipt["auditEntries"] == 2
    result = run("chabad_verify_erasure", str(user.id), user.email, "--json")
    assert (result.code, result.json["count"], result.json["auditEntries"]) == (0, 0, 2)
    entries = run(COMMAND, "--user", user.id, "--json").json["entries"]
    assert [entry["action"] for entry in entries] == ["user.erase", "user.create"]


def test_an_address_in_the_trail_would_be_a_trace(user: User) -> None:
    AuditEntry.collection().insert_one({"userId": user.id, "details": {"roles": [user.email]}})
    assert run("chabad_erase_user", user.email, "--yes").code == 0
    result = run("chabad_verify_erasure", str(user.id), user.email, "--json")
    assert [trace["path"] for trace in result.json["traces"]] == ["details.roles.0"]


def test_ids_of_others_are_not_counted(user: User) -> None:
    result = run("chabad_verify_erasure", str(ObjectId()), "--json")
    assert result.json["auditEntries"] == 0
