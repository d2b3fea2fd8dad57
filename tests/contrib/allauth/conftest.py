"""A host project with django-allauth: one process for each module of tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.allauth_host import Host
from support.databases import Server

Run = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def host(replica_set_server: Server) -> Iterator[Host]:
    host = Host(replica_set_server.uri)
    yield host
    host.close()


@pytest.fixture
def run(host: Host, mongodb: str) -> Run:
    """Run code in the host project, on an empty database; return what it told."""
    return host.run
