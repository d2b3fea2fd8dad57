"""A host project with the pages for staff: one process for each module of tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.allauth_host import Host
from support.databases import Server

Run = Callable[[str], list[Any]]

BEGIN = """
from support import staff
from support.staff import *
from support.staff_people import HOSTILE, fill, make
from chabad_auth_django.services.identity import search
# The machine may be slow.
search.TIMEOUT = 60
"""


@pytest.fixture(scope="module")
def host(replica_set_server: Server) -> Iterator[Host]:
    host = Host(replica_set_server.uri, settings="support.staff_settings")
    yield host
    host.close()


@pytest.fixture
def run(host: Host, mongodb: str) -> Run:
    """Run code in the host project, on an empty database; return what it told."""
    return lambda code: host.run(BEGIN + code)
