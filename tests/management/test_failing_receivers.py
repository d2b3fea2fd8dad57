"""A receiver of the project that raises for one user stops no other, and the command says so."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from support.management import run
from support.receivers import connected

from chabad_auth_django import signals
from chabad_auth_django.db import connection
from chabad_auth_django.models import User

SECRET = "ann@example.org owes 3 dollars"

Fail = Callable[..., Any]


@pytest.fixture
def people(either_server: str) -> list[User]:
    return [User.create_user(email=f"{name}@example.org") for name in ("ann", "bob", "carl")]


@pytest.fixture
def failing() -> Iterator[Callable[[Any, ObjectId], None]]:
    """Let a signal fail where it is about the user."""
    with ExitStack() as stack:

        def connect(signal: Any, user_id: ObjectId) -> None:
            def fail(user_ids: list[ObjectId], **kwargs: Any) -> None:
                if user_id in user_ids:
                    raise LookupError(SECRET)

            stack.enter_context(connected(signal, fail))

        yield connect


def assert_told(result: Any, user_id: ObjectId, caplog: pytest.LogCaptureFixture) -> None:
    assert result.code == 2
    assert f"{user_id}: Code of the project failed: LookupError. The log says where." in result.err
    assert "in fail\n" in caplog.text
    assert SECRET not in caplog.text + result.err


@pytest.mark.parametrize("name", ["chabad_delete_user", "chabad_erase_user"])
@pytest.mark.parametrize("signal", [signals.pre_user_delete, signals.post_user_delete])
def test_the_users_behind_it_are_deleted(
    people: list[User], failing: Fail, caplog: pytest.LogCaptureFixture, name: str, signal: Any
) -> None:
    ann, *others = people
    failing(signal, ann.id)
    result = run(name, *(user.email for user in people), "--yes")
    assert_told(result, ann.id, caplog)
    assert f"Go on by id with: {ann.id}" in result.err
    assert not User.existing_ids(user.id for user in others)
    stays = signal is signals.pre_user_delete or connection.supports_transactions()
    assert bool(User.existing_ids([ann.id])) is stays


def test_the_purge_goes_on_with_the_others(
    people: list[User], failing: Fail, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob, _ = people
    failing(signals.pre_user_delete, ann.id)
    jobs = connection.get_database().deletions
    # As a crash on a standalone server leaves it.
    jobs.insert_many([{"_id": user.id, "state": "deleting"} for user in (ann, bob)])
    swept: list[int] = []

    def fail(**kwargs: Any) -> None:
        raise LookupError(SECRET)

    def sweep(**kwargs: Any) -> int:
        swept.append(1)
        return 1

    def say_nothing(**kwargs: Any) -> None:
        pass

    with connected(signals.purge_due, fail, say_nothing, sweep):
        result = run("chabad_purge_deleted")
    assert_told(result, ann.id, caplog)
    assert swept
    assert "1 deletion finished, 1 waiting, 1 document purged." in result.lines
    assert "Passed over: 2. All others are done." in result.err
    assert User.existing_ids(user.id for user in people) == {ann.id, people[2].id}


def test_what_was_passed_over_is_told_beside_what_was_found(people: list[User]) -> None:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 3600}):
        result = run(
            "chabad_erase_user", "nobody@example.org", people[0].email, "--yes", "--no-wait"
        )
    assert result.code == 2
    assert "Not finished: run it again" in result.err
    assert "nobody@example.org" in result.err


@pytest.mark.parametrize("name", ["chabad_delete_user", "chabad_erase_user"])
def test_whose_deletion_another_run_has_ended_is_said(people: list[User], name: str) -> None:
    ann, bob, _ = people

    def finish_it(user_id: ObjectId, **kwargs: Any) -> None:
        if user_id == ann.id:
            assert run("chabad_erase_user", str(ann.id), "--yes").code == 0

    with connected(signals.user_deleted, finish_it):
        result = run(name, ann.email, bob.email, "--yes")
    assert result.code == 2
    assert f"{ann.id}: Another run has ended this deletion, and printed its receipt." in result.err
    assert "Go on by id" not in result.err
    assert not User.existing_ids([bob.id])
