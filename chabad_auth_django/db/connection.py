"""The connection to MongoDB: registered at start-up, opened once on first use."""

import os
import threading
import time
from contextlib import AbstractContextManager
from contextvars import Context
from typing import Any

import mongoengine
import pymongo
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from pymongo.database import Database
from pymongo.errors import ConfigurationError, NotPrimaryError, PyMongoError
from pymongo.monitoring import CommandListener
from pymongo.server_api import ServerApi

from chabad_auth_django.conf import conf
from chabad_auth_django.conf.rules import uri_options
from chabad_auth_django.db import testing
from chabad_auth_django.db.client import Client
from chabad_auth_django.db.client import long_limit as long_limit
from chabad_auth_django.db.mongoengine_internals import connection_settings

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
    # PyMongo gives up a primary that hangs after the sum of these two. Its waiting requests fail
    # then and try the new primary. PyMongo's defaults are 30 s, which is longer than a request
    # may take.
    "connectTimeoutMS": 5_000,
    "heartbeatFrequencyMS": 3_000,
    "retryReads": True,
    "retryWrites": True,
    "appname": "chabad_auth_django",
}

#: What the code depends on, whatever the URI and the settings say; a system check names the others.
REQUIRED_OPTIONS: dict[str, Any] = {
    "w": "majority",
    "tz_aware": True,
    # One year 20000 or one broken text that another program stored must not hide a whole list.
    "datetime_conversion": "DATETIME_AUTO",
    "unicode_decode_error_handler": "replace",
    "uuidRepresentation": "standard",
}

#: Options that are not passed on, because the code depends on their defaults.
REFUSED_OPTIONS = ("readConcernLevel", "document_class", "type_registry")

#: The same names in lower case, as options are compared.
_FIXED = {name.lower() for name in (*REQUIRED_OPTIONS, *REFUSED_OPTIONS)}

_POOL_SIZES = {"maxpoolsize", "minpoolsize"}

#: Listeners for the commands of our client alone.
command_listeners: list[CommandListener] = []

_lock = threading.RLock()
_registered: tuple[Any, dict[str, Any]] | None = None
_client: Client | None = None
_supports_transactions: bool | None = None
# Which process of a test run the connection is for.
_worker: str | None = None


def uri_setting() -> Any:
    """Return ``CHABAD_AUTH["MONGODB_URI"]`` (a URI or a callable), else the environment's."""
    return conf.MONGODB_URI or os.environ.get("MONGODB_URI")


def client_options(uri: str) -> dict[str, Any]:
    """Return the ``MongoClient`` arguments: the settings' over the URI's over the defaults."""
    in_settings = {
        name: value for name, value in conf.MONGODB_OPTIONS.items() if name.lower() not in _FIXED
    }
    given = uri_options(uri).keys() | {name.lower() for name in in_settings}
    if given & _POOL_SIZES:
        # PyMongo refuses a minimum above the maximum.
        given |= _POOL_SIZES
    defaults = {name: value for name, value in DEFAULT_OPTIONS.items() if name.lower() not in given}
    options = defaults | in_settings | REQUIRED_OPTIONS
    api = options.get("server_api")
    if api is not None and api.strict:
        # It has neither "distinct" nor the figures of collections and indexes.
        options["server_api"] = ServerApi(api.version, deprecation_errors=api.deprecation_errors)
    if command_listeners:
        options["event_listeners"] = [*options.get("event_listeners", ()), *command_listeners]
    return options


def ignored_options(uri: str) -> list[str]:
    """Return the options that are given and differ from what the code depends on."""
    given = uri_options(uri) | {name.lower(): v for name, v in conf.MONGODB_OPTIONS.items()}
    refused = [name for name in REFUSED_OPTIONS if name.lower() in given]
    if getattr(given.get("server_api"), "strict", False):
        refused.append("server_api(strict=True)")
    return refused + [
        name
        for name, value in REQUIRED_OPTIONS.items()
        if str(given.get(name.lower(), value)).lower() != str(value).lower()
    ]


def register() -> None:
    """Register the connection with mongoengine without opening it.

    Without a URI nothing is registered, and a system check says so. A callable and the DNS query
    of ``mongodb+srv`` may take time, so these wait for the first use.
    """
    uri = uri_setting()
    if isinstance(uri, str) and not uri.startswith("mongodb+srv:"):
        _register(uri, uri)


