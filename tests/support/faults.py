"""Letting a server of a test die, or fail some commands."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
import pytest
from support.interleave import Pause

from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection

#: With this the server can be told to fail commands.
TEST_COMMANDS = {"enableTestCommands": 1}


@pytest.fixture(scope="module")
def breakable_server(
    our_server: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mongod]:
    """A server for the tests of a module, which may kill it; ``start()`` lets it run again."""
    server = Mongod(
        tmp_path_factory.mktemp("outages"), parameters=TEST_COMMANDS, database="test_outages"
    )
    server.start()
    yield server
    connection.close()
    server.stop()


@pytest.fixture
def pause() -> Pause:
    return Pause()


def kill(server: Mongod) -> None:
    """End the server with ``kill -9``."""
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while server.pid is not None:
        time.sleep(0.01)


@contextmanager
def failing(command: str, **how: Any) -> Iterator[None]:
    """Let the server fail each such command of ours."""
    admin = connection.get_client().admin
    data = {"failCommands": [command], "appName": "chabad_auth_django", **how}
    # Longer than the client of a test looks for a primary.
    with pymongo.timeout(60):
        admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=data)
    try:
        yield
    finally:
        with pymongo.timeout(60):
            admin.command("configureFailPoint", "failCommand", mode="off")
