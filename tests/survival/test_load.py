"""Mixed traffic over 10,000 users, as much as the machine bears."""

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from support.api_client import Answer, Client
from support.claims import Claim
from support.clients import fresh_database
from support.gunicorn import Gunicorn, gunicorn
from support.percentiles import describe
from support.signed_in import access_token
from support.threads import errors, together

from chabad_auth_django.conf import Conf
from chabad_auth_django.models import AppData, Preferences, Profile, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes

USERS = 10_000

CLIENTS = 8

#: Seconds of load from which the memory is looked at, and after which a worker is warm.
MEMORY_FROM, WARM = 120, 60

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def seconds(pytestconfig: pytest.Config, long: bool) -> int:
    """How long the load lasts."""
    return pytestconfig.getoption("load_seconds") or (1_800 if long else 10)


@pytest.fixture
def server(replica_set_uri: str, tmp_path: Path, seconds: int) -> Iterator[Gunicorn]:
    # A million documents afterwards: too many for the next test to clean up.
    with fresh_database(replica_set_uri, ACCESS_TOKEN_SECONDS=seconds + 600) as uri:
        indexes.create()
        with gunicorn(uri, tmp_path) as server:
            yield server


@pytest.fixture
def users(server: Gunicorn) -> list[ObjectId]:
    """Ten thousand users, the first of them an administrator."""
    ids = [ObjectId() for _ in range(USERS)]
    times = {"createdAt": now(), "updatedAt": now()}
    User.collection().insert_many(
        {
            "_id": id,
            "email": f"{id}@example.org",
            "roles": ["user", "admin"] if id == ids[0] else ["user"],
            "authMethods": ["google"],
            **times,
        }
        for id in ids
    )
    value = {"appId": "app", "dataKey": "settings", "dataValue": {"volume": 3}, "version": 1}
    for model, fields in ((Profile, {}), (Preferences, {}), (AppData, value)):
        model.collection().insert_many({"userId": id, **fields, **times} for id in ids)
    return ids


EVENT = {"appId": "app", "eventData": {"page": "/home", "seconds": 3}}
ACTIVITY = {**EVENT, "eventType": "view"}
ANALYTICS = {**EVENT, "eventName": "view", "eventCategory": "engagement"}


class Traffic:
    """One client after another sends what users send, each time as another user."""

    #: Label -> how often.
    MIX = {
        "GET users/me/": 20,
        "GET users/me/preferences/": 10,
        "PATCH users/me/preferences/": 5,
        "GET users/me/app-data/app/settings/": 10,
        "PUT users/me/app-data/app/settings/": 10,
        "POST users/me/activities/": 15,
        "POST users/me/analytics/": 10,
        "GET users/me/activities/": 10,
        "PUT users/me/profile/metadata/key/": 4,
        "GET users/": 2,
        "POST users/": 2,
        "DELETE users/me/": 1,
    }

    def __init__(self, port: int, users: list[ObjectId], seed: int) -> None:
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self._port, self._users = port, users
        self._chance = random.Random(seed)
        self._seed = seed
        self._created: list[ObjectId] = []

    def run(self, until: float) -> None:
        """Send requests until then."""
        labels, weights = list(self.MIX), list(self.MIX.values())
        while time.monotonic() < until:
            self._send(*self._chance.choices(labels, weights))

    def _send(self, label: str) -> None:
        method, path = label.split()
        caller = self._chance.choice(self._users)
        if path == "users/":
            caller = self._users[0]
        elif method == "DELETE":
            if not self._created:
                return
            caller = self._created.pop()
        token = access_token(caller)
        answer = Client(self._port, token).send(method, path, self._body(label))
        # The pages of half an hour are gigabytes.
        self.answers[label].append(replace(answer, body=None))
        if label == "POST users/" and answer.status == 201:
            self._created.append(ObjectId(answer.body["id"]))

    def _body(self, label: str) -> Any:
        number = self._chance.randrange(1_000)
        return {
            "PATCH users/me/preferences/": {"theme": "dark", "notifications": {"push": False}},
            "PUT users/me/app-data/app/settings/": {"dataValue": {"volume": number}},
            "POST users/me/activities/": ACTIVITY,
            "POST users/me/analytics/": [ANALYTICS | {"eventData": {"n": n}} for n in range(10)],
            "PUT users/me/profile/metadata/key/": {"value": number},
            "POST users/": {"email": f"{ObjectId()}@example.com"},
        }.get(label)


def resident(pids: set[int]) -> int:
    """Return the bytes of memory that the processes hold."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES for pid in pids)


def test_mixed_traffic_has_no_errors(
    server: Gunicorn, users: list[ObjectId], seconds: int, claim: Claim
) -> None:
    workers = server.workers()
    warm: list[int] = []
    timer = threading.Timer(min(WARM, seconds / 5), lambda: warm.append(resident(workers)))
    started = time.monotonic()
    until = started + seconds
    traffic = [Traffic(server.port, users, seed=number) for number in range(CLIENTS)]
    timer.start()
    failures = errors(together([lambda one=one: one.run(until) for one in traffic]))
    timer.join()
    assert failures == []
    after = resident(workers)
    assert server.workers() == workers

    by_label = {
        label: [answer for one in traffic for answer in one.answers[label]] for label in Traffic.MIX
    }
    answers = [answer for found in by_label.values() for answer in found]
    wrong = [answer for answer in answers if answer.status not in (200, 201, 202, 204)]
    claim(
        f"Load: no errors in {seconds} s of mixed traffic over 10,000 users",
        f"{len(answers)} requests, {len(answers) / seconds:.0f}/s, {len(wrong)} errors",
        not wrong,
    )
    slowest = max(answer.ended - answer.started for answer in answers)
    claim(
        "Load: nobody waits for a connection of the pool, or else, as long as MongoDB may take",
        f"the slowest answer took {slowest:.1f} s",
        slowest < Conf.REQUEST_TIMEOUT.default,
    )
    if seconds >= MEMORY_FROM:
        claim(
            "Load: the memory of the workers is flat within 10 %",
            f"{warm[0] / 2**20:.0f} MB after {min(WARM, seconds / 5):.0f} s, "
            f"{after / 2**20:.0f} MB at the end",
            abs(after - warm[0]) <= warm[0] / 10,
        )
    for label, found in by_label.items():
        if len(found) > 1:
            claim(f"Load: {label}", f"{describe(found)} of {len(found)}", True)