def _register(uri: str, setting: Any) -> None:
    global _registered
    mongoengine.register_connection(
        ALIAS, host=uri, mongo_client_class=Client, **client_options(uri)
    )
    # Not the setting of this moment, which another thread may have changed.
    _registered = (setting, dict(conf.MONGODB_OPTIONS))


def listen(listener: CommandListener) -> None:
    """Add a listener for all commands from now on."""
    command_listeners.append(listener)
    if _registered is not None:
        close()
        register()


def get_client() -> Client:
    """Return the one client of the process, which is made on first use.

    It is made again after something else has closed it, such as ``mongoengine.disconnect_all()``.
    Raises ``ImproperlyConfigured`` without a URI or this app in ``INSTALLED_APPS``,
    ``pymongo.errors.ConfigurationError`` for options that PyMongo refuses, and what a callable URI
    raises.
    """
    if _worker != testing.worker():
        # A test run has begun, or this is a new process of it.
        close()
    client = _client
    if client is None or not _is_registered():
        with _lock:
            client = _client
            if client is None or not _is_registered():
                client = _open()
    return client


def _open() -> Client:
    global _client
    if not apps.is_installed("chabad_auth_django"):
        # Then no receiver makes profiles, and none deletes what belongs to a user.
        raise ImproperlyConfigured('Add "chabad_auth_django" to INSTALLED_APPS.')
    if _registered is None or not _is_registered():
        uri = uri_setting()
        if not uri:
            raise ImproperlyConfigured(
                'Set CHABAD_AUTH["MONGODB_URI"] or the environment variable MONGODB_URI to the '
                "URI of a MongoDB database."
            )
        _register(uri() if callable(uri) else uri, uri)
    try:
        client: Client = mongoengine.get_connection(ALIAS)
    except mongoengine.ConnectionFailure as error:
        # It wraps whatever PyMongo raises for options that it refuses.
        raise ConfigurationError(str(error.__context__ or error)) from error
    client.on_close = _forget
    database = mongoengine.get_db(ALIAS)
    settings = connection_settings(ALIAS)
    if database.name != settings["name"]:
        uri = settings["host"][0]
        if testing.empty(database.name, uri=uri, options=client_options(uri)):
            testing.database_emptied.send(sender=None)
    _client = client
    return client


def _is_registered() -> bool:
    return bool(connection_settings(ALIAS))


def _forget(client: Client) -> None:
    with _lock:
        if client is _client:
            close()


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
    # First: it forgets what was asked for the process of a test run that this one was forked from.
    client = get_client()
    if _supports_transactions is None:
        hello = client.admin.command("hello")
        # The second is there while a member starts: a direct connection reaches that, too.
        is_member = "setName" in hello or "isreplicaset" in hello
        _supports_transactions = is_member or hello.get("msg") == "isdbgrid"
    return _supports_transactions


def time_limit(seconds: float) -> AbstractContextManager[Any]:
    """Limit MongoDB to ``seconds``; fail sooner while there is no primary.

    Inside ``pymongo.timeout`` PyMongo ignores ``serverSelectionTimeoutMS``: while the server is
    down, each request would wait for all of its time.
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
    # A callable MONGODB_URI may start a server first, and takes the time that it needs.
    client = get_client()
    started = time.monotonic()
    with pymongo.timeout(timeout):
        client.admin.command("ping")
        # With directConnection any member answers.
        if not client.is_primary:
            raise NotPrimaryError("the server that the URI names is not the primary")
    return time.monotonic() - started


def is_answering() -> bool:
    """Tell whether a primary answers soon, even if the caller has no time left."""
    try:
        # In a fresh context: in the caller's there may be no time left.
        Context().run(ping, 1.0)
    except PyMongoError:
        return False
    return True


def describe() -> str:
    """Return the database and its server for people, without credentials."""
    hosts = ", ".join(f"{host}:{port}" for host, port in sorted(get_client().nodes))
    return f"{get_database().name!r} at {hosts}"


def close() -> None:
    """Close the connection; the next use opens it again with the settings of that moment."""
    global _registered, _client, _supports_transactions, _worker
    with _lock:
        _registered = _client = _supports_transactions = None
        mongoengine.disconnect(ALIAS)
        _worker = testing.worker()


def close_if_changed(*, setting: str, **kwargs: Any) -> None:
    """Receive Django's ``setting_changed``: ``override_settings`` may name another server."""
    if setting == "CHABAD_AUTH" and _registered != (uri_setting(), dict(conf.MONGODB_OPTIONS)):
        close()
