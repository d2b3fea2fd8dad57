"""An old dump brings nobody back who has a receipt."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database
from support.management import interrupted, run

from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.models import Activity, Analytics, AppData, AuditEntry, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion, purging

COMMAND = "chabad_replay_receipts"

Dump = dict[str, list[dict[str, Any]]]


@pytest.fixture
def people(mongodb: str) -> Iterator[list[User]]:
    """Three users with data."""
    made = [User.create_user(email=f"{name}@example.org") for name in ("ann", "bob", "eve")]
    for user in made:
        Activity.create_activity(user_id=user.id, event_type="x")
        Analytics.create_analytics(user_id=user.id, event_name="x", event_category="custom")
        AppData.create_app_data(user_id=user.id, app_id="a", data_key="k", data_value=1)
    yield made


def names(raw: Database) -> list[str]:
    """Return what a dump holds: no view, nothing of the server's own."""
    stored = raw.list_collection_names(filter={"type": "collection"})
    return [name for name in stored if not name.startswith("system.")]


def dump(raw: Database) -> Dump:
    return {name: list(raw[name].find()) for name in names(raw)}


def restore(raw: Database, dumped: Dump) -> None:
    for name in names(raw):
        raw[name].delete_many({})
    for name, rows in dumped.items():
        if rows:
            raw[name].insert_many(rows)


def erase(user: User, path: Path) -> None:
    path.write_text(run("chabad_erase_user", user.email, "--yes", "--json").out)


def owned(raw: Database, user: User) -> dict[str, int]:
    counts = {
        name: raw[name].count_documents({"$or": [{"userId": user.id}, {"_id": user.id}]})
        for name in set(names(raw)) - {"audit_log", "deletions", "erasures"}
    }
    return {name: count for name, count in counts.items() if count}


def test_whoever_was_erased_after_the_dump_is_deleted_again(
    people: list[User], raw: Database, tmp_path: Path
) -> None:
    ann, bob, eve = people
    dumped = dump(raw)
    erase(ann, tmp_path / "receipts.json")
    deletion.delete_user(user_id=bob.id, seconds=0)
    with (tmp_path / "gone.jsonl").open("w") as file:
        for action in ("user.delete", "user.erase"):
            file.write(run("chabad_list_audit", "--action", action, "--json").out)
    restore(raw, dumped)
    assert owned(raw, ann) and owned(raw, bob), "the dump brought them back"
    files = [tmp_path / "receipts.json", tmp_path / "gone.jsonl"]
    before = dump(raw)
    dry = run(COMMAND, *files, "--dry-run", "--json")
    assert {row["id"] for row in dry.json["users"]} == {str(ann.id), str(bob.id)}
    assert run(COMMAND, *files).code == 2, "nobody confirmed"
    assert run(COMMAND, *files, answers="1\n").code == 2
    assert {**dump(raw), "audit_log": []} == {**before, "audit_log": []}
    asked = run(COMMAND, *files, answers="2\n")
    assert asked.code == 0, asked.err
    assert "ann@example.org" in asked.err and "eve" not in asked.err
    assert (owned(raw, ann), owned(raw, bob)) == ({}, {})
    assert owned(raw, eve) == dict.fromkeys(owned(raw, eve), 1) != {}
    run("chabad_purge_deleted")
    again = run(COMMAND, *files, "--yes")
    assert (again.code, again.lines[-1]) == (0, "0 users, 0 documents.")
    AuditEntry.collection().delete_many({})
    assert run("chabad_verify_erasure", str(ann.id), ann.email).code == 0


def test_what_came_back_without_its_user_goes_too(
    people: list[User], raw: Database, tmp_path: Path
) -> None:
    ann, _, eve = people
    dumped = dump(raw)
    erase(ann, tmp_path / "receipt")
    raw.activities.insert_many([row for row in dumped["activities"] if row["userId"] == ann.id])
    dry = run(COMMAND, tmp_path / "receipt", "--dry-run", "--json")
    [row] = dry.json["users"]
    assert (row["id"], row["documents"]["activities"]) == (str(ann.id), 1)
    assert (dry.code, dry.json["documents"]) == (0, 1)
    assert run(COMMAND, tmp_path / "receipt").code == 2
    assert owned(raw, ann) == {"activities": 1}
    assert raw.deletions.count_documents({"_id": ann.id}) == 0, "cron must not do it unconfirmed"
    result = run(COMMAND, tmp_path / "receipt", answers="1\n")
    assert (result.code, owned(raw, ann)) == (0, {})
    assert result.lines[-1] == "0 users, 1 document."
    assert AuditEntry.read(action="integrity.repair", userId=ann.id)
    assert raw.deletions.count_documents({}) == 0
    assert owned(raw, eve)


