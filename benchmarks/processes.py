"""The processes of the contestants: workers, and web servers."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chabad_auth_django.contrib.embedded.probe import free_port

ROOT = Path(__file__).resolve().parent.parent

#: Web server processes of each contestant, and threads of each in Python.
WORKERS = 2
THREADS = 4

#: Seconds until a server must answer.
START_TIMEOUT = 60


@dataclass(frozen=True)
class Contestant:
    """Somebody who takes part: commands that start its processes, and their environment.

    Who has no ``worker`` takes part over HTTP only.
    ``server`` is started with the number of a free port as its last argument; it listens there on
    127.0.0.1.
    """

    name: str
    title: str
    worker: Sequence[str]
    server: Sequence[str]
    environment: Mapping[str, str]


def python_contestant(
    name: str, title: str, works: str, wsgi: str, settings: str | None = None
) -> Contestant:
    """Return a contestant in Python, whose works and WSGI application are in these modules."""
    granian = f"-m granian --interface wsgi --workers {WORKERS} --blocking-threads {THREADS}"
    quiet = "--no-ws --log-level warning"
    return Contestant(
        name,
        title,
        worker=[sys.executable, "-m", "benchmarks.worker", works],
        server=[
            *(sys.executable, *granian.split(), *quiet.split(), f"{wsgi}:application"),
            *("--host", "127.0.0.1", "--port"),
        ],
        environment={"DJANGO_SETTINGS_MODULE": settings} if settings else {},
    )


class Worker:
    """The process that does a contestant's works."""

    def __init__(self, contestant: Contestant, environment: Mapping[str, str]) -> None:
        self._name = contestant.name
        self._process = subprocess.Popen(
            contestant.worker,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**environment, **contestant.environment},
            text=True,
        )

    def call(self, function: str, *calls: Mapping[str, Any]) -> tuple[float, Any]:
        """Call the function once for each mapping of arguments.

        Returns the seconds that it took and the last result; raises ``RuntimeError``.
        """
        assert self._process.stdin and self._process.stdout
        json.dump({"function": function, "calls": calls}, self._process.stdin)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The worker of {self._name} ended with {self._process.wait()}.")
        answer = json.loads(line)
        return answer["seconds"], answer["result"]

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()


@contextmanager
def workers(
    contestants: Sequence[Contestant], environment: Mapping[str, str]
) -> Iterator[dict[str, Worker]]:
    """Run a worker of each contestant."""
    running: dict[str, Worker] = {}
    try:
        for contestant in contestants:
            if contestant.worker:
                running[contestant.name] = Worker(contestant, environment)
        yield running
    finally:
        for worker in running.values():
            worker.stop()


@contextmanager
def servers(
    contestants: Sequence[Contestant], environment: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """Run a web server of each contestant; yield their addresses, such as ``127.0.0.1:8000``."""
    running: list[subprocess.Popen[bytes]] = []
    addresses = {}
    try:
        for contestant in contestants:
            port = free_port()
            address = addresses[contestant.name] = f"127.0.0.1:{port}"
            running.append(
                subprocess.Popen(
                    [*contestant.server, str(port)],
                    cwd=ROOT,
                    env={**environment, **contestant.environment},
                )
            )
            _wait_for(address, running[-1])
        yield addresses
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of the processes: ours, the source on the path, and the variables."""
    path = [str(ROOT), str(ROOT / "example_project"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), **variables}


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        connection = http.client.HTTPConnection(address, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"No server answers at {address}.") from None
            time.sleep(0.05)
        finally:
            connection.close()
