"""Real processes for the tests of the embedded server, and the servers they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: A process of the project that uses the database, says where it is and waits for a line.
USER = """
import signal, sys, django
# Whoever runs the tests by "nohup" ignores it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
django.setup()
from chabad_auth_django.contrib.embedded import mongodb_uri
print(mongodb_uri(), flush=True)
sys.stdin.readline()
"""
PATIENCE = 60


def environment(data_dir: Path, **extra: str) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key != "MONGODB_URI"}
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    settings = {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "contrib.settings"}
    return inherited | settings | {"DATA_DIR": str(data_dir)} | extra


def run(data_dir: Path, code: str, *flags: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in a process of the project until it ends."""
    return subprocess.run(
        [sys.executable, *flags, "-c", code],
        env=environment(data_dir, **extra),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def manage(data_dir: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py chabad_mongod`` with *arguments*."""
    return subprocess.run(
        [sys.executable, "-m", "django", "chabad_mongod", *arguments],
        env=environment(data_dir, **extra),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


class User:
    """A process that uses the database until ``leave()`` or the end of the ``with`` block."""

    def __init__(self, data_dir: Path, code: str = USER, **extra: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment(data_dir, **extra),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> User:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    def line(self) -> str:
        """Wait for the next line of output, the URI first."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        """End the process as a program ends, and wait for that."""
        self.process.communicate("\n", timeout=PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=PATIENCE)


def mongods(data_dir: Path) -> list[int]:
    """The pids of the servers on *data_dir*, from the operating system."""
    table = subprocess.run(
        ["ps", "-axww", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True
    )
    found = []
    for row in table.stdout.splitlines():
        pid, state, arguments = row.split(maxsplit=2)
        if not state.startswith("Z") and f"--dbpath {data_dir.resolve()}/db " in arguments:
            found.append(int(pid))
    return found


def kill_mongods(data_dir: Path) -> None:
    for pid in mongods(data_dir):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not mongods(data_dir))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
