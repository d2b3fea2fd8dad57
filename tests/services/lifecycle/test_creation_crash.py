"""A process killed while it creates users leaves whole users and, after one run, nothing else."""

import random
import signal
import time
from typing import Any

import pytest
from django.conf import settings
from support.claims import Claim
from support.fork_server import ForkServer, Process, crashes
from support.invariants import (
    content,
    end_transactions_of_the_dead,
    incomplete_users,
    leftovers,
    watched,
)

from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.services.lifecycle import deletion


def database() -> Any:
    return connection.get_database()


def recover() -> None:
    end_transactions_of_the_dead(database())
    list(deletion.run())


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 4])
def test_a_creation_killed_at_any_command_made_whole_users_or_none(
    either_server: str, processes: ForkServer, count: int
) -> None:
    emails: list[str] = []
    whole = none = 0

    def start(crash: tuple[str, int]) -> Process:
        emails[:] = [f"{n}-{'-'.join(map(str, crash))}@example.org" for n in range(count)]
        return processes.start("create_once", settings.CHABAD_AUTH, crash=crash, emails=emails)

    with watched(either_server):
        for crash in crashes(start):
            assert incomplete_users(database()) == [], crash
            there = User.objects(email__in=emails).count()
            assert there in (0, count), crash
            whole += there == count
            none += there == 0
            recover()
            assert leftovers(database()) == {}, crash
            assert incomplete_users(database()) == [], crash
            assert User.objects(email__in=emails).count() == there, crash
    assert whole > 0
    assert none > 4


@pytest.mark.slow
def test_killing_creators_at_random_leaves_whole_users(
    either_server: str, processes: ForkServer, trials: int, claim: Claim
) -> None:
    unfinished = 0
    with watched(either_server):
        for trial in range(trials):
            seed = random.randrange(2**32)
            print(f"seed {seed}")
            chance = random.Random(seed)
            # The same addresses: the creators are in each other's way.
            creators = [
                processes.start("create", settings.CHABAD_AUTH, prefix=f"u{trial}", seed=seed + n)
                for n in range(2)
            ]
            for process in creators:
                process.go()
            # Not a time: on a busy machine nothing would have been created yet.
            wanted, deadline = chance.randint(0, 8), time.monotonic() + 60
            while User.objects(email__startswith=f"u{trial}-").count() < wanted:
                assert time.monotonic() < deadline
            for process in creators:
                time.sleep(chance.uniform(0, 0.01))
                process.kill()
            assert [process.wait() for process in creators] == [-signal.SIGKILL] * 2

            end_transactions_of_the_dead(database())
            unfinished += leftovers(database()) != {}
            assert incomplete_users(database()) == [], f"seed {seed}"
            emails = set(User.objects.scalar("email"))
            recover()
            assert leftovers(database()) == {}, f"seed {seed}"
            assert incomplete_users(database()) == [], f"seed {seed}"
            assert set(User.objects.scalar("email")) == emails, f"seed {seed}"
    count, atomic = User.objects.count(), connection.supports_transactions()
    User.objects.delete()
    recover()
    assert content(database()) == {}
    claim(
        f"Kills: every user is whole after killed creators "
        f"({'replica set' if atomic else 'standalone'})",
        f"{trials} trials, {count} users, {unfinished} creations interrupted half-way",
        count > trials / 4 and (atomic or unfinished > 0),
    )
