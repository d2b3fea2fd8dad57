"""How long the server runs: until the last process of the project has ended.

Each process holds a shared lock on one file for as long as it lives. At its end it asks for the
exclusive lock: whoever gets it was the last, and stops the server. The kernel lets go of the
lock of a process however that ends. Without ``fcntl`` (Windows) the server stays until
``chabad_mongod stop``.
"""

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from chabad_auth_django.contrib.embedded.errors import EmbeddedMongoError
from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.process import terminate
from chabad_auth_django.db import connection, testing

if sys.platform != "win32":
    import fcntl

#: Signals that end a process without its exit functions: of ``kill``, and of a closed terminal.
ENDING_SIGNALS = ("SIGTERM", "SIGHUP")

_guard = threading.Lock()
_joined: dict[Path, int] = {}


def join(folder: DataFolder) -> None:
    """Count this process among the users of *folder* until its end; once is enough.

    Raises ``EmbeddedMongoError`` if the folder cannot be made or locked.
    """
    if sys.platform == "win32":
        return
    with _guard:
        if folder.path not in _joined:
            folder.prepare()
            try:
                _joined[folder.path] = _lock_shared(folder)
            except OSError as error:
                raise EmbeddedMongoError(
                    f"The data folder {folder.path} cannot be locked: {error.strerror}."
                ) from error
            _leave_at_signals()


def resign(folder: DataFolder) -> None:
    """Take this process off the users of *folder* and leave the server as it is."""
    with _guard:
        descriptor = _joined.pop(folder.path, None)
        if descriptor is not None:
            os.close(descriptor)


def leave(folder: DataFolder) -> None:
    """Resign and, if that was the last user, stop the server unless it is to be kept."""
    resign(folder)
    # Everybody who ends at the same time comes to the same check under the lock: the last one
    # to get there stops the server, and a process that starts waits for the lock.
    if not _is_unused(folder):
        return
    with folder.lock():
        state = folder.read()
        if not state.keep and _is_unused(folder):
            terminate(folder, state.port)


def _lock_shared(folder: DataFolder) -> int:
    descriptor = os.open(folder.users, os.O_RDWR | os.O_CREAT, 0o644)
    if sys.platform != "win32":
        # Waits for an instant at most: nobody keeps the exclusive lock.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _is_unused(folder: DataFolder) -> bool:
    if sys.platform != "win32":
        with suppress(OSError), folder.users.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False


def _leave_all() -> None:
    if _joined:
        # A client that fills its pool just then would complain of the server's end on stderr.
        connection.close()
    for path in list(_joined):
        # The program is over: a server that cannot be stopped is found by the next one.
        with suppress(EmbeddedMongoError, OSError):
            leave(DataFolder(path))


def _leave_at_signals() -> None:
    """Let signals end the process as a program ends, unless it has handlers of its own."""
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in ENDING_SIGNALS):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:
    if testing.worker() is not None:
        # unittest and pytest take SystemExit for a test that fails, and would go on.
        raise KeyboardInterrupt
    sys.exit(128 + number)


def _rejoin_after_fork() -> None:
    # Whoever forked the child may end it by a signal and wait for that, as multiprocessing does.
    for number in (getattr(signal, name) for name in ENDING_SIGNALS):
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_DFL)
    # The child shares the parent's lock, and would keep it alive or give it up with its own.
    global _guard
    _guard = threading.Lock()
    for path, inherited in list(_joined.items()):
        with suppress(OSError):
            _joined[path] = _lock_shared(DataFolder(path))
            os.close(inherited)


atexit.register(_leave_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_rejoin_after_fork)
