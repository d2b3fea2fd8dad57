"""Every door in every state: what it answers, to whom, and whether it stores anything.

A state without an expectation, or a door without one, fails. The doors are those of a host project
with the real allauth, which runs in a process of its own: ``support/doors.py``.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from support.processes import python

SAME, NEW = (200, None, "same"), (200, None, "another")
INVALID = (401, "invalid_token", None)
ANONYMOUS = (401, "not_authenticated", None)
#: What allauth itself answers: what is left to do, or that the password is wrong.
TO_DO = (401, None, None)
MISMATCH = (400, "username_password_mismatch", None)
WRONG = (401, "invalid_credentials", None)
UNVERIFIED = (403, "email_not_verified", None)
BLOCKED = (403, "blocked", None)
SECOND_FACTOR = (403, "second_factor_required", None)
NO_PASSWORDS = (403, "credentials_disabled", None)
NOT_ALLOWED = (403, "auth_method_disabled", None)

DOORS = (
    "password",
    "host session",
    "bearer by password",
    "refresh by password",
    "issuer login",
    "issuer bearer",
    "bearer by issuer",
    "refresh by issuer",
    "allauth headless",
)

#: Where no door lets anybody in, there is no token of ours either: the client has a wrong one.
NOBODY = (
    UNVERIFIED,
    UNVERIFIED,
    INVALID,
    INVALID,
    UNVERIFIED,
    UNVERIFIED,
    INVALID,
    INVALID,
    UNVERIFIED,
)
UNCHANGED = (SAME,) * 4

#: State -> what each of the doors answers: the status, the code, and whose the answer is.
TABLE: dict[str, tuple[Any, ...]] = {
    "verified, nobody has it": (NEW,) * 9,
    "linked": (SAME,) * 9,
    "unverified: nobody's": NOBODY,
    "unverified: another's": NOBODY,
    "unverified: an administrator's": NOBODY,
    "unverified: NFKC": NOBODY,
    "unverified: case": NOBODY,
    "unverified: IDNA": NOBODY,
    "no address": NOBODY,
    "blocked": (BLOCKED,) * 9,
    "host account disabled": (WRONG, ANONYMOUS, INVALID, INVALID, *UNCHANGED, TO_DO),
    "host account deleted": (WRONG, ANONYMOUS, INVALID, INVALID, *UNCHANGED, MISMATCH),
    "password changed": (WRONG, ANONYMOUS, INVALID, INVALID, *UNCHANGED, MISMATCH),
    "key given to another account": (NEW, ANONYMOUS, INVALID, INVALID, *UNCHANGED, NEW),
    "second project with the key": (NEW, INVALID, INVALID, INVALID, *UNCHANGED, NEW),
    "second factor not given": (SECOND_FACTOR, SECOND_FACTOR, INVALID, INVALID, *(NEW,) * 4, TO_DO),
    "method not allowed": (*(NO_PASSWORDS,) * 4, *(NOT_ALLOWED,) * 4, NO_PASSWORDS),
    "session ended": (SAME, SAME, INVALID, INVALID, SAME, SAME, INVALID, INVALID, SAME),
    "issuer removed": (*UNCHANGED, *(INVALID,) * 4, SAME),
    "issuer's key rotated": (SAME,) * 9,
    "issuer down": (SAME,) * 9,
    "SECRET_KEY rotated": (SAME,) * 9,
    # Signing in makes a new user; what the client had from before does not.
    "user deleted": (NEW, INVALID, INVALID, INVALID, NEW, INVALID, INVALID, INVALID, NEW),
}


@pytest.fixture
def answers(mongodb: str, tmp_path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """What each door answers in each state."""
    result = python(
        "-m",
        "support.doors",
        cwd=tmp_path,
        timeout=900,
        DJANGO_SETTINGS_MODULE="support.doors_settings",
        MONGODB_URI=mongodb,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(result.stdout)
    return found


@pytest.mark.slow
def test_each_door_answers_each_state_as_the_table_says(
    answers: dict[str, dict[str, dict[str, Any]]], subtests: Any
) -> None:
    assert set(answers) == set(DOORS)
    for number, door in enumerate(DOORS):
        assert set(answers[door]) == set(TABLE)
        for state, expected in TABLE.items():
            with subtests.test(door=door, state=state):
                answer = answers[door][state]
                assert (answer["status"], answer["code"], answer["whose"]) == expected[number]
                # Who is refused leaves no trace.
                assert answer["status"] == 200 or not answer["stored"]
        # Whether somebody has the address does not show in the answer.
        bodies = {answers[door][state]["body"] for state in TABLE if TABLE[state] is NOBODY}
        assert len(bodies) == 1
