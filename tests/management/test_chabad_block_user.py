"""``chabad_block_user`` and ``chabad_unblock_user``."""

import pytest
from support.management import run

from chabad_auth_django.exceptions import Blocked
from chabad_auth_django.models import AuditEntry, Block, User
from chabad_auth_django.services.signing_in import flows


def test_a_blocked_user_cannot_go_on_until_unblocked(user: User) -> None:
    token = flows.log_in(user_id=user.id, auth_method="google").refresh_token
    result = run("chabad_block_user", user.email, "--reason", "abuse", "--json")
    assert result.json == {
        "users": [{"id": str(user.id), "email": user.email, "new": True}],
        "blocked": 1,
    }
    with pytest.raises(Blocked):
        flows.refresh(refresh_token=token)
    lines = run("chabad_block_user", str(user.id), "--reason", "spam", "--text", "again").lines
    assert lines == [f"{user.email}  was blocked already", "1 user is blocked."]
    assert Block.objects.get().reason == "spam"
    assert run("chabad_unblock_user", user.email).lines[-1] == "1 user may sign in again."
    assert Block.objects.count() == 0
    assert {entry.actor_id for entry in AuditEntry.objects} >= {"chabad_block_user"}


def test_who_is_named_twice_is_counted_once(user: User) -> None:
    names = [user.email, str(user.id)]
    assert run("chabad_block_user", *names, "--reason", "abuse", "--json").json["blocked"] == 1
    assert run("chabad_unblock_user", *names).code == 0
    assert run("chabad_delete_user", *names, "--dry-run", "--json").json["documents"] == 3


def test_the_last_administrator_stays(mongodb: str) -> None:
    User.create_user(email="ann@example.org", roles=["admin"])
    result = run("chabad_block_user", "ann@example.org", "--reason", "abuse")
    assert (result.code, Block.objects.count()) == (2, 0)


def test_unblocking_again_changes_nothing(user: User) -> None:
    run("chabad_block_user", user.email, "--reason", "abuse")
    for is_first in (True, False):
        result = run("chabad_unblock_user", user.email, "--json")
        row = {"id": str(user.id), "email": user.email, "changed": is_first}
        assert (result.code, result.json) == (0, {"users": [row], "unblocked": 1})
    assert run("chabad_unblock_user", user.email).lines[0] == f"{user.email}  was not blocked"


def test_nobody_and_no_reason_are_refused(user: User) -> None:
    assert run("chabad_block_user", "nobody", "--reason", "x").code == 2
    assert run("chabad_block_user", user.email, "--reason", "").code == 2


def test_what_is_refused_is_told_with_the_user(mongodb: str) -> None:
    admin, user = (
        User.create_user(email=f"{role}@example.org", roles=[role]) for role in ("admin", "user")
    )
    result = run("chabad_block_user", user.email, admin.email, "--reason", "abuse")
    assert (result.code, len(result.lines)) == (2, 2)
    assert result.err.startswith(f"CommandError: {admin.id}: ")
