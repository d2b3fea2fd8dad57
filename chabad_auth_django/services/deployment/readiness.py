"""Whether requests can be served; the answer is reused for a few seconds."""

import threading
import time
from dataclasses import dataclass

from pymongo.errors import PyMongoError

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import Unavailable
from chabad_auth_django.services.deployment import heartbeats, indexes
from chabad_auth_django.services.deployment.heartbeats import Beat

#: Seconds for which an answer is given again.
LIFESPAN = 2.0

#: Seconds that one look may take.
TIMEOUT = 2.0


@dataclass(frozen=True)
class Readiness:
    """The result of one look."""

    #: Whether the indexes are deployed.
    is_ready: bool
    #: The commands that cron runs.
    scheduled: list[Beat]


_lock = threading.Lock()
_answer: tuple[float, object, Readiness | PyMongoError] | None = None


def look() -> Readiness:
    """Return whether requests can be served; other callers wait for the one that looks.

    A TTL that differs from the settings is accepted: a change of the retention causes it.
    Raises ``Unavailable`` when no primary answers.
    """
    global _answer
    with _lock:
        client = connection.get_client()
        if _answer is None or _answer[0] < time.monotonic() or _answer[1] is not client:
            _answer = time.monotonic() + LIFESPAN, client, _look()
        found = _answer[2]
    if isinstance(found, PyMongoError):
        raise Unavailable from found
    return found


def forget() -> None:
    """Forget the answer, so that the next caller looks again."""
    global _answer
    _answer = None


def _look() -> Readiness | PyMongoError:
    try:
        with connection.time_limit(TIMEOUT):
            connection.ping()
            comparison = indexes.compare()
            scheduled = heartbeats.read()
    except PyMongoError as error:
        return error
    only_in_ttl = all(pair.only_in_ttl for pair in comparison.differing)
    return Readiness(not comparison.missing and only_in_ttl, scheduled)
