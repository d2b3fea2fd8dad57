"""The check of the indexes; it asks MongoDB, so it runs with ``check --database default`` only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymongo
from django.core.checks import CheckMessage, Warning
from django.db import DEFAULT_DB_ALIAS

from chabad_auth_django.db import connection
from chabad_auth_django.services.deployment import indexes

#: Seconds in which the server must answer.
TIMEOUT = 10.0


def check_indexes(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return a warning with the names of the missing indexes."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or not connection.uri_setting():
        return []
    try:
        connection.ping(timeout=5.0)
        with pymongo.timeout(TIMEOUT):
            missing = indexes.compare().missing
    except Exception as error:  # A callable MONGODB_URI raises what it likes.
        return [
            Warning(
                f"MongoDB does not answer ({type(error).__name__}), so its indexes are unchecked.",
                id="chabad_auth.W012",
            )
        ]
    if not missing:
        return []
    return [
        Warning(
            f"MongoDB indexes are missing: {'; '.join(map(str, missing))}.",
            hint="Without a unique index two users can get one address. Run 'manage.py "
            "chabad_sync_indexes'; 'manage.py migrate' does so by itself when it ends.",
            id="chabad_auth.W011",
        )
    ]
