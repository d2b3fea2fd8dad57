"""Processes of their own: running a host project's code in one, and suspending one."""

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

from support.ready import Ready

TESTS = Path(__file__).parent.parent

COMMAND = "from django.core.management import execute_from_command_line as run; run(sys.argv)"


def python_path() -> str:
    """Return ``PYTHONPATH`` for a process that finds the tests, and the package as they did."""
    return os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))


def python(
    *arguments: str, cwd: Path, timeout: float = 200, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder that holds no package, as the tests found theirs."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_code(
    code: str, *, cwd: Path, preparation: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run code in a process of a host project that is set up and has run the preparation."""
    return _fork(code, cwd=cwd, preparation=preparation, environment=environment)


def django_admin(
    *arguments: str, cwd: Path, stdin: IO[Any] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a management command in a process of its own."""
    return _fork(COMMAND, *arguments, cwd=cwd, stdin=stdin, environment=environment)


def _fork(
    program: str,
    *arguments: str,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: IO[Any] | None = None,
    preparation: str = "",
) -> subprocess.CompletedProcess[str]:
    everything = _environment(environment)
    read = f"/proc/{os.getpid()}/fd/{stdin.fileno()}" if stdin else os.devnull
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        status = _ready(everything["DJANGO_SETTINGS_MODULE"], preparation).run(
            program, *arguments, files=(read, out, err), cwd=cwd, environment=everything
        )
        return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())


@cache
def _ready(settings: str, preparation: str) -> Ready:
    ready = Ready(_environment({"DJANGO_SETTINGS_MODULE": settings}), preparation)
    atexit.register(ready.close)
    return ready


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "MONGODB_URI"}
    ours = {"PYTHONPATH": python_path(), "DJANGO_SETTINGS_MODULE": "support.settings"}
    return {**inherited, **ours, **changes}


def suspend(pid: int) -> None:
    """Stop a process with SIGSTOP; return when all of its threads have come to a halt.

    The signal takes effect only when the process gets to run, and other threads run on until then.
    """
    os.kill(pid, signal.SIGSTOP)
    while any(_state(thread) != "T" for thread in Path(f"/proc/{pid}/task").iterdir()):
        time.sleep(0.001)


def _state(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # It has just ended.
        return ""
