"""How long activities are kept: the TTL index of the collection (specification: section 4)."""

from collections.abc import Iterable
from datetime import timedelta

from chabad_auth_django.conf import rules
from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import NotFound, ValidationError
from chabad_auth_django.models import Activity
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.deployment.indexes import Index

#: Seconds that counting by the index may take.
COUNT_TIMEOUT = 5 * 60


def current_days() -> float | None:
    """Return the days after which the server removes activities; ``None``: it removes none."""
    collection = Activity.collection()
    return days_of(indexes.indexes_of(collection, list(collection.list_indexes())))


def days_of(found: Iterable[Index]) -> float | None:
    """Return the same as ``current_days``, from indexes that were read already."""
    name = Activity.collection().name
    for index in found:
        if (
            index.is_ttl
            and index.collection == name
            and [key for key, _ in index.keys] == ["timestamp"]
        ):
            return float(index.options["expireAfterSeconds"]) / 86_400
    return None


def count_expired(*, days: float) -> int:
    """Return how many activities are older than so many days."""
    with connection.long_limit(COUNT_TIMEOUT):
        query = {"timestamp": {"$lt": now() - timedelta(days=days)}}
        return Activity.collection().count_documents(query)


def set_days(*, days: int) -> None:
    """Change the TTL index in place; raise ``ValidationError``, and ``NotFound`` without one."""
    # The server takes NaN for 0 seconds, and would remove everything.
    if not rules.is_integer(days, rules.MAX_DAYS):
        raise ValidationError(
            f"The retention is a whole number of days from 1 to {rules.MAX_DAYS}."
        )
    if current_days() is None:
        raise NotFound("There is no TTL index: 'chabad_sync_indexes --fix' makes it.")
    name, options = Activity.collection().name, {"expireAfterSeconds": days * 86_400}
    indexes.set_ttl(Index(name, (("timestamp", 1),), options))
