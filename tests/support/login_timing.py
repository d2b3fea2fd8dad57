"""How long a refused sign-in takes, with a user who exists and without; for a host of its own.

Prints the seconds of each try, the password hashes and the commands to MongoDB, by whether the
user exists. With the argument ``naive`` a backend answers that looks before it hashes.
"""

import json
import random
import sys
import time
from collections import defaultdict
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User as DjangoUser
from django.core.management import call_command
from django.test import Client, override_settings
from support.commands import CommandCounter

from chabad_auth_django.models import User

TRIES = 100


class Hasher(PBKDF2PasswordHasher):
    """Take 10 ms, not the half second of production, and count."""

    iterations = 30_000
    count = 0

    def encode(self, *args: Any, **kwargs: Any) -> str:
        Hasher.count += 1
        return super().encode(*args, **kwargs)


class NaiveBackend(ModelBackend):
    """Tell by the time whether the user exists."""

    def authenticate(self, request: Any, username: Any = None, **kwargs: Any) -> Any:
        if not DjangoUser.objects.filter(username=username).exists():
            return None
        return super().authenticate(request, username=username, **kwargs)


def refuse(client: Client, name: str) -> float:
    body = json.dumps({"username": f"{name}@example.org", "password": "wrong"})
    # Nothing is waited for, so it is the time that a client sees, less what else the machine does.
    began = time.process_time()
    answer = client.post("/api/auth/login/", body, content_type="application/json")
    took = time.process_time() - began
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    return took


def measure(counter: CommandCounter) -> list[dict[str, Any]]:
    call_command("migrate", verbosity=0)
    DjangoUser.objects.create_user("ann@example.org", "ann@example.org", "right")
    User.create_user(email="ann@example.org", auth_methods=["credentials"])
    client = Client()
    refuse(client, "ann")
    found: dict[bool, dict[str, Any]] = {
        exists: defaultdict(int, {"seconds": []}) for exists in (True, False)
    }
    # Whatever else the machine does is the same for both.
    for number in range(TRIES):
        for exists in random.sample([True, False], 2):
            counter.clear()
            Hasher.count = 0
            took = refuse(client, "ann" if exists else f"nobody{number}")
            found[exists]["seconds"].append(took)
            found[exists]["hashes"] += Hasher.count
            found[exists]["commands"] += len(counter.sent)
    return [found[True], found[False]]


def main() -> None:
    counter = CommandCounter()
    backend = NaiveBackend if "naive" in sys.argv else ModelBackend
    with override_settings(
        PASSWORD_HASHERS=[f"{__name__}.Hasher"],
        AUTHENTICATION_BACKENDS=[f"{backend.__module__}.{backend.__name__}"],
        CHABAD_AUTH={
            "HOST_ID": "tests",
            "THROTTLE_RATES": {"sign_in": None},
            "MONGODB_OPTIONS": {"event_listeners": [counter]},
        },
    ):
        sys.stdout.write(json.dumps(measure(counter)))
