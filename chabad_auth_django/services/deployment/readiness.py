"""Whether requests can be served: looked at once for all who ask within a few seconds."""

from __future__ import annotations

import threading
import time

from pymongo.errors import PyMongoError

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import Unavailable
from chabad_auth_django.services.deployment import indexes

#: Seconds for which an answer is given again.
LIFESPAN = 2.0

#: Seconds that one look may take.
TIMEOUT = 2.0

_lock = threading.Lock()
_answer: tuple[float, object, bool | None] | None = None


def is_ready() -> bool:
    """Tell whether the indexes are deployed; who asks meanwhile waits for the one who looks.

    Another TTL than that of the settings, as a change of the retention brings, is no obstacle.
    Raises ``Unavailable`` when no primary answers.
    """
    global _answer
    with _lock:
        client = connection.get_client()
        if _answer is None or _answer[0] < time.monotonic() or _answer[1] is not client:
            ready = _look()
            _answer = time.monotonic() + LIFESPAN, client, ready
        ready = _answer[2]
    if ready is None:
        raise Unavailable
    return ready


def forget() -> None:
    """Let the next who asks look again."""
    global _answer
    _answer = None


def _look() -> bool | None:
    try:
        with connection.time_limit(TIMEOUT):
            connection.ping()
            comparison = indexes.compare()
    except PyMongoError:
        return None
    return not comparison.missing and all(pair.only_in_ttl for pair in comparison.differing)
