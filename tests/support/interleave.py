"""Holding a thread between two commands, so that a race is not left to luck."""

import threading
from collections.abc import Callable
from typing import Any

from pymongo.monitoring import CommandListener


class Pause(CommandListener):
    """Run a call once, just before the first command that matches is sent.

    The sender waits for it; commands that the call itself sends do not count.
    """

    def __init__(self) -> None:
        self._matches: Callable[[str, Any], bool] | None = None
        self._call: Callable[[], object] | None = None
        self.error: Exception | None = None
        self.done = False

    def before(self, matches: Callable[[str, Any], bool], call: Callable[[], object]) -> None:
        """Run the call before the first command for which ``matches(name, command)`` is true."""
        self._matches, self._call = matches, call
        self.error, self.done = None, False

    def started(self, event: Any) -> None:
        if self._matches and self._matches(event.command_name, event.command):
            call, self._matches = self._call, None
            # A thread of its own: the sender may be inside a transaction.
            thread = threading.Thread(target=self._run, args=(call,))
            thread.start()
            thread.join()

    def _run(self, call: Callable[[], object]) -> None:
        try:
            call()
            self.done = True
        except Exception as error:
            self.error = error

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


def command(name: str, collection: str) -> Callable[[str, Any], bool]:
    """Return a predicate for the command of this name on the collection."""
    return lambda sent, body: sent == name and body.get(name) == collection
