"""A replica set of one member: initiate it, and follow the server to another port."""

import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from chabad_auth_django.contrib.embedded.errors import ServerError
from chabad_auth_django.contrib.embedded.probe import HOST, connect

ALREADY_INITIALIZED = 23
NOT_YET_INITIALIZED = 94


def ensure_primary(port: int, name: str, timeout: float) -> None:
    """Make the server on *port* the primary of the replica set *name* and wait until it is.

    Raises ``ServerError`` after *timeout* seconds, or if the data belongs to another set, and
    ``pymongo.errors.PyMongoError`` if the server goes away.
    """
    deadline = time.monotonic() + timeout
    with connect(port) as client:
        # Not replSetGetConfig: while the server loads its configuration, that answers as if
        # there were none.
        config = client.local["system.replset"].find_one()
        if config is None:
            _initiate(client, name, f"{HOST}:{port}")
        elif config["_id"] != name:
            raise ServerError(f"The data belongs to a replica set {config['_id']!r}, not {name!r}.")
        elif config["members"][0]["host"] != f"{HOST}:{port}":
            _move(client, config, f"{HOST}:{port}", deadline)
        while not client.admin.command("hello")["isWritablePrimary"]:
            if time.monotonic() > deadline:
                raise ServerError(f"The replica set has no primary after {timeout:.0f} seconds.")
            time.sleep(0.02)


def _initiate(client: MongoClient[dict[str, Any]], name: str, host: str) -> None:
    try:
        client.admin.command(
            "replSetInitiate", {"_id": name, "members": [{"_id": 0, "host": host}]}
        )
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise


def _move(
    client: MongoClient[dict[str, Any]], config: dict[str, Any], host: str, deadline: float
) -> None:
    config["members"][0]["host"] = host
    config["version"] += 1
    while True:
        try:
            client.admin.command("replSetReconfig", config, force=True)
        except OperationFailure as error:
            # The server looks for itself on the old port first, for 30 seconds if the program
            # that listens there never answers.
            if error.code != NOT_YET_INITIALIZED or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
