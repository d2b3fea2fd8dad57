"""What changes nothing is recorded nowhere, and leaves the user as it was."""

from typing import Any

import pytest
from support.issuer import SHARED
from support.signed_in import identity
from support.threads import together

from chabad_auth_django.models import AuditEntry, Block, User
from chabad_auth_django.services.identity import blocking, identities
from chabad_auth_django.services.signing_in import sessions

#: Verb, path below another user, and the body.
REPEATED: list[tuple[str, str, Any]] = [
    ("put", "roles/moderator/", None),
    ("put", "roles/user/", None),
    ("delete", "roles/moderator/", None),
    ("put", "permissions/users:read/", None),
    ("delete", "permissions/users:read/", None),
    ("put", "auth-methods/credentials/", None),
    ("delete", "auth-methods/credentials/", None),
    ("patch", "", {"email": "new@example.org"}),
    ("patch", "", {"email": "NEW@Example.org"}),
    ("patch", "", {}),
    ("patch", "profile/", {}),
    ("put", "block/", {"reason": "abuse", "text": "t"}),
]


def entries() -> list[str]:
    """Return the actions that are recorded."""
    return [row["action"] for row in AuditEntry.collection().find().sort("_id")]


def test_a_second_time_is_recorded_nowhere(either_server: str, login: Any, subtests: Any) -> None:
    admin = User.create_user(email="admin@example.org", roles=["admin"])
    owner = User.create_user(email="owner@example.org", auth_methods=["google"])
    client = login(admin)
    for verb, path, body in REPEATED:
        with subtests.test(verb=verb, path=path, body=body):
            call = getattr(client, verb)
            kind = None if body is None else "json"
            first = call(f"/api/users/{owner.id}/{path}", body, format=kind)
            assert first.status_code in (200, 201), first.content
            before, stored = entries(), User.read(_id=owner.id)
            again = call(f"/api/users/{owner.id}/{path}", body, format=kind)
            assert again.status_code == 200
            assert again.json() == first.json()
            assert (entries(), User.read(_id=owner.id)) == (before, stored)


def test_a_change_is_recorded_each_time(either_server: str, login: Any) -> None:
    admin = User.create_user(email="admin@example.org", roles=["admin"])
    owner = User.create_user(email="owner@example.org")
    client = login(admin)
    AuditEntry.collection().delete_many({})
    for reason in ("abuse", "fraud"):
        client.put(f"/api/users/{owner.id}/block/", {"reason": reason}, format="json")
    # What ends a session changes something, whoever is blocked already.
    sessions.open_session(user_id=owner.id, auth_method="google")
    blocking.block_user(user_id=owner.id, reason="fraud", blocked_by=admin.id)
    assert entries() == ["user.block"] * 3
    assert Block.collection().count_documents({}) == 1
    assert client.delete(f"/api/users/{owner.id}/block/").status_code == 204
    assert client.delete(f"/api/users/{owner.id}/block/").status_code == 404
    assert entries() == ["user.block"] * 3 + ["user.unblock"]


def test_services_record_nothing_where_nothing_is(either_server: str) -> None:
    user = User.create_user(email="ann@example.org")
    google = identity(issuer=str(SHARED["ISSUER"]))
    identities.link(user=user, identity=google)
    sessions.open_session(user_id=user.id, auth_method="google")
    assert sessions.revoke_all_sessions(user_id=user.id) == 1
    before = entries()
    identities.link(user=user, identity=google)
    assert sessions.revoke_all_sessions(user_id=user.id) == 0
    assert entries() == before


@pytest.mark.parametrize("verb", ["add_role", "remove_role"])
def test_of_changes_at_once_one_is_the_change(either_server: str, verb: str) -> None:
    user = User.create_user(email="ann@example.org")
    if verb == "remove_role":
        user.add_role("moderator")
    changed = together([lambda: getattr(User(id=user.id), verb)("moderator")] * 8)
    assert sorted(changed) == [False] * 7 + [True]