def test_who_is_imported_during_the_question_stays(
    people: list[User], raw: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = people[0]
    dumped = dump(raw)
    erase(ann, tmp_path / "receipt")
    raw.activities.insert_many([row for row in dumped["activities"] if row["userId"] == ann.id])
    [stored] = [row for row in dumped["users"] if row["_id"] == ann.id]
    monkeypatch.setattr(OperatorCommand, "confirm", lambda *args: raw.users.insert_one(stored))
    run(COMMAND, tmp_path / "receipt")
    run("chabad_purge_deleted")
    assert owned(raw, ann) == {"users": 1, "activities": 1}


def test_an_interrupted_run_says_what_takes_the_ids(
    people: list[User], raw: Database, tmp_path: Path
) -> None:
    path, dumped = tmp_path / "receipt", dump(raw)
    erase(people[0], path)
    restore(raw, dumped)
    with interrupted(purging, "purge"):
        result = run(COMMAND, path, "--yes")
    told = f"Interrupted. {OperatorCommand.go_on} 'chabad_erase_user' ends, with a receipt, the"
    assert (result.code, told in result.err) == (130, True)
    assert run(COMMAND, path, "--yes").code == 0
    assert run("chabad_erase_user", people[0].id, "--yes").code == 0
    assert not any(owned(raw, people[0]).values())


def test_a_receipt_of_the_api_will_do(people: list[User], raw: Database, tmp_path: Path) -> None:
    receipt = {"userId": str(people[0].id), "requestedAt": now().isoformat(), "left": {}}
    (tmp_path / "receipt").write_text(json.dumps(receipt, indent=2))
    assert run(COMMAND, tmp_path / "receipt", "--yes").code == 0
    assert [user.email for user in User.objects.order_by("email")] == [
        "bob@example.org",
        "eve@example.org",
    ]


def test_a_receipt_of_a_deletion_will_do(people: list[User], raw: Database, tmp_path: Path) -> None:
    dumped = dump(raw)
    deleted = run("chabad_delete_user", people[0].email, people[1].email, "--yes", "--json")
    (tmp_path / "receipts").write_text(deleted.out)
    restore(raw, dumped)
    assert run(COMMAND, tmp_path / "receipts", "--yes").lines[-1].startswith("2 users")
    assert User.objects.count() == 1


def test_who_was_imported_since_stays(people: list[User], raw: Database, tmp_path: Path) -> None:
    ann = people[0]
    run("chabad_export_user", ann.email, "--output", tmp_path / "ann")
    erase(ann, tmp_path / "receipt")
    run("chabad_purge_deleted")
    raw.deletions.delete_many({})
    assert run("chabad_import_user", tmp_path / "ann").code == 0
    assert run(COMMAND, tmp_path / "receipt", "--yes").lines[-1] == "0 users, 0 documents."
    assert User.find_by_id(ann.id)
    raw.audit_log.update_many(
        {"action": "user.import"}, {"$set": {"timestamp": now() - timedelta(days=1)}}
    )
    assert run(COMMAND, tmp_path / "receipt", "--yes").lines[-1].startswith("1 user")


def test_the_last_administrator_stays(people: list[User], tmp_path: Path) -> None:
    ann, bob, _ = people
    ann.add_role("admin")
    receipts = [{"userId": str(user.id), "requestedAt": now().isoformat()} for user in (ann, bob)]
    (tmp_path / "receipts").write_text(json.dumps({"receipts": receipts}))
    result = run(COMMAND, tmp_path / "receipts", "--yes")
    assert (result.code, "last administrator" in result.err) == (2, True)
    assert (User.find_by_id(ann.id) is None, User.find_by_id(bob.id) is None) == (False, True)


def test_a_file_of_something_else_deletes_nobody(people: list[User], tmp_path: Path) -> None:
    user_id = str(people[0].id)
    receipt = {"userId": user_id, "requestedAt": now().isoformat()}
    entry = {"userId": user_id, "timestamp": now().isoformat(), "outcome": "done"}
    good = tmp_path / "good"
    good.write_text(json.dumps(receipt))
    for content in (
        run("chabad_find_users", "--json").out,
        run("chabad_show_user", user_id, "--json").out,
        f"{user_id}\n",
        "[]",
        "{}",
        "null",
        "\x00\xff",
        "[" * 100_000,
        json.dumps({**receipt, "userId": "x"}),
        json.dumps({**receipt, "requestedAt": "soon"}),
        json.dumps({"receipts": [receipt, {"id": user_id}]}),
        json.dumps(receipt) + "\n{",
    ):
        (tmp_path / "bad").write_text(content)
        result = run(COMMAND, good, tmp_path / "bad", "--yes")
        assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1), content[:80]
        assert str(tmp_path / "bad") in result.err
        assert User.objects.count() == 3, content[:80]
    for action, outcome in (("role.grant", "done"), ("user.erase", "refused")):
        (tmp_path / "bad").write_text(json.dumps({**entry, "action": action, "outcome": outcome}))
        assert run(COMMAND, tmp_path / "bad", "--yes").code == 0
        assert User.objects.count() == 3, "it tells of nobody's deletion"
    for path in (tmp_path / "nothing", "/dev/zero"):
        assert run(COMMAND, good, path, "--yes").code == 2
        assert User.objects.count() == 3
