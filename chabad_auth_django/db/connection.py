"""The connection to MongoDB: registered at start-up, opened once on first use."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import parse_qs

import mongoengine
import pymongo
from django.core.exceptions import ImproperlyConfigured
from pymongo import MongoClient
from pymongo.database import Database

from chabad_auth_django.conf import conf

#: mongoengine's alias of the connection.
ALIAS = "chabad_auth"

#: Used where neither the URI nor ``CHABAD_AUTH["MONGODB_OPTIONS"]`` says otherwise.
DEFAULT_OPTIONS: dict[str, Any] = {
    "maxPoolSize": 10,
    "minPoolSize": 2,
    "serverSelectionTimeoutMS": 5_000,
    # A paused server or a lost majority must end in an error, not in a request that hangs. Not
    # timeoutMS: PyMongo would select servers for that long too, whatever is said above.
    "socketTimeoutMS": 20_000,
    # A primary that hangs is given up after the sum of these two, before the others have elected a
    # new one: whoever waits for it is interrupted then, and finds that. With PyMongo's own, after
    # 30 s, each request that it had would take its thread along until its time is up.
    "connectTimeoutMS": 5_000,
    "heartbeatFrequencyMS": 3_000,
    "w": "majority",
    "retryReads": True,
    "retryWrites": True,
    "tz_aware": True,
    # One year 20000 or one broken text that another program stored must not hide a whole list.
    "datetime_conversion": "DATETIME_AUTO",
    "unicode_decode_error_handler": "replace",
    "uuidRepresentation": "standard",
    "appname": "chabad_auth_django",
}

_lock = threading.RLock()
_registered: tuple[Any, dict[str, Any]] | None = None
_client: MongoClient[dict[str, Any]] | None = None
_supports_transactions: bool | None = None


def uri_setting() -> Any:
    """Return ``CHABAD_AUTH["MONGODB_URI"]`` (a URI or a callable), else the environment's."""
    return conf.MONGODB_URI or os.environ.get("MONGODB_URI")


def client_options(uri: str) -> dict[str, Any]:
    """Return the ``MongoClient`` arguments: the settings' over the URI's over the defaults."""
    in_uri = {name.lower() for name in parse_qs(uri.partition("?")[2])}
    in_settings = {name.lower(): value for name, value in conf.MONGODB_OPTIONS.items()}
    defaults = {
        name: value
        for name, value in DEFAULT_OPTIONS.items()
        if name.lower() not in in_uri and name.lower() not in in_settings
    }
    return defaults | dict(conf.MONGODB_OPTIONS)


def register() -> None:
    """Register the connection with mongoengine without opening it.

    Nothing is registered yet where no URI is configured (the system check says so) and where
    finding it has a cost: a callable is asked, and DNS for ``mongodb+srv``, on first use.
    """
    uri = uri_setting()
    if isinstance(uri, str) and not uri.startswith("mongodb+srv:"):
        _register(uri)


def _register(uri: str) -> None:
    global _registered
    mongoengine.register_connection(ALIAS, host=uri, **client_options(uri))
    _registered = (uri_setting(), dict(conf.MONGODB_OPTIONS))


def get_client() -> MongoClient[dict[str, Any]]:
    """Return the process's one ``MongoClient``, made on first use whatever threads race.

    Raises ``ImproperlyConfigured`` without a URI, and what a callable URI raises.
    """
    global _client
    if _client is None:
        with _lock:
            if _client is None:
                if _registered is None:
                    uri = uri_setting()
                    if not uri:
                        raise ImproperlyConfigured(
                            'Set CHABAD_AUTH["MONGODB_URI"] or the environment variable '
                            "MONGODB_URI to the URI of a MongoDB database."
                        )
                    _register(uri() if callable(uri) else uri)
                _client = mongoengine.get_connection(ALIAS)
    return _client


def get_database() -> Database[dict[str, Any]]:
    """Return the database that the URI names (``test`` where it names none, as Mongoose does)."""
    get_client()
    database: Database[dict[str, Any]] = mongoengine.get_db(ALIAS)
    return database


def supports_transactions() -> bool:
    """Tell whether the server is a replica set member or mongos; asked once per client.

    Raises ``pymongo.errors.PyMongoError`` when no server answers.
    """
    global _supports_transactions
    if _supports_transactions is None:
        hello = get_client().admin.command("hello")
        _supports_transactions = "setName" in hello or hello.get("msg") == "isdbgrid"
    return _supports_transactions


def time_limit(seconds: float) -> AbstractContextManager[Any]:
    """Return a context in which MongoDB may take so long; not even that while it has no primary.

    PyMongo ignores ``serverSelectionTimeoutMS`` where there is a timeout for the whole. Without
    this each of the requests that come while the server is down would wait for all of its time.
    """
    client = _client
    if client is not None and not client.topology_description.has_writable_server():
        # Zero would be no limit at all.
        seconds = min(seconds, client.options.server_selection_timeout) or 0.001
    return pymongo.timeout(seconds)


def ping(timeout: float = 2.0) -> float:
    """Return the seconds of one round trip to the primary.

    Raises ``pymongo.errors.PyMongoError`` when none answers within ``timeout`` seconds.
    """
    started = time.monotonic()
    with pymongo.timeout(timeout):
        get_client().admin.command("ping")
    return time.monotonic() - started


@contextmanager
def long_limit(seconds: float) -> Iterator[None]:
    """Let each operation of the block take that long, where the usual seconds are not enough.

    Raises ``pymongo.errors.PyMongoError`` soon when no primary answers at its start: it would be
    waited for all of the time.
    """
    ping(timeout=5.0)
    with pymongo.timeout(seconds):
        yield


def describe() -> str:
    """Return the database and its server for people, without credentials."""
    hosts = ", ".join(f"{host}:{port}" for host, port in sorted(get_client().nodes))
    return f"{get_database().name!r} at {hosts}"


def close() -> None:
    """Close the connection; the next use opens it again with the settings of that moment."""
    global _registered, _client, _supports_transactions
    with _lock:
        mongoengine.disconnect(ALIAS)
        _registered = _client = _supports_transactions = None


def close_if_changed(*, setting: str, **kwargs: Any) -> None:
    """Receive Django's ``setting_changed``: ``override_settings`` may name another server."""
    if setting == "CHABAD_AUTH" and _registered != (uri_setting(), dict(conf.MONGODB_OPTIONS)):
        close()
