"""Creating the missing indexes after ``migrate``, in bounded time; none is changed or dropped."""

from collections.abc import Callable
from dataclasses import replace

from pymongo.errors import PyMongoError

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import IndexBuildFailed
from chabad_auth_django.services.deployment import indexes

#: Seconds that all of it may take; larger collections are for ``chabad_sync_indexes``.
TIMEOUT = 60.0


def create_missing(*, warn: Callable[[str], object]) -> int:
    """Create the missing indexes and return how many; warn of those that were not created.

    A TTL index is left out while it would remove documents. Raises ``PyMongoError`` when no server
    answers.
    """
    created = 0
    with connection.long_limit(TIMEOUT):
        indexes.record_owned_collections()
        comparison = indexes.compare()
        for index in comparison.missing:
            try:
                if overdue := indexes.count_overdue(index):
                    warn(
                        f"{index} is missing. It would remove {overdue:,} documents that are "
                        "older than that: 'manage.py chabad_sync_indexes' creates it."
                    )
                    continue
                indexes.create(replace(comparison, missing=[index]))
                created += 1
            except IndexBuildFailed as error:
                warn(error.detail)
            except PyMongoError as error:
                if not error.timeout:
                    raise
                warn(
                    f"{index} could not be created within {TIMEOUT:.0f} seconds: "
                    "'manage.py chabad_sync_indexes' takes the time that it needs."
                )
                break
    return created
