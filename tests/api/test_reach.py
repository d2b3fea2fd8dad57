"""Acting on somebody takes all that they may do, whatever the path and the verb."""

from collections.abc import Callable
from typing import Any

import bson
import pytest
from api.test_permissions import EXPECTED, call, furnish
from rest_framework.test import APIClient
from support.endpoints import PATTERNS, served

from chabad_auth_django.models import User

Login = Callable[[User | None], APIClient]

VIEWS = [
    pattern.callback.cls
    for pattern in PATTERNS.values()
    if hasattr(getattr(pattern.callback, "cls", None), "resource")
]

#: What each view asks for a write.
WRITE_PERMISSIONS = sorted({view.permission or f"{view.resource}:write" for view in VIEWS})

#: The paths below a user, with each verb that they serve.
BELOW_A_USER = [
    (name, verb) for name, verb in served() if "<str:user>" in str(PATTERNS[name].pattern)
]

WRITES = [(name, verb) for name, verb in BELOW_A_USER if verb != "get"]


def stored(raw: Any) -> dict[str, list[bytes]]:
    """Return everything in the database."""
    return {
        name: sorted(map(bson.encode, raw[name].find()))
        for name in raw.list_collection_names()
        if name != "audit_log"
    }


@pytest.fixture
def writer(mongodb: str) -> User:
    """Somebody who may write everything, but not do everything."""
    return User.create_user(email="writer@example.org", permissions=WRITE_PERMISSIONS)


@pytest.mark.parametrize(("name", "verb"), BELOW_A_USER)
def test_who_may_write_everything_does_nothing_to_an_administrator(
    login: Login, writer: User, admin: User, raw: Any, name: str, verb: str
) -> None:
    furnish(admin)
    admin.add_auth_method("credentials")
    # Not the last administrator: that would be another refusal.
    User.create_user(email="second@example.org", roles=["admin"])
    client = login(writer)
    before = stored(raw)
    response = call(client, name, verb, str(admin.id))
    if (name, verb) == ("user-block", "get"):
        # Reading takes the one permission that blocking takes; there is none to be read.
        assert response.status_code == 404
    else:
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert stored(raw) == before


@pytest.mark.parametrize(("name", "verb"), WRITES)
def test_who_may_write_everything_acts_on_who_may_no_more(
    login: Login, writer: User, owner: User, name: str, verb: str
) -> None:
    furnish(owner)
    owner.add_auth_method("credentials")
    response = call(login(writer), name, verb, str(owner.id))
    # Granting takes having it, too.
    granting = verb == "put" and name in ("user-role", "user-permission")
    assert granting or response.status_code == EXPECTED[name, verb][2][CALLER_ADMIN]


#: The place of the administrator among the callers of ``EXPECTED``.
CALLER_ADMIN = 4


def test_an_export_takes_all_that_the_user_may_do(login: Login, owner: User, admin: User) -> None:
    owner.add_permission("exports:read")
    client = login(owner)
    other = User.create_user(email="other@example.org")
    for verb in (client.get, client.head):
        assert verb(f"/api/users/{admin.id}/export/").status_code == 403
        assert verb(f"/api/users/{other.id}/export/").status_code == 200


def test_reading_takes_nothing_but_its_permission(login: Login, owner: User, admin: User) -> None:
    owner.add_role("moderator")
    assert login(owner).get(f"/api/users/{admin.id}/").status_code == 200


@pytest.mark.parametrize(
    ("held", "status"),
    [("users:read", 200), ("users:*", 200), ("*", 200), ("analytics:*", 403), ("users:write", 403)],
)
def test_a_permission_reaches_what_it_covers(
    login: Login, owner: User, held: str, status: int
) -> None:
    owner.add_permission("profiles:write")
    owner.add_permission(held)
    target = User.create_user(email="target@example.org", permissions=["users:read"])
    path = f"/api/users/{target.id}/profile/"
    assert login(owner).patch(path, {"bio": "b"}, format="json").status_code == status
