"""A blocked user comes in by no door, and no other program can undo the block by writing a user."""

from typing import Any

import pytest
from api.conftest import Login
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import ExecutionTimeout
from rest_framework.test import APIClient
from support.threads import together

from chabad_auth_django.exceptions import Blocked, LastAdministrator
from chabad_auth_django.models import AuditEntry, Block, Session, User
from chabad_auth_django.services.identity import blocking
from chabad_auth_django.services.lifecycle import deletion
from chabad_auth_django.services.signing_in import flows, sessions


def path(user: User) -> str:
    return f"/api/users/{user.id}/block/"


def put(client: APIClient, user: User, **headers: Any) -> Any:
    return client.put(path(user), {"reason": "abuse", "text": "spam"}, format="json", **headers)


def test_a_block_ends_sessions_and_stops_the_next_request(
    admin: User, owner: User, login: Login
) -> None:
    client, moderator = login(owner), login(admin)
    signed_in = flows.log_in(user_id=owner.id, auth_method="google")
    answer = put(moderator, owner)
    assert answer.status_code == 201
    assert answer.json()["reason"] == "abuse"
    assert answer.json()["blockedBy"] == str(admin.id)
    refused = client.get("/api/users/me/")
    assert (refused.status_code, refused.json()["code"]) == (403, "blocked")
    with pytest.raises(Blocked):
        flows.refresh(refresh_token=signed_in.refresh_token)
    # Nobody else lets the user in either: such a session would be open when the block ends.
    for let_in in (
        lambda: flows.log_in(user_id=owner.id, auth_method="google"),
        lambda: flows.issue_tokens(name=str(owner.id)),
    ):
        with pytest.raises(Blocked):
            let_in()
    assert put(moderator, owner).status_code == 200
    assert moderator.get(path(owner)).json()["text"] == "spam"
    # As a sign-in does that has looked for a block just before.
    sessions.open_session(user_id=owner.id, auth_method="google")
    assert moderator.delete(path(owner)).status_code == 204
    # The sessions stay ended.
    assert client.get("/api/users/me/").status_code == 401
    assert Session.objects(user_id=owner.id, ended_at=None).count() == 0
    actions = [entry.action for entry in AuditEntry.objects(user_id=owner.id).order_by("timestamp")]
    assert actions[1:] == ["user.block", "user.unblock"]


def test_a_block_holds_where_there_are_too_many_sessions_to_be_ended(
    admin: User, owner: User, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(user_id: ObjectId) -> None:
        raise ExecutionTimeout("They are hundreds of thousands.")

    client = login(owner)
    monkeypatch.setattr(blocking, "_end_sessions", fail)
    assert put(login(admin), owner).status_code == 201
    assert client.get("/api/users/me/").json()["code"] == "blocked"


def test_writing_the_user_does_not_undo_a_block(
    admin: User, owner: User, login: Login, raw: Database
) -> None:
    client = login(owner)
    put(login(admin), owner)
    stored = raw.users.find_one({"_id": owner.id})
    assert stored is not None
    raw.users.replace_one({"_id": owner.id}, {**stored, "blocked": False, "roles": ["admin"]})
    assert client.get("/api/users/me/").json()["code"] == "blocked"


def test_nobody_blocks_themselves_or_who_may_do_more(
    admin: User, owner: User, login: Login
) -> None:
    assert put(login(admin), admin).status_code == 403
    owner.add_permission("users:block")
    assert put(login(owner), admin).status_code == 403
    other = User.create_user(email="other@example.org")
    assert put(login(owner), other).status_code == 201
    assert [block.user_id for block in Block.objects] == [other.id]


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 101}, {"reason": 5}, {"reason": "a", "x": 1}]
)
def test_a_reason_is_a_short_text(
    admin: User, owner: User, login: Login, body: dict[str, Any]
) -> None:
    assert login(admin).put(path(owner), body, format="json").status_code == 400
    assert Block.objects.count() == 0


def test_preconditions_are_heeded(admin: User, owner: User, login: Login) -> None:
    client = login(admin)
    assert put(client, owner, HTTP_IF_MATCH='"x"').status_code == 412
    assert put(client, owner, HTTP_IF_NONE_MATCH="*").status_code == 201
    assert put(client, owner, HTTP_IF_NONE_MATCH="*").status_code == 412
    tag = client.get(path(owner)).headers["ETag"]
    assert client.delete(path(owner), HTTP_IF_MATCH='"x"').status_code == 412
    assert client.delete(path(owner), HTTP_IF_MATCH=tag).status_code == 204


class TestService:
    """On each kind of server."""

    @pytest.fixture(autouse=True)
    def server(self, either_server: str) -> None:
        """Use each in turn."""

    def test_the_last_administrator_who_is_not_blocked_stays(self) -> None:
        first, second = (
            User.create_user(email=f"a{n}@example.org", roles=["admin"]) for n in range(2)
        )
        blocking.block_user(user_id=first.id, reason="abuse")
        for act in (
            lambda: blocking.block_user(user_id=second.id, reason="abuse"),
            lambda: deletion.delete_user(user_id=second.id, seconds=0),
        ):
            with pytest.raises(LastAdministrator):
                act()
        blocking.unblock_user(user_id=first.id)
        blocking.block_user(user_id=second.id, reason="abuse")

    def test_of_administrators_who_block_each_other_at_once_one_stays(self) -> None:
        for _ in range(5):
            ids = [
                User.create_user(email=f"a{n}@example.org", roles=["admin"]).id for n in range(3)
            ]
            together(
                [
                    lambda user_id=user_id: blocking.block_user(user_id=user_id, reason="x")
                    for user_id in ids
                ]
            )
            assert Block.objects(user_id__in=ids).count() < 3
            Block.objects.delete()
            User.objects(id__in=ids).delete()

    def test_threads_that_block_one_user_store_one_block(self) -> None:
        user = User.create_user(email="ann@example.org")
        together([lambda: blocking.block_user(user_id=user.id, reason="x")] * 8)
        assert Block.objects.count() == 1
