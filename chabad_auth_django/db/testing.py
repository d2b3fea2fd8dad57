"""The databases of test runs: what the settings name is never touched by one.

A run uses ``test_<name>``, as Django does for SQL, and each process of a parallel run one of its
own. A process finds its database empty and drops it at its end.
"""

import atexit
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import Any

import pymongo
from django.dispatch import Signal
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError

#: Sent when the process has dropped what an earlier run left; receivers may create indexes.
database_emptied = Signal()

#: Seconds in which a server must answer: a test run without one should not take minutes.
TIMEOUT = 2.0

_emptied: set[tuple[str, str]] = set()
_silent: set[str] = set()


def worker() -> str | None:
    """Return which process of a test run this is; ``""`` if there is one, ``None`` without a run.

    Django's ``setup_test_environment`` begins a run, for every test runner and for pytest-django.
    """
    # Not imported: a process that serves requests needs nothing of it.
    state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    if not hasattr(state, "saved_data"):
        return None
    number = getattr(sys.modules.get("django.test.runner"), "_worker_id", 0)
    return str(number or os.environ.get("PYTEST_XDIST_WORKER", ""))


def require_run() -> None:
    """Raise ``RuntimeError`` outside of a test run: there the database holds real users."""
    if worker() is None:
        raise RuntimeError(
            "No test run has begun, so the database is not one for tests. "
            "Use 'manage.py test', or install pytest-django."
        )


def database_name(name: str, *, worker: str) -> str:
    """Return the name of the database that stands for the one with this name.

    A name that says already that it is for tests, and for which process, stays as it is.
    """
    prefix = "" if name.startswith("test_") else "test_"
    suffix = f"_{worker}" if worker and not name.endswith(f"_{worker}") else ""
    return f"{prefix}{name}{suffix}"


def was_used() -> bool:
    """Tell whether this process of a test run has used a database."""
    return bool(_emptied)


def empty(name: str, *, uri: str, options: Mapping[str, Any]) -> bool:
    """Drop what an earlier run has left, once for each process; tell whether it was done now.

    ``options`` are arguments of ``MongoClient``. Raises ``PyMongoError`` when no server answers,
    from the second time on at once.
    """
    if (uri, name) in _emptied:
        return False
    if uri in _silent:
        raise ServerSelectionTimeoutError("No MongoDB answers, so the tests cannot use it.")
    # Of its own, because a test may close the other one, and at its end a process can open none.
    client: MongoClient[dict[str, Any]] = MongoClient(uri, **options)
    try:
        with pymongo.timeout(min(TIMEOUT, client.options.server_selection_timeout)):
            client.drop_database(name)
    except PyMongoError as error:
        if isinstance(error, ConnectionFailure):
            _silent.add(uri)
        client.close()
        raise
    _emptied.add((uri, name))
    # A process of multiprocessing runs its finalizers only. In others, atexit handlers that were
    # registered earlier run later, such as one that stops the server.
    atexit.register(Finalize(None, _drop, (client, name), exitpriority=1))
    return True


def _drop(client: MongoClient[dict[str, Any]], name: str) -> None:
    # If the server has stopped, the next run drops it.
    with client, suppress(PyMongoError), pymongo.timeout(TIMEOUT):
        client.drop_database(name)
