"""Receivers of a host project that raise."""

import logging
from functools import partial
from typing import Any

import pytest
from support.receivers import connected

from chabad_auth_django import signals
from chabad_auth_django.db.transactions import on_commit
from chabad_auth_django.models import Activity, Preferences, Profile, User
from chabad_auth_django.services.signing_in.flows import log_in

SECRET = "ann@example.org"


def fail(**kwargs: Any) -> None:
    raise RuntimeError(f"{SECRET} is unknown here")


class Failing:
    """A receiver that has no name of its own."""

    def __call__(self, **kwargs: Any) -> None:
        fail()


async def fail_asynchronously(**kwargs: Any) -> None:
    fail()


def interrupt(**kwargs: Any) -> None:
    raise KeyboardInterrupt


RECEIVERS = [fail, partial(fail), Failing(), fail_asynchronously]
AFTER_COMMIT = [signals.user_created, signals.user_deleted, signals.user_logged_in]

each_receiver = pytest.mark.parametrize(
    "receiver", RECEIVERS, ids=["function", "partial", "instance", "coroutine function"]
)


def live() -> None:
    """Create a user, sign it in and delete it: each signal is sent once."""
    user = User.create_user(email=SECRET)
    assert Profile.read(userId=user.id)
    assert Preferences.read(userId=user.id)
    assert log_in(user_id=user.id, auth_method="google").access_token
    assert Activity.objects(user_id=user.id).count() == 1
    user.delete()
    assert User.find_by_id(user.id) is None
    assert Activity.objects(user_id=user.id).count() == 0


@each_receiver
@pytest.mark.parametrize("signal", AFTER_COMMIT)
def test_a_receiver_that_raises_after_the_commit_changes_nothing(
    either_server: str, signal: Any, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    called = []

    def count(**kwargs: Any) -> None:
        called.append(kwargs)

    with connected(signal, receiver, count):
        live()
    assert len(called) == 1
    [record] = [record for record in caplog.records if record.name == "chabad_auth_django"]
    assert record.levelno == logging.ERROR


@each_receiver
def test_its_failure_is_logged_with_its_name_and_place_but_without_its_text(
    mongodb: str, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(signals.user_created, receiver):
        User.create_user(email=SECRET)
    name = {RECEIVERS[2]: "Failing", fail_asynchronously: "fail_asynchronously"}.get(
        receiver, "fail"
    )
    assert f"test_signals.{name} failed as a receiver" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "test_signals.py" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("signal", AFTER_COMMIT)
def test_an_interruption_is_no_failure(mongodb: str, signal: Any) -> None:
    with connected(signal, interrupt), pytest.raises(KeyboardInterrupt):
        live()


@pytest.mark.parametrize(
    "signal", [signals.pre_user_create, signals.pre_user_delete, signals.post_user_delete]
)
def test_a_receiver_inside_the_transaction_refuses(mongodb: str, signal: Any) -> None:
    with connected(signal, fail), pytest.raises(RuntimeError):
        live()
    assert User.objects.count() == (signal is not signals.pre_user_create)


@pytest.mark.parametrize(
    "signal", [signals.pre_user_create, signals.pre_user_delete, signals.post_user_delete]
)
def test_what_a_receiver_does_on_commit_refuses_nothing_any_more(
    either_server: str, signal: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(signal, lambda **kwargs: on_commit(fail)):
        live()
    assert "test_signals.fail failed after the commit: RuntimeError" in caplog.text
    assert SECRET not in caplog.text
