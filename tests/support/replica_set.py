"""A replica set of three real servers on 127.0.0.1, any of which a test may break."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError
from support.processes import suspend

from chabad_auth_django.contrib.embedded.probe import HOST, connect, free_port
from chabad_auth_django.contrib.embedded.server import Mongod

NAME = "test_survival"

#: Seconds until the set must have a primary and every member follow it.
PATIENCE = 90

PRIMARY, SECONDARY = 1, 2


class Member(Mongod):
    """A server that waits for somebody else to make it a member."""

    def _ensure_primary(self, port: int, name: str) -> None:
        pass

    def kill(self) -> None:
        """End the server with ``kill -9``."""
        pid = self._running_pid()
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the server neither work nor die during the block."""
        pid = self._running_pid()
        suspend(pid)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def not_replicating(self) -> Iterator[None]:
        """Let the server fetch nothing; it must have been started with test commands."""
        for mode in ("alwaysOn", "off"):
            with connect(self.listening) as client:
                client.admin.command("configureFailPoint", "stopReplProducer", mode=mode)
            if mode == "alwaysOn":
                yield

    @property
    def listening(self) -> int:
        """The port."""
        assert self.port is not None
        return self.port

    def _running_pid(self) -> int:
        pid = self.pid
        assert pid is not None
        return pid


class ReplicaSet:
    """Three members; ``election_timeout`` is in seconds."""

    def __init__(
        self, folder: Path, *, election_timeout: float, parameters: Mapping[str, Any] | None = None
    ) -> None:
        self.election_timeout = election_timeout
        self.uri = ""
        self.members: list[Member] = []
        self._folder, self._parameters = folder, parameters

    def start(self) -> None:
        """Start the members and wait until all follow one primary."""
        for number in range(3):
            member = Member(
                self._folder / f"member{number}",
                replica_set=NAME,
                parameters=self._parameters,
                cache_size_gb=0.25,
                # The others know it by this one, so it must be the same after a restart.
                port=free_port(),
                database=NAME,
            )
            self.members.append(member)
            member.start()
        hosts = [f"{HOST}:{member.listening}" for member in self.members]
        self.uri = f"mongodb://{','.join(hosts)}/{NAME}?replicaSet={NAME}"
        config = {
            "_id": NAME,
            "members": [{"_id": number, "host": host} for number, host in enumerate(hosts)],
            "settings": {"electionTimeoutMillis": int(self.election_timeout * 1000)},
        }
        with connect(self.members[0].listening) as client:
            client.admin.command("replSetInitiate", config)
        self.wait_until_whole()

    def stop(self) -> None:
        """End the members; a clean end would take a primary 15 seconds."""
        for member in self.members:
            if member.pid is not None:
                member.kill()

    @contextmanager
    def client(self, **options: Any) -> Iterator[pymongo.MongoClient[dict[str, Any]]]:
        """Return a client of its own, as another program has it."""
        with pymongo.MongoClient(self.uri, tz_aware=True, **options) as client:
            yield client

    def primary(self) -> Member:
        """Return the member that takes writes, once there is one."""
        with self.client(serverSelectionTimeoutMS=PATIENCE * 1000) as client:
            client.admin.command("ping")
            assert client.primary is not None
            port = client.primary[1]
        return next(member for member in self.members if member.listening == port)

    def secondaries(self) -> list[Member]:
        """Return the others."""
        primary = self.primary()
        return [member for member in self.members if member is not primary]

    def step_down(self) -> None:
        """Make the primary hand over."""
        with self.client() as client:
            client.admin.command("replSetStepDown", 30)

    def wait_until_whole(self) -> None:
        """Wait until there is a primary and all others follow it."""
        deadline = time.monotonic() + PATIENCE
        while sorted(self._states()) != [PRIMARY, SECONDARY, SECONDARY]:
            assert time.monotonic() < deadline, self._states()
            time.sleep(0.1)

    def _states(self) -> list[int]:
        try:
            with self.client(serverSelectionTimeoutMS=2_000) as client:
                status = client.admin.command("replSetGetStatus")
        except PyMongoError:
            return []
        return [member["state"] for member in status["members"]]
