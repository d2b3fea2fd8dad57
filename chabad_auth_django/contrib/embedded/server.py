"""One ``mongod`` on one data folder, shared by every process that asks for it."""

import os
import subprocess
import time
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pymongo.errors import PyMongoError

from chabad_auth_django.contrib.embedded.binary import find_mongod
from chabad_auth_django.contrib.embedded.errors import ServerError
from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.probe import (
    HOST,
    Identity,
    becomes_free,
    free_port,
    identify,
    is_free,
)
from chabad_auth_django.contrib.embedded.process import death, last_message, spawn, terminate
from chabad_auth_django.contrib.embedded.replica import ensure_primary

#: Seconds until a server that was started must answer and take writes.
START_TIMEOUT = 60.0
#: How often another port is tried when somebody takes the chosen one first.
PORT_ATTEMPTS = 5
#: mongod's exit status when it cannot listen on its port.
EXIT_NET_ERROR = 48
#: Megabytes; the default is a twentieth of the disk.
OPLOG_SIZE = 128
#: The default writes 300 MB of journal for an empty database.
JOURNAL = "log=(prealloc=false,file_max=16MB)"


@dataclass(frozen=True)
class Status:
    """Describe a server; ``uri``, ``pid`` and ``version`` are ``None`` while it is stopped."""

    running: bool
    uri: str | None
    pid: int | None
    data_dir: Path
    version: str | None
    size: int
    keep: bool


