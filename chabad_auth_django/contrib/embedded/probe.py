"""What the server on a port says about itself."""

import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

HOST = "127.0.0.1"
#: Milliseconds that a server may take to answer.
ANSWER_TIMEOUT = 5000
#: Seconds that a server which ends may hold its port after it has let go of its data.
LINGER = 1.0
#: Below those that systems hand out to clients, which would take ours while the server is down.
PORTS = range(20_000, 30_000)


@dataclass(frozen=True)
class Identity:
    """Hold the process id, version, data path and replica set name that a server reports."""

    pid: int
    version: str
    db_path: Path
    replica_set: str | None


def connect(port: int, patience: int = ANSWER_TIMEOUT) -> MongoClient[dict[str, Any]]:
    """Return a client of exactly the server on *port*, whatever its replica set says.

    It looks for the server for *patience* milliseconds.
    """
    return MongoClient(
        HOST,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=patience,
        connectTimeoutMS=ANSWER_TIMEOUT,
        socketTimeoutMS=ANSWER_TIMEOUT,
    )


def identify(port: int) -> Identity | None:
    """Return what the MongoDB server on *port* is, ``None`` if none answers there now."""
    # A refused connection is known at once; the driver would try again until its timeout.
    try:
        socket.create_connection((HOST, port), ANSWER_TIMEOUT / 1000).close()
    except OSError:
        return None
    try:
        with connect(port, patience=1000) as client:
            options = client.admin.command("getCmdLineOpts")["parsed"]
            status = client.admin.command("serverStatus")
    except PyMongoError:
        return None
    return Identity(
        pid=int(status["pid"]),
        version=str(status["version"]),
        db_path=Path(options.get("storage", {}).get("dbPath", "")),
        replica_set=options.get("replication", {}).get("replSet"),
    )


def becomes_free(port: int) -> bool:
    """Tell whether a server could listen on *port*, now or within ``LINGER`` seconds."""
    deadline = time.monotonic() + LINGER
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    while not is_free(port := secrets.choice(PORTS)):
        pass
    return port


def shut_down(port: int | None) -> None:
    """Ask the server on *port* to end, where there are no signals; do not wait for it."""
    if port is not None:
        # The server ends without an answer.
        with suppress(PyMongoError), connect(port) as client:
            client.admin.command("shutdown", force=True)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on *port* now."""
    with socket.socket() as probe:
        # As mongod does: connections that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
