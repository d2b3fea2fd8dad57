"""Processes forked from an interpreter that has set up a host project already.

All that is not as in a start is that imports and preparations are not repeated. What a start itself
does is for ``support.processes.python``. ``python -m support.ready`` is the other end.
"""

import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_module

CHECKED = [f"django.core.management.commands.{name}" for name in ("makemigrations", "migrate")]

#: Seconds after which a program is ended.
LIFETIME = 60

FLAGS = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)


class Interpreter:
    """Another interpreter, which answers each order with a line."""

    def __init__(self, *arguments: str, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            # Not from here: the package under test may be an installed one.
            [sys.executable, "-P", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, **order: Any) -> int:
        """Send an order and return the answer."""
        assert self._process.stdin and self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the interpreter, and what it is to end."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Ready(Interpreter):
    """An interpreter that has set up the host project and has run the preparation."""

    def __init__(self, environment: Mapping[str, str], preparation: str) -> None:
        super().__init__("-W", "error", "-m", "support.ready", preparation, environment=environment)

    def run(
        self,
        program: str,
        *arguments: str,
        files: tuple[str, Path, Path],
        cwd: Path,
        environment: Mapping[str, str],
    ) -> int:
        """Run the program, which sees the names of the preparation, and return its status.

        ``files`` are those of standard input, output and error.
        """
        return self.ask(
            program=program,
            arguments=arguments,
            files=[str(file) for file in files],
            cwd=str(cwd),
            environment=dict(environment),
        )


def _serve(preparation: str) -> None:
    django.setup()
    # What the checks of each command import.
    for module in (*CHECKED, getattr(settings, "ROOT_URLCONF", "django.urls")):
        import_module(module)
    names: dict[str, Any] = {"__name__": "__main__", "sys": sys}
    exec(preparation, names)
    gc.freeze()
    for line in sys.stdin:
        process = multiprocessing.get_context("fork").Process(
            target=_run, args=(json.loads(line), names)
        )
        process.start()
        process.join()
        print(process.exitcode, flush=True)


def _run(order: dict[str, Any], names: dict[str, Any]) -> None:
    _become(order)
    exec(order["program"], names)


def _become(order: dict[str, Any]) -> None:
    for number, (file, flags) in enumerate(zip(order["files"], FLAGS, strict=True)):
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["django-admin", *order["arguments"]]
    signal.alarm(LIFETIME)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    # It is the one that looks at the environment in a start.
    apps.get_app_config("chabad_auth").ready()


if __name__ == "__main__":
    _serve(sys.argv[1])
