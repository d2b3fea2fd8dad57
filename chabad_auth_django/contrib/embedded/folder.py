"""The data folder: its files, its locks and what it remembers between processes."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from django.conf import settings

from chabad_auth_django.contrib.embedded.conf import conf
from chabad_auth_django.contrib.embedded.errors import EmbeddedMongoError

if sys.platform != "win32":
    import fcntl

#: Seconds to wait for another process that starts or stops the server.
LOCK_TIMEOUT = 120.0


def _project_folder() -> Path:
    """Return the folder of the project; the current one would make a database for each folder."""
    if base := getattr(settings, "BASE_DIR", None):
        return Path(base)
    name = getattr(settings, "SETTINGS_MODULE", "")
    if not (file := getattr(sys.modules.get(name), "__file__", None)):
        return Path.cwd()
    path = Path(file).resolve()
    return path.parents[name.count(".") + (path.stem == "__init__")]


@dataclass
class State:
    """Hold what outlives the server: its TCP port, and whether it stays without users."""

    port: int | None = None
    keep: bool = False


class DataFolder:
    """Name the files of one server's data folder and guard them against other processes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().resolve()
        self.db = self.path / "db"
        self.log = self.path / "mongod.log"
        self.users = self.path / "users.lock"
        self._state = self.path / "server.json"

    @classmethod
    def from_settings(cls) -> Self:
        """Return the folder that the setting ``EMBEDDED_DATA_DIR`` names at this moment."""
        return cls(conf.EMBEDDED_DATA_DIR or _project_folder() / "mongodb-data")

    def prepare(self) -> None:
        """Create the folder where it is missing; raise ``EmbeddedMongoError`` if it cannot be."""
        try:
            self.db.mkdir(parents=True, exist_ok=True)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise EmbeddedMongoError(
                f"The data folder {self.path} cannot be made: {error.strerror}."
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process and thread from starting or stopping the server.

        Raises ``EmbeddedMongoError`` if the lock is not free within ``LOCK_TIMEOUT`` seconds.
        """
        # Part of the extra: a production install imports this module and lacks the package.
        try:
            from filelock import FileLock, Timeout  # noqa: PLC0415
        except ImportError as error:
            raise EmbeddedMongoError(
                "The package filelock is missing: install chabad-auth-django with the extra "
                '"embedded".'
            ) from error
        lock = FileLock(self.path / "start.lock")
        try:
            lock.acquire(timeout=LOCK_TIMEOUT)
        except Timeout as error:
            raise EmbeddedMongoError(
                f"Another process has been starting or stopping the server in {self.path} for "
                f"{LOCK_TIMEOUT:.0f} seconds."
            ) from error
        except OSError as error:
            raise EmbeddedMongoError(
                f"The data folder {self.path} cannot be locked: {error.strerror}."
            ) from error
        try:
            yield
        except OSError as error:
            raise EmbeddedMongoError(
                f"The data folder {self.path} cannot be used: {error}"
            ) from error
        finally:
            lock.release()

    def read(self) -> State:
        """Return the state that was written last; an empty one if there is none to read."""
        try:
            data = json.loads(self._state.read_text())
            port, keep = data["port"], data["keep"]
        except (OSError, ValueError, TypeError, KeyError):
            return State()
        valid = isinstance(port, int) and 0 < port < 2**16
        return State(port if valid else None, keep is True)

    def write(self, state: State) -> None:
        """Replace the state; a process killed while it does leaves the old one or the new one."""
        temporary = self._state.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(state)))
        temporary.replace(self._state)

    def in_use(self) -> bool:
        """Tell whether a ``mongod`` runs on the folder; call it under ``lock()`` only.

        The pid in ``mongod.lock`` proves nothing, but the server locks that file and the kernel
        lets go of the lock however the server ends. To ask is to hold the lock for an instant,
        and a server that starts in it would fail: hence the condition.
        """
        try:
            file = (self.db / "mongod.lock").open("r+b")
        except PermissionError:
            # On Windows the server opens the file for itself alone.
            return sys.platform == "win32"
        except OSError:
            return False
        with file:
            if sys.platform != "win32":
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    return True
        return False

    def holder(self) -> int | None:
        """Return the pid in ``mongod.lock``, to be believed only while the folder is in use."""
        try:
            return int((self.db / "mongod.lock").read_text())
        except (OSError, ValueError):
            return None

    def size(self) -> int:
        """Return the bytes of all files in the folder."""
        total = 0
        for file in self.path.rglob("*"):
            # The server removes files while they are being counted.
            with suppress(OSError):
                total += file.stat().st_size if file.is_file() else 0
        return total
