"""Clients that write through the API, whatever happens to the servers, and keep a ledger."""

import itertools
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.api_client import Answer, Client
from support.ledger import Ledger

#: Seconds before a client asks again after a 503; less than it is asked to wait, so that the
#: silence that is measured is the servers'.
IMPATIENCE = 0.1

#: Seconds after which a write that is repeated must be done: outages here are shorter.
PATIENCE = 120


class Writer:
    """Write now this, now that, until told to stop; repeat what has a key until it is done."""

    def __init__(self, port: int, token: str, admin_token: str, ledger: Ledger, seed: int) -> None:
        self.answers: list[Answer] = []
        #: Answers that nobody should get.
        self.wrong: list[Answer] = []
        self._client, self._admin = Client(port, token), Client(port, admin_token)
        self._ledger = ledger
        self._chance = random.Random(seed)
        self._name = f"w{seed}"
        self._numbers = itertools.count()
        self._version, self._value = 0, ""

    def run(self, end: threading.Event) -> None:
        """Write until the end; what was begun is ended first."""
        operations = [self._events] * 5 + [self._app_data] * 3 + [self._new_value] * 2
        operations += [self._user] * 2 + [self._refused_event, self._refused_value]
        operations += [self._refused_user]
        # Before anything breaks: done twice, a PUT without a version would be no conflict.
        self._app_data()
        while not end.is_set():
            self._chance.choice(operations)()

    def _marker(self) -> str:
        return f"{self._name}-{next(self._numbers)}"

    def _send(
        self, method: str, path: str, data: Any, *, expect: set[int], key: str | None = None
    ) -> Answer:
        """Send until it is done where there is a key, else once; a 503 is expected too."""
        client = self._admin if path == "users/" else self._client
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = client.send(method, path, data, key)
            self.answers.append(answer)
            busy = key and (answer.body or {}).get("code") == "idempotency_in_progress"
            if answer.status in expect and not busy:
                return answer
            if not (answer.status == 503 or busy) or time.monotonic() > deadline:
                self.wrong.append(answer)
                return answer
            time.sleep(IMPATIENCE)
            if key is None:
                return answer

    def _key(self) -> str | None:
        return str(uuid.uuid4()) if self._chance.random() < 0.5 else None

    def _write(self, method: str, path: str, data: Any, *markers: str) -> None:
        answer = self._send(method, path, data, expect={200, 201}, key=self._key())
        self._ledger.note("once" if answer.status in (200, 201) else "either", *markers)

    def _refused(self, method: str, path: str, data: Any, status: int, marker: str) -> None:
        self._ledger.note("never", marker)
        self._send(method, path, data, expect={status}, key=self._key())

    def _events(self) -> None:
        markers = [self._marker() for _ in range(self._chance.randint(1, 5))]
        self._write("POST", "users/me/analytics/", [event(marker) for marker in markers], *markers)

    def _new_value(self) -> None:
        marker = self._marker()
        self._write("PUT", f"users/me/app-data/new/{marker}/", {"dataValue": marker}, marker)

    def _user(self) -> None:
        marker = self._marker()
        self._write("POST", "users/", new_user(marker), marker)

    def _app_data(self) -> None:
        """Take the value that only this writer changes from one version to the next."""
        value = f"value-{self._marker()}"
        data = {"dataValue": value} | ({"version": self._version} if self._version else {})
        key, expect = self._key(), {200, 201, 409}
        path = f"users/me/app-data/app/{self._name}/"
        answer = self._send("PUT", path, data, expect=expect, key=key)
        while answer.status == 503:
            answer = self._send("PUT", path, data, expect=expect, key=key)
        if answer.status not in expect:
            return
        # 409: the one before was answered 503, and was done.
        reached = answer.body["current"] if answer.status == 409 else answer.body
        if (reached["version"], reached["dataValue"]) != (self._version + 1, value):
            self.wrong.append(answer)
        self._version, self._value = reached["version"], reached["dataValue"]
        self._ledger.values[self._name] = (self._version, self._value)

    def _refused_event(self) -> None:
        marker = self._marker()
        data = event(marker) | {"eventCategory": "no such category"}
        self._refused("POST", "users/me/analytics/", data, 400, marker)

    def _refused_value(self) -> None:
        marker = self._marker()
        data = {"dataValue": marker, "version": self._version + 1_000}
        self._refused("PUT", f"users/me/app-data/app/{self._name}/", data, 409, marker)

    def _refused_user(self) -> None:
        marker = self._marker()
        self._refused("POST", "users/", new_user(marker) | {"email": TAKEN}, 409, marker)


#: The e-mail address of a user who is there.
TAKEN = "admin@example.org"


def event(marker: str) -> dict[str, Any]:
    """Return an event that carries the marker."""
    return {"eventName": "survived", "eventCategory": "custom", "eventData": {"marker": marker}}


def new_user(marker: str) -> dict[str, Any]:
    """Return the fields of a user that carries the marker."""
    return {"email": f"{marker}@example.org", "name": marker}


@contextmanager
def writing(writers: list[Writer]) -> Iterator[None]:
    """Let the writers write during the block."""
    end = threading.Event()
    threads = [threading.Thread(target=writer.run, args=[end]) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()
