"""Signals that end a command: each of them cleans up, as Ctrl-C does."""

import signal
from types import FrameType
from typing import NoReturn

from chabad_auth_django import end_in_one_line

#: With these a service manager, ``timeout`` or a terminal that was closed ends a command.
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def catch_signals(*, is_process: bool) -> None:
    """Let Ctrl-C, and in a process of its own the other signals, raise ``KeyboardInterrupt``."""
    if signal.getsignal(signal.SIGINT) is end_in_one_line:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in ENDING if is_process else ():
        # "nohup" has one of them ignored.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def exit_status(error: KeyboardInterrupt) -> int:
    """Return what a shell reports of a command that the signal has killed."""
    return 128 + next(iter(error.args), signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)
