"""An installation keeps somebody who may do everything, whoever demotes whom at the same time."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.errors import AutoReconnect
from support.interleave import Pause, command
from support.threads import errors, together

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import LastAdministrator
from chabad_auth_django.models import Deletion, User
from chabad_auth_django.services.identity import administrators, users
from chabad_auth_django.services.lifecycle import deletion, receipts

ROUNDS = 20


def administrator(name: str, **fields: Any) -> User:
    return User.create_user(email=f"{name}@example.org", **(fields or {"roles": ["admin"]}))


def left() -> list[User]:
    return [user for user in User.objects if user.has_permission("*")]


def remove_role(user: User) -> None:
    users.change_grants(user=user, grant=False, roles=["admin"])


def remove_permission(user: User) -> None:
    users.change_grants(user=user, grant=False, permissions=["*"])


def delete(user: User) -> None:
    deletion.delete_user(user_id=user.id, seconds=1)


def erase(user: User) -> None:
    receipts.delete(subject=receipts.find(name=user.email), advance=lambda count: None)


WAYS = [
    (remove_role, {"roles": ["admin"]}),
    (remove_permission, {"permissions": ["*"]}),
    (delete, {"roles": ["admin"]}),
    (erase, {"permissions": ["*"]}),
]


@pytest.mark.parametrize(("remove", "fields"), WAYS)
def test_the_last_administrator_stays_and_one_of_two_does_not(
    either_server: str, remove: Callable[[User], None], fields: dict[str, Any]
) -> None:
    ann = administrator("ann", **fields)
    User.create_user(email="user@example.org")
    with pytest.raises(LastAdministrator):
        remove(ann)
    assert left() == [ann]
    assert not Deletion.ids_with_job([ann.id])

    bob = administrator("bob", permissions=["*"])
    remove(ann)
    assert left() == [bob]


def test_what_leaves_the_user_an_administrator_is_free(either_server: str) -> None:
    ann = administrator("ann", roles=["admin", "user"], permissions=["*", "x:y"])
    for taken in ({"permissions": ["*", "x:y"]}, {"roles": ["user"]}):
        users.change_grants(user=ann, grant=False, **taken)
    assert (ann.roles, ann.permissions) == (["admin"], [])


def test_others_are_removed_where_nobody_is_an_administrator(either_server: str) -> None:
    user = User.create_user(email="user@example.org")
    remove_role(user)
    delete(user)
    assert User.objects.count() == 0


def test_who_only_looks_like_an_administrator_does_not_count(mongodb: str, raw: Any) -> None:
    ann = administrator("ann")
    raw.users.insert_one({"email": "eve@example.org", "roles": "admin", "permissions": "*"})
    with pytest.raises(LastAdministrator):
        delete(ann)


@pytest.mark.parametrize("remove", [remove_role, delete])
def test_of_administrators_who_remove_each_other_at_once_one_stays(
    either_server: str, remove: Callable[[User], None]
) -> None:
    for number in range(ROUNDS):
        User.objects.delete()
        pair = [administrator(f"{name}{number}") for name in "ab"]
        results = together([partial(remove, user) for user in pair])
        assert [type(error) for error in errors(results)] == [LastAdministrator]
        assert len(left()) == 1


def interrupt(uri: str, at: Any, first: Callable[[], None], second: Callable[[], None]) -> Any:
    """Run the second call just before the command that matches; return what both raised."""
    pause = Pause()
    options = {"MONGODB_URI": uri, "MONGODB_OPTIONS": {"event_listeners": [pause]}}
    with override_settings(CHABAD_AUTH=options):
        pause.before(at, second)
        (result,) = together([first])
    assert pause.done or pause.error
    return [error for error in (result, pause.error) if error]


@pytest.mark.parametrize("first", [remove_role, delete])
@pytest.mark.parametrize("second", [remove_role, delete])
def test_a_transaction_that_began_before_the_other_went_is_refused(
    mongodb: str, first: Callable[[User], None], second: Callable[[User], None]
) -> None:
    ann, bob = administrator("ann"), administrator("bob")
    guard = command("findAndModify", "guards")
    raised = interrupt(mongodb, guard, partial(first, ann), partial(second, bob))
    assert [type(error) for error in raised] == [LastAdministrator]
    assert left() == [ann]


@pytest.mark.parametrize(("first", "name"), [(remove_role, "findAndModify"), (delete, "delete")])
@pytest.mark.parametrize("second", [remove_role, delete])
def test_without_transactions_who_comes_just_before_the_change_is_refused(
    standalone: str, first: Callable[[User], None], name: str, second: Callable[[User], None]
) -> None:
    ann, bob = administrator("ann"), administrator("bob")
    change = command(name, "users")
    raised = interrupt(standalone, change, partial(first, ann), partial(second, bob))
    assert [type(error) for error in raised] == [LastAdministrator]
    assert left() == [bob]


def test_a_user_who_is_promoted_while_being_deleted_does_not_count(either_server: str) -> None:
    ann, bob = administrator("ann"), User.create_user(email="bob@example.org")

    def promote_bob_and_demote_ann() -> None:
        User(id=bob.id).add_role("admin")
        remove_role(ann)

    removal = command("delete", "users")
    interrupt(either_server, removal, partial(delete, bob), promote_bob_and_demote_ann)
    assert len(left()) == 1


def test_a_change_whose_answer_was_lost_counts_as_done_for_a_minute(
    standalone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = administrator("ann"), administrator("bob")

    def lose() -> None:
        raise AutoReconnect

    with pytest.raises(AutoReconnect):
        administrators.keep_one(user_id=ann.id, left=administrators.nothing, change=lose)
    with pytest.raises(LastAdministrator):
        remove_role(bob)

    monkeypatch.setattr(administrators, "LEASE", 0)
    remove_role(bob)
    assert left() == [ann]


def test_a_deletion_that_a_crash_left_half_done_does_not_end_with_none(standalone: str) -> None:
    ann = administrator("ann")
    deletion.begin(user_ids=[ann.id])
    [outcome] = deletion.run()
    assert isinstance(outcome.error, LastAdministrator)
    assert left() == [ann]
    administrator("bob")
    assert [outcome.user_id for outcome in deletion.run()] == [ann.id]


def test_nothing_is_left_of_a_change(either_server: str) -> None:
    ann = administrator("ann")
    administrator("bob")
    with pytest.raises(ValueError, match="never"):
        administrators.keep_one(
            user_id=ann.id, left=administrators.nothing, change=lambda: int("never")
        )
    remove_role(ann)
    delete(ann)
    guards = connection.get_database()["guards"].find()
    assert [guard["going"] for guard in guards] == [[]]


def test_the_last_sweep_of_a_deletion_takes_what_a_crash_left(standalone: str) -> None:
    ann = User.create_user(email="ann@example.org")
    administrators._announce(ObjectId(), ann.id)
    delete(ann)
    list(deletion.run())
    [guard] = connection.get_database()["guards"].find()
    assert guard["going"] == []


def test_an_unknown_user_is_left_to_the_change(mongodb: str) -> None:
    result = administrators.keep_one(
        user_id=ObjectId(), left=administrators.nothing, change=lambda: "changed"
    )
    assert result == "changed"