class Mongod:
    """Run a ``mongod`` on *data_dir*, on 127.0.0.1 only.

    *replica_set* is the name of its one-member replica set, ``None`` for a standalone server;
    *parameters* go to ``--setParameter``; *cache_size_gb* is in gigabytes; *port* ``None`` takes
    the port of the last run if that is free; *database* is the one that the URI names.
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str],
        *,
        replica_set: str | None = "rs0",
        parameters: Mapping[str, str | int | float | bool] | None = None,
        cache_size_gb: float = 0.5,
        port: int | None = None,
        database: str = "chabad_auth",
    ) -> None:
        self.replica_set = replica_set
        self.parameters = dict(parameters or {})
        self.cache_size_gb = cache_size_gb
        self.port = port
        self.database = database
        self._folder = DataFolder(data_dir)

    @property
    def data_dir(self) -> Path:
        """Return the absolute path of the data folder."""
        return self._folder.path

    @property
    def pid(self) -> int | None:
        """Return the process id of the server that answers now, ``None`` if none does."""
        server = self._answering(self._folder.read().port)
        return server.pid if server else None

    def start(self, *, keep: bool = False) -> str:
        """Start the server unless it runs, and return its URI once it takes writes.

        With *keep* it stays until ``stop()``, also when no process uses it any more. Raises
        ``BinaryError`` if there is no ``mongod`` that runs here, ``ServerError`` if it does not
        start or runs with another replica set.
        """
        # In a fresh context: a start may take longer than the caller's ``pymongo.timeout`` leaves.
        return Context().run(self._start, keep)

    def _start(self, keep: bool) -> str:
        self._folder.prepare()
        with self._folder.lock():
            port = self._adopt() or self._launch()
            if self.replica_set is not None:
                self._ensure_primary(port, self.replica_set)
            if keep:
                state = self._folder.read()
                state.keep = True
                self._folder.write(state)
        return self._uri(port)

    def stop(self) -> bool:
        """Stop the server and wait for its end; return whether one ran.

        Raises ``ServerError`` if it does not end.
        """
        if not self._folder.path.is_dir():
            return False
        with self._folder.lock():
            state = self._folder.read()
            if state.keep:
                state.keep = False
                self._folder.write(state)
            return terminate(self._folder, state.port)

    def status(self) -> Status:
        """Return what is known about the server; ask it, but wait for nobody."""
        state = self._folder.read()
        server = self._answering(state.port)
        return Status(
            running=server is not None,
            uri=self._uri(state.port) if server and state.port else None,
            pid=server.pid if server else None,
            data_dir=self._folder.path,
            version=server.version if server else None,
            size=self._folder.size(),
            keep=state.keep,
        )

    def arguments(self, port: int) -> list[str]:
        """Return the command line of a server on *port*, without the program."""
        arguments = ["--dbpath", str(self._folder.db), "--port", str(port), "--bind_ip", HOST]
        arguments += ["--wiredTigerCacheSizeGB", str(self.cache_size_gb), "--quiet"]
        arguments += ["--wiredTigerEngineConfigString", JOURNAL]
        if os.name == "posix":
            arguments.append("--nounixsocket")
        if self.replica_set is not None:
            arguments += ["--replSet", self.replica_set, "--oplogSize", str(OPLOG_SIZE)]
        for name, value in ({"diagnosticDataCollectionEnabled": False} | self.parameters).items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["--setParameter", f"{name}={text}"]
        return arguments

    def _uri(self, port: int) -> str:
        query = f"?replicaSet={quote(self.replica_set)}" if self.replica_set else ""
        return f"mongodb://{HOST}:{port}/{quote(self.database)}{query}"

    def _answering(self, port: int | None) -> Identity | None:
        """Return the server on *port* if it is the one on our data folder."""
        server = identify(port) if port else None
        return server if server and server.db_path == self._folder.db else None

    def _adopt(self) -> int | None:
        """Return the port of the server that runs on the folder, ``None`` if none does."""
        port = self._folder.read().port
        deadline = time.monotonic() + START_TIMEOUT
        # One that runs and does not answer was started by a process that is dead by now.
        while self._folder.in_use():
            if server := self._answering(port):
                if server.replica_set != self.replica_set:
                    raise ServerError(
                        f"The server on {self.data_dir} runs with the replica set "
                        f"{server.replica_set!r}, not {self.replica_set!r}: stop it first."
                    )
                return port
            if time.monotonic() > deadline:
                raise ServerError(
                    f"A mongod (pid {self._folder.holder()}) holds {self.data_dir} and does not "
                    f"answer on port {port}: end that process."
                )
            time.sleep(0.05)
        return None

    def _launch(self) -> int:
        """Start a server and return its port once it answers."""
        binary = find_mongod()
        for attempt in range(PORT_ATTEMPTS):
            port = self._choose_port(retry=attempt > 0)
            # Before the start: whoever comes after us, if we are killed, must find the server.
            state = self._folder.read()
            state.port = port
            self._folder.write(state)
            process = spawn(binary, self.arguments(port), self._folder)
            status = self._wait(process, port)
            if status is None:
                return port
            # One whose starter was killed a moment ago may have been faster to lock the folder.
            if adopted := self._adopt():
                return adopted
            error = death(binary, status, self._folder)
            if self.port is not None or (status != EXIT_NET_ERROR and is_free(port)):
                break
        raise error

    def _wait(self, process: subprocess.Popen[bytes], port: int) -> int | None:
        """Return ``None`` once *process* answers on *port*, its exit status if it ends instead."""
        deadline = time.monotonic() + START_TIMEOUT
        while (status := process.poll()) is None:
            if self._answering(port):
                return None
            if time.monotonic() > deadline:
                process.kill()
                raise ServerError(
                    f"mongod did not answer on port {port} within {START_TIMEOUT:.0f} seconds "
                    f"(see {self._folder.log})."
                )
            time.sleep(0.02)
        return status

    def _ensure_primary(self, port: int, name: str) -> None:
        try:
            ensure_primary(port, name, START_TIMEOUT)
        except PyMongoError as error:
            raise ServerError(
                f"mongod does not serve the replica set {name!r}: {error}; "
                f"{last_message(self._folder.log)} (see {self._folder.log})"
            ) from error

    def _choose_port(self, *, retry: bool) -> int:
        if self.port is not None:
            if not becomes_free(self.port):
                raise ServerError(f"Port {self.port} is taken by another program.")
            return self.port
        last = self._folder.read().port
        return last if last and not retry and becomes_free(last) else free_port()
