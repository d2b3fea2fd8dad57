"""Processes that a test can kill: forked, in milliseconds, from one that has imported everything.

A process stops itself (SIGSTOP) once its connection is warm, so that ``go()`` starts the work of
several of them at the same instant. ``python -m support.fork_server`` is the other end.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from pymongo.monitoring import CommandListener
from support.processes import python_path
from support.ready import Interpreter

#: Seconds after which a process that nobody killed ends by itself.
LIFETIME = 120


class Process:
    """One forked process, stopped until ``go()``."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._status: int | None = None

    def go(self) -> None:
        """Let the work begin."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the process with ``kill -9``."""
        # It is not reaped before wait(), so the pid cannot be another process's by now.
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return the exit status: 0, 1 after an exception, ``-signal.SIGKILL`` when killed."""
        if self._status is None:
            self._status = self._server.ask(wait=self.pid)
        return self._status


class ForkServer(Interpreter):
    """Start processes that run one function of ``support.jobs``."""

    def __init__(self) -> None:
        changes = {"PYTHONPATH": python_path(), "DJANGO_SETTINGS_MODULE": "support.settings"}
        super().__init__("-m", "support.fork_server", environment=os.environ | changes)

    def start(
        self,
        job: str,
        settings: dict[str, Any],
        *,
        crash: tuple[str, int] | None = None,
        **arguments: Any,
    ) -> Process:
        """Fork a process that is about to run the job with these ``CHABAD_AUTH`` settings.

        ``crash=("before", 3)`` makes it kill itself before it sends its third command to MongoDB,
        ``("after", 3)`` when the server has answered that.
        """
        order = {"job": job, "settings": settings, "crash": crash, "arguments": arguments}
        return Process(self, self.ask(**order))


def crashes(start: Callable[[tuple[str, int]], Process]) -> Iterator[tuple[str, int]]:
    """Kill a process before and after each command that it sends, until it gets to its end.

    ``start`` is given the moment for ``ForkServer.start``; each is yielded after the death.
    """
    for moment in ("before", "after"):
        for number in itertools.count(1):
            process = start((moment, number))
            process.go()
            status = process.wait()
            assert status in (0, -signal.SIGKILL), "The process raised an exception: see above."
            if status == 0:
                assert number > 1, "No command was sent."
                break
            yield moment, number


class Crash(CommandListener):
    """Kill the process at a command that it sends to MongoDB."""

    def __init__(self, moment: str, number: int) -> None:
        self.moment, self.left = moment, number
        self.armed = False

    def started(self, event: Any) -> None:
        self.left -= self.armed
        self._strike("before")

    def succeeded(self, event: Any) -> None:
        self._strike("after")

    def failed(self, event: Any) -> None:
        self._strike("after")

    def _strike(self, moment: str) -> None:
        if self.armed and self.left == 0 and moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


def _serve() -> None:
    import django

    django.setup()
    import support.jobs  # noqa: F401 - for the children

    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            children.discard(order["wait"])
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _run(**order)
            children.add(answer)
            os.waitpid(answer, os.WUNTRACED)
        print(answer, flush=True)
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _run(
    job: str, settings: dict[str, Any], crash: list[Any] | None, arguments: dict[str, Any]
) -> None:
    from django.conf import settings as django_settings
    from support import jobs

    from chabad_auth_django.db import connection
    from chabad_auth_django.models import User

    signal.alarm(LIFETIME)
    try:
        listener = Crash(*crash) if crash else None
        options = {**settings.get("MONGODB_OPTIONS", {}), "minPoolSize": 0}
        if listener:
            options["event_listeners"] = [listener]
        django_settings.CHABAD_AUTH = {**settings, "MONGODB_OPTIONS": options}
        if connection.supports_transactions():
            connection.get_client().start_session().end_session()
        User.find_by_email("nobody@example.org")
        os.kill(os.getpid(), signal.SIGSTOP)
        if listener:
            listener.armed = True
        getattr(jobs, job)(**arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    _serve()
