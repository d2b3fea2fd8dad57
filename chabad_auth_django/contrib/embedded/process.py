"""The operating system's side: start ``mongod``, stop it, and read why it died."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from chabad_auth_django.contrib.embedded.errors import BinaryError, EmbeddedMongoError, ServerError
from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.probe import shut_down

#: Seconds that a server may take to stop: it answers its open requests first.
STOP_TIMEOUT = 40.0
#: The status with which a loader or a shell says that the program cannot run here.
CANNOT_EXECUTE = (126, 127)

if sys.platform == "win32":
    _DETACHED = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _DETACHED = 0


def spawn(binary: Path, arguments: Sequence[str], folder: DataFolder) -> subprocess.Popen[bytes]:
    """Start *binary* in a session of its own, with its output in the folder's log.

    Raises ``BinaryError`` if the operating system cannot execute it.
    """
    with suppress(OSError):
        folder.log.replace(folder.log.with_suffix(".log.1"))
    with folder.log.open("wb") as log:
        try:
            process = subprocess.Popen(  # noqa: S603 - find_mongod() and numbers, no shell
                [str(binary), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder.path,
                start_new_session=True,
                creationflags=_DETACHED,
            )
        except OSError as error:
            raise BinaryError(_unusable(binary, str(error.strerror))) from error
    # Somebody must collect the exit status, or a server that dies stays as a zombie.
    threading.Thread(target=process.wait, name="mongod-reaper", daemon=True).start()
    return process


def death(binary: Path, status: int, folder: DataFolder) -> EmbeddedMongoError:
    """Return the error that says why *binary* ended with *status*, taken from its log."""
    reason = last_message(folder.log)
    if status in CANNOT_EXECUTE:
        return BinaryError(_unusable(binary, reason))
    return ServerError(
        f"mongod ended at its start with status {status}: {reason} (see {folder.log})"
    )


def last_message(log: Path) -> str:
    """Return the last line of *log* that tells a person what went wrong."""
    plain, grave, last = "", "", "no message"
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in filter(None, map(str.strip, lines)):
        try:
            entry = json.loads(line)
            last = str(entry["msg"])
        except (ValueError, TypeError, KeyError):
            plain = line
            continue
        error = entry.get("attr", {}).get("error")
        if entry.get("s") in ("E", "F") and error:
            detail = error.get("errmsg", error) if isinstance(error, dict) else error
            grave = f"{last}: {detail}"
    return " ".join((grave or plain or last).split())


def terminate(folder: DataFolder, port: int | None) -> bool:
    """Stop the server on *folder* cleanly; return whether there was one.

    Call it under ``folder.lock()``. Raises ``ServerError`` if it runs on after ``STOP_TIMEOUT``.
    """
    if not folder.in_use():
        return False
    pid = folder.holder()
    if sys.platform == "win32":
        shut_down(port)
    elif pid is not None and _runs_here(pid, folder):
        # No client of MongoDB: this runs at exit, when Python starts no thread any more.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    else:
        raise ServerError(f"The mongod on {folder.path} runs elsewhere, in another container.")
    if not _wait_until_free(folder, STOP_TIMEOUT):
        raise ServerError(f"mongod (pid {pid}) still runs {STOP_TIMEOUT:.0f} seconds after stop.")
    return True


def _wait_until_free(folder: DataFolder, timeout: float) -> bool:
    """Wait until no server uses *folder*; return whether that came within *timeout* seconds."""
    deadline = time.monotonic() + timeout
    while folder.in_use():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _runs_here(pid: int, folder: DataFolder) -> bool:
    # In a folder shared between containers the pid may be another program's here.
    if not Path("/proc/self/cmdline").exists():
        return True
    with suppress(OSError):
        return os.fsencode(folder.db) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False


def _unusable(binary: Path, reason: str) -> str:
    return (
        f"This machine cannot execute {binary}: {reason}. Install what is missing, or set "
        "MONGODB_URI to a server that runs."
    )
