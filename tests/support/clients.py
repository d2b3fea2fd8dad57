"""Other ways to reach the test servers: another database, other options, a listener."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings
from pymongo.uri_parser import parse_uri
from support.commands import CommandCounter

from chabad_auth_django.db import connection


def with_options(uri: str, query: str) -> str:
    """Return the URI with more options."""
    if not query:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{query}"


@contextmanager
def fresh_database(uri: str, **settings: Any) -> Iterator[str]:
    """Use a database of its own, without any index, on the server; drop it afterwards."""
    # A test run would use another database instead of one whose name does not say "test".
    name = f"test_fresh_{uuid.uuid4().hex}"
    fresh = uri.replace(f"/{parse_uri(uri)['database']}", f"/{name}")
    with override_settings(CHABAD_AUTH={"MONGODB_URI": fresh, **settings}):
        try:
            yield fresh
        finally:
            connection.get_client().drop_database(name)


@contextmanager
def recording(uri: str, **settings: Any) -> Iterator[CommandCounter]:
    """Use the server through a new client whose commands are kept."""
    counter = CommandCounter()
    options = {"event_listeners": [counter]}
    with override_settings(
        CHABAD_AUTH={"MONGODB_URI": uri, "MONGODB_OPTIONS": options, **settings}
    ):
        connection.supports_transactions()
        counter.clear()
        yield counter
