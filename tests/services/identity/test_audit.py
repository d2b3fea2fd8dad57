"""The audit trail: an entry for each act, together with it or not at all."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from support.endpoints import PATTERNS
from support.exports import exported, imported
from support.fork_server import ForkServer, Process, crashes
from support.invariants import end_transactions_of_the_dead
from support.signed_in import identity

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import (
    DuplicateEmail,
    LastAdministrator,
    NotFound,
    UnknownGrant,
    ValidationError,
)
from chabad_auth_django.models import AuditEntry, ExternalId, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes, integrity
from chabad_auth_django.services.identity import (
    audit,
    audit_log,
    identities,
    names,
    unlinking,
    users,
)
from chabad_auth_django.services.identity.audit import Actor
from chabad_auth_django.services.lifecycle import creation, deletion, receipts
from chabad_auth_django.services.signing_in import flows, sessions


def entries(**query: Any) -> list[dict[str, Any]]:
    """Return the entries, but for the creation of the users that a test begins with."""
    query = {"action": {"$ne": "user.create"}, **query}
    return list(AuditEntry.collection().find(query, {"_id": 0, "timestamp": 0}).sort("_id"))


@pytest.fixture
def ann(either_server: str) -> User:
    User.create_user(email="chief@example.org", roles=["admin"])
    return User.create_user(email="ann@example.org", auth_methods=["google"])


def grant(ann: User) -> None:
    users.change_grants(user=ann, grant=True, roles=["moderator"])


def grant_permission(ann: User) -> None:
    users.change_grants(user=ann, grant=True, permissions=["users:read"])


def revoke(ann: User) -> None:
    users.change_grants(user=ann, grant=False, roles=["user"])


def delete(ann: User) -> None:
    deletion.delete_user(user_id=ann.id, seconds=1)


def delete_document(ann: User) -> None:
    ann.delete()


def delete_by_query(ann: User) -> None:
    User.objects(id=ann.id).delete()


def erase(ann: User) -> None:
    receipts.begin(user_id=ann.id, seconds=1)


def export(ann: User) -> None:
    exported(ann.id)


def issue_token(ann: User) -> None:
    flows.issue_tokens(name=ann.email)


def end_sessions(ann: User) -> None:
    sessions.open_session(user_id=ann.id, auth_method="google")
    sessions.revoke_all_sessions(user_id=ann.id)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (grant, {"action": "role.grant", "details": {"roles": ["moderator"]}}),
        (
            grant_permission,
            {"action": "permission.grant", "details": {"permissions": ["users:read"]}},
        ),
        (revoke, {"action": "role.revoke", "details": {"roles": ["user"]}}),
        (delete, {"action": "user.delete", "details": {}}),
        (delete_document, {"action": "user.delete", "details": {}}),
        (delete_by_query, {"action": "user.delete", "details": {}}),
        (erase, {"action": "user.erase", "details": {}}),
        (export, {"action": "user.export", "details": {}}),
        (issue_token, {"action": "token.issue", "details": {}}),
        (end_sessions, {"action": "session.revoke", "details": {}}),
    ],
)
def test_each_act_has_one_entry(
    ann: User, act: Callable[[User], None], expected: dict[str, Any]
) -> None:
    chief = ObjectId()
    with audit.acting_as(Actor.user(chief)):
        act(ann)
    assert entries() == [
        {
            "actorKind": "user",
            "actorId": str(chief),
            "userId": ann.id,
            "outcome": "done",
            **expected,
        }
    ]


def test_a_new_user_has_an_entry_with_what_it_was_given(either_server: str) -> None:
    user = creation.create_account(email="new@example.org", roles=["admin"])
    (entry,) = entries(action="user.create")
    assert (entry["userId"], entry["actorKind"]) == (user.id, "system")
    assert entry["details"] == {"roles": ["admin"], "permissions": []}


def test_an_import_and_what_it_goes_on_with_have_entries(ann: User) -> None:
    file = exported(ann.id)
    deletion.delete_user(user_id=ann.id, seconds=1)
    list(deletion.run())
    AuditEntry.collection().delete_many({})
    for _ in range(2):
        imported(file)
    assert [entry["action"] for entry in entries()] == ["user.import"] * 2


def test_a_repair_has_an_entry(ann: User) -> None:
    connection.get_database().profiles.delete_one({"userId": ann.id})
    (finding,) = integrity.check(advance=lambda count: None)
    assert integrity.repair(finding)
    (entry,) = entries()
    assert (entry["action"], entry["userId"]) == ("integrity.repair", ann.id)
    assert entry["details"] == {"kind": "missing_document", "collection": "profiles"}


def test_linking_and_unlinking_an_identity_have_entries(ann: User) -> None:
    for number in (1, 2):
        linked = identity(issuer=f"https://issuer{number}.example.org")
        # The second time nothing is linked.
        assert identities.link(user=ann, identity=linked).id == ann.id
        assert identities.link(user=ann, identity=linked).id == ann.id
    unlinking.unlink(user_id=ann.id, public_id=ExternalId.public_id(linked.key))
    assert [(entry["action"], entry["details"]["issuer"]) for entry in entries()] == [
        ("identity.link", "https://issuer1.example.org"),
        ("identity.link", "https://issuer2.example.org"),
        ("identity.unlink", "https://issuer2.example.org"),
    ]


def test_what_fails_has_no_entry(ann: User) -> None:
    AuditEntry.collection().delete_many({})
    with pytest.raises(DuplicateEmail):
        User.create_user(email=ann.email)
    with pytest.raises(NotFound):
        sessions.revoke_session(user_id=ann.id, session_id=ObjectId())
    assert AuditEntry.collection().count_documents({}) == 0


def test_the_last_administrator_and_an_unknown_name_are_refused_with_an_entry(ann: User) -> None:
    chief = User.objects.get(email="chief@example.org")
    with pytest.raises(LastAdministrator):
        deletion.delete_user(user_id=chief.id, seconds=1)
    with pytest.raises(LastAdministrator):
        receipts.begin(user_id=chief.id, seconds=1)
    with pytest.raises(LastAdministrator):
        users.change_grants(user=chief, grant=False, roles=["admin"])
    with pytest.raises(UnknownGrant):
        users.change_grants(user=ann, grant=True, permissions=["x:y"])
    found = [(entry["action"], entry["outcome"], entry["code"]) for entry in entries()]
    assert found == [
        ("user.delete", "refused", "last_administrator"),
        ("user.delete", "refused", "last_administrator"),
        ("role.revoke", "refused", "last_administrator"),
        ("permission.grant", "refused", "unknown_grant"),
    ]


def test_a_refusal_inside_a_transaction_outlives_its_rollback(ann: User) -> None:
    chief = User.objects.get(email="chief@example.org")

    @atomic
    def both() -> None:
        users.change_grants(user=ann, grant=True, roles=["moderator"])
        users.change_grants(user=chief, grant=False, roles=["admin"])

    with pytest.raises(LastAdministrator):
        both()
    refused = [entry for entry in entries() if entry["outcome"] == "refused"]
    assert [entry["userId"] for entry in refused] == [chief.id]
    if connection.supports_transactions():
        assert len(entries()) == 1
        assert User.find_by_id(ann.id).roles == ["user"]


@pytest.mark.parametrize(
    "value", ["ann@example.org", "a sentence", "שלום", "x" * 101, "", {"a": 1}, 1.5, "a\nb"]
)
def test_what_could_say_something_about_a_person_is_not_shown(mongodb: str, value: Any) -> None:
    audit.record(action="data.change", user_id=None, fields=[value], resource=value)
    (entry,) = entries()
    assert entry["details"] == {"fields": [audit.HIDDEN], "resource": audit.HIDDEN}


@pytest.mark.parametrize(
    "arguments", [{"action": "user.praise"}, {"action": "user.create", "email": "x"}]
)
def test_nothing_else_can_be_recorded(mongodb: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="nothing that can be recorded"):
        audit.record(user_id=None, **arguments)
    assert entries() == []


def test_the_one_who_acts_is_forgotten_at_the_end(mongodb: str) -> None:
    with audit.acting_as(audit.SYSTEM):
        audit.become(Actor.host_account(host="site", pk=7))
        audit.record(action="user.export", user_id=None)
    audit.record(action="user.export", user_id=None)
    assert [entry.get("actorId") for entry in entries()] == ["site:7", None]


@pytest.mark.parametrize("operator", ["", "x" * 101, "ann@example.org", "a\nb", "\x1b[2J"])
def test_an_operator_is_no_address(operator: str) -> None:
    with pytest.raises(ValidationError):
        Actor.command("chabad_grant", operator=operator)


def test_entries_are_found_by_each_filter_through_an_index(mongodb: str) -> None:
    one, other = ObjectId(), ObjectId()
    for actor in (Actor.user(one), Actor.command("chabad_grant", operator="ann")):
        with audit.acting_as(actor):
            audit.record(action="role.grant", user_id=one)
            audit.record(action="user.export", user_id=other)
    found = audit_log.list_entries(user_id=one).fetch()
    assert {row["userId"] for row in found.rows} == {one}
    assert len(audit_log.list_entries(actor="chabad_grant").fetch().rows) == 2
    assert len(audit_log.list_entries(actor=str(one), action="role.grant").fetch().rows) == 1
    times = [row["timestamp"] for row in audit_log.list_entries().fetch().rows]
    assert times == sorted(times, reverse=True)
    assert audit_log.count_entries(user_ids=[one]) == 3
    for query in ({"userId": one}, {"actorId": "x"}, {"action": "user.export"}, {}):
        plan = AuditEntry.collection().find(query).sort("timestamp", -1).explain()
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
        assert "'stage': 'SORT'" not in str(plan["queryPlanner"]["winningPlan"])


def test_the_resources_are_those_of_the_api() -> None:
    from_urls = {
        pattern.callback.cls.resource
        for pattern in PATTERNS.values()
        if hasattr(getattr(pattern.callback, "cls", None), "resource")
    }
    assert set(names.RESOURCES) == from_urls


@pytest.mark.slow
@pytest.mark.parametrize("job", ["grant", "delete"])
def test_a_process_that_is_killed_leaves_no_change_without_its_entry(
    either_server: str, processes: ForkServer, job: str
) -> None:
    both = neither = 0
    user: list[User] = []

    def start(crash: tuple[str, int]) -> Process:
        user[:] = [User.create_user(email=f"{'-'.join(map(str, crash))}@example.org")]
        return processes.start(job, settings.CHABAD_AUTH, crash=crash, user_id=str(user[0].id))

    for crash in crashes(start):
        if connection.supports_transactions():
            end_transactions_of_the_dead(connection.get_database())
        stored = User.find_by_id(user[0].id)
        changed = stored is None or "moderator" in stored.roles
        recorded = bool(entries(userId=user[0].id, action={"$ne": "user.create"}))
        if connection.supports_transactions():
            assert changed == recorded, crash
        else:
            assert recorded or not changed, crash
        both += changed and recorded
        neither += not changed and not recorded
        list(deletion.run())
    assert both > 0
    assert neither > 0


def test_the_system_user_stands_for_who_gives_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "LOGNAME", "ann@corp.example")
    assert Actor.command("chabad_grant").operator == "ann"


def test_the_server_removes_an_entry_after_the_configured_days(mongodb: str) -> None:
    with override_settings(CHABAD_AUTH=settings.CHABAD_AUTH | {"AUDIT_RETENTION_DAYS": 30}):
        (sentence,) = indexes.fix()
    assert sentence.startswith("audit_log")
    for days in (29, 31):
        entry = {"timestamp": now() - timedelta(days=days), "action": str(days)}
        AuditEntry.collection().insert_one(entry)
    # Our server looks each second, another each minute.
    deadline = time.monotonic() + 90
    while AuditEntry.collection().count_documents({}) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert AuditEntry.objects.get().action == "29"
    indexes.fix()
