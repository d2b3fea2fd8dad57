"""Whether anybody has an unverified address shows neither in the answer nor in its time."""

import random
import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient
from support.commands import CommandCounter
from support.issuer import SHARED, shared_token

from chabad_auth_django.models import User

TRIES = 150
ADDRESSES = {
    "nobody's": "nobody@example.org",
    "another's": "eve@example.org",
    "an administrator's": "admin@example.org",
    "a look-alike": "ＡDMIN@Example.ORG",
}


@pytest.fixture(autouse=True)
def users(commands: CommandCounter) -> Iterator[None]:
    User.create_user(email="admin@example.org", roles=["admin"])
    User.create_user(email="eve@example.org")
    changes = {"ISSUERS": [SHARED], "THROTTLE_RATES": {"sign_in": None}}
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, **changes}):
        yield


def refuse(email: str, number: int) -> tuple[float, Any]:
    token = shared_token(sub=f"person-{number}", email=email, email_verified=False)
    began = time.process_time()
    answer = APIClient().post("/api/auth/login/", {"token": token}, format="json")
    return time.process_time() - began, answer


def test_the_answer_and_what_is_asked_of_mongodb_are_the_same(commands: CommandCounter) -> None:
    seen = set()
    for email in ADDRESSES.values():
        commands.clear()
        _, answer = refuse(email, 0)
        assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
        seen.add((answer.content, *commands.names))
    assert len(seen) == 1


@pytest.mark.slow
@pytest.mark.alone
def test_the_time_is_the_same() -> None:
    refuse("nobody@example.org", 0)
    seconds: dict[str, list[float]] = {name: [] for name in ADDRESSES}
    for number in range(TRIES):
        for name in random.sample(list(ADDRESSES), len(ADDRESSES)):
            seconds[name].append(refuse(ADDRESSES[name], number)[0])
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    assert max(medians.values()) < 1.2 * min(medians.values()), medians
