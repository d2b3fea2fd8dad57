"""Running a host project's commands in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

TESTS = Path(__file__).parent.parent


def python_path() -> str:
    """Return ``PYTHONPATH`` for a process that finds the tests, and the package as they did."""
    return os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))


def python(
    *arguments: str, cwd: Path, stdin: IO[Any] | None = None, **environment: str
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
        timeout=60,
        check=False,
    )


def django_admin(
    *arguments: str, cwd: Path, stdin: IO[Any] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a management command."""
    return python("-m", "django", *arguments, cwd=cwd, stdin=stdin, **environment)
