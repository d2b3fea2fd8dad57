"""Processes of their own: running a host project's commands in one, and suspending one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

TESTS = Path(__file__).parent.parent


def python_path() -> str:
    """Return ``PYTHONPATH`` for a process that finds the tests, and the package as they did."""
    return os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))


def python(
    *arguments: str,
    cwd: Path,
    stdin: IO[Any] | None = None,
    timeout: float = 60,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder that holds no package, as the tests found theirs."""
    inherited = {name: value for name, value in os.environ.items() if name != "MONGODB_URI"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        stdin=stdin,
        env=inherited
        | {"PYTHONPATH": python_path(), "DJANGO_SETTINGS_MODULE": "support.settings"}
        | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def django_admin(
    *arguments: str, cwd: Path, stdin: IO[Any] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a management command."""
    return python("-m", "django", *arguments, cwd=cwd, stdin=stdin, **environment)


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
