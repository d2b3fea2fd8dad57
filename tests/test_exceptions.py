"""Task queues and pools of processes send errors from one process to another."""

import pickle

import pytest

from chabad_auth_django.exceptions import (
    ChabadAuthError,
    IdempotencyInProgress,
    Reason,
    UserNotFound,
    ValidationError,
    VersionConflict,
    translated,
)

TOO_LONG = Reason("At most {limit} characters.", "max_length", limit=3)


@pytest.mark.parametrize(
    "error",
    [
        UserNotFound("There is no Ann."),
        VersionConflict(current_version=3, current_value=[1]),
        IdempotencyInProgress(2.5),
        ValidationError(errors={"name": TOO_LONG}),
    ],
    ids=lambda error: error.code,
)
def test_an_error_reaches_another_process_as_it_is(error: ChabadAuthError) -> None:
    received = pickle.loads(pickle.dumps(error))
    assert type(received) is type(error)
    assert (str(received), vars(received)) == (str(error), vars(error))


def test_a_message_reaches_another_process_with_its_code_and_values() -> None:
    received = pickle.loads(pickle.dumps(TOO_LONG))
    assert (received.code, translated(received)) == ("max_length", "At most 3 characters.")
