"""While a deletion is under way, and until its receipt is taken, the tools say so."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.management import run

from chabad_auth_django.models import Activity, AuditEntry, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion

COMMAND = "chabad_list_deletions"


@pytest.fixture(autouse=True)
def grace(mongodb: str) -> Iterator[None]:
    """Let each deletion wait for its last sweep."""
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 600}):
        yield


def leave(raw: Database, **query: object) -> None:
    """Let the grace period be over."""
    raw.deletions.update_many(query, {"$set": {"since": now() - timedelta(hours=1)}})


def test_each_state_is_listed_oldest_first(user: User, raw: Database) -> None:
    assert run(COMMAND).lines == ["No deletion is under way, and no receipt waits."]
    Activity.objects.insert([Activity(user_id=user.id, event_type="x") for _ in range(3)])
    deletion.delete_user(user_id=user.id, seconds=0)
    bob, eve = (User.create_user(email=f"{name}@example.org") for name in ("bob", "eve"))
    assert run("chabad_erase_user", bob.email, "--yes", "--no-wait").code == 1
    assert run("chabad_erase_user", eve.email, "--yes", "--no-wait").code == 1
    finished = {"$unset": {"state": 1, "since": 1}, "$set": {"receipt.finishedAt": now()}}
    raw.deletions.update_one({"_id": eve.id}, finished)
    raw.deletions.insert_one({"_id": ObjectId(), "state": "creating", "since": now()})
    found = run(COMMAND, "--json").json
    assert [row["state"] for row in found["deletions"]] == [
        "purging",
        "waiting",
        "finished",
        "creating",
    ]
    assert [row["id"] for row in found["deletions"][:3]] == [str(user.id), str(bob.id), str(eve.id)]
    assert [row["left"] for row in found["deletions"]] == [3, 0, 0, 0]
    assert [row["receipt"] for row in found["deletions"]] == [False, True, True, False]
    assert found["deletions"][2]["dueAt"] is None and found["deletions"][1]["dueAt"]
    assert found["next"] is None


def test_no_deletion_is_left_out_between_two_pages(raw: Database) -> None:
    ids = sorted(ObjectId() for _ in range(5))
    since = now()
    raw.deletions.insert_many([{"_id": id, "state": "deleting", "since": since} for id in ids])
    listed, after = [], []
    for _ in range(3):
        page = run(COMMAND, "--limit", 2, *after, "--json").json
        assert run(COMMAND, "--limit", 2, *after).code == 0
        listed += [row["id"] for row in page["deletions"]]
        after = ["--after", page["next"]]
    assert listed == list(map(str, ids))
    assert page["next"] is None
    hint = run(COMMAND, "--limit", 2).lines[-1]
    assert hint.startswith("There are more: --after ")
    assert (run(COMMAND, "--after", "x").code, run(COMMAND, "--after", "x").out) == (2, "")


def test_tools_say_who_is_being_deleted(user: User, raw: Database) -> None:
    assert run("chabad_erase_user", user.email, "--yes", "--no-wait").code == 1
    for name in (str(user.id), user.email, "ANN@example.org"):
        for arguments in (
            ["chabad_show_user", name],
            ["chabad_grant", name, "--role", "admin"],
            ["chabad_export_user", name],
            ["chabad_block_user", name, "--reason", "x"],
            ["chabad_revoke_sessions", name],
            ["chabad_list_sessions", "--user", name],
        ):
            result = run(*arguments)
            assert (result.code, "1 user" in result.out) == (2, False), arguments
            assert f"The deletion of the user {user.id} began on" in result.err
            assert "chabad_purge_deleted" in result.err
    leave(raw)
    run("chabad_purge_deleted")
    assert (
        f"'chabad_erase_user {user.id}' gives the receipt"
        in run("chabad_show_user", user.email).err
    )
    assert run("chabad_erase_user", str(user.id), "--yes").code == 0
    assert "No user has" in run("chabad_show_user", user.email).err
    assert run("chabad_show_user", "nobody@example.org").err.startswith("CommandError: No user has")


def test_a_deletion_is_no_trace_of_itself(user: User, raw: Database) -> None:
    assert run("chabad_erase_user", user.email, "--yes", "--no-wait").code == 1
    AuditEntry.collection().delete_many({})
    result = run("chabad_verify_erasure", str(user.id), user.email, "--json")
    assert (result.code, result.json["count"]) == (0, 0)
    assert result.json["deletions"] == [str(user.id)]
    assert "That is no trace." in run("chabad_verify_erasure", str(user.id)).out
    raw.deletions.update_one({}, {"$set": {"note": user.email}})
    assert run("chabad_verify_erasure", user.email).code == 1, "what else is there is one"
    leave(raw)
    run("chabad_purge_deleted")
    assert run("chabad_verify_erasure", str(user.id), "--json").json["deletions"] == [str(user.id)]


def test_a_name_that_is_free_again_can_be_taken(user: User) -> None:
    assert run("chabad_erase_user", user.email, "--yes", "--no-wait").code == 1
    assert run("chabad_issue_token", user.email, "--create").code == 0
