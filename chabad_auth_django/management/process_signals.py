"""Signals that end a command: each of them cleans up, as Ctrl-C does."""

import atexit
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from chabad_auth_django import end_in_one_line

#: With these a service manager, ``timeout`` or a terminal that was closed ends a command.
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def catch_signals(*, is_process: bool) -> Iterator[None]:
    """Let Ctrl-C, and in a process of its own the other signals, raise ``KeyboardInterrupt``."""
    if signal.getsignal(signal.SIGINT) is end_in_one_line:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # While Python ends the process, it would tell of the exception with a traceback.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_DFL)
    # What the parent ignores stays ignored, as SIGHUP under "nohup".
    caught = [n for n in ENDING if is_process and signal.getsignal(n) is signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        # Nothing is left to clean up.
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def exit_status(error: KeyboardInterrupt) -> int:
    """Return what a shell reports of a command that the signal has killed."""
    return 128 + next(iter(error.args), signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)
