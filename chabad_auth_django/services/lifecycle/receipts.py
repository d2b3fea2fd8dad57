"""The record of a deletion: whose it is, under which names the user was known, what was found.

It is known by the user's id. Of the names it has hashes only. It stays until somebody has taken
the receipt; until then one of its names may have become the name of somebody else.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.utils.crypto import salted_hmac
from pymongo.collection import Collection
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.validators import normalize_email

ERASURES = "erasures"


def records() -> Collection[dict[str, Any]]:
    """Return the collection; a record has the ``_id`` of its user."""
    return connection.get_database().get_collection(
        ERASURES, read_preference=ReadPreference.PRIMARY
    )


def hash_name(name: str) -> str:
    """Return what a record keeps of a name."""
    # What other programs stored may be no address that could be normalised.
    with suppress(ValidationError):
        name = normalize_email(name)
    return salted_hmac(ERASURES, name, algorithm="sha256").hexdigest()


def find_of_gone_users(*, name: str) -> list[dict[str, Any]]:
    """Return the records under that name whose users are gone.

    Without transactions a crash can leave a record of a user who is still there; it tells nothing.
    """
    found = list(records().find({"names": hash_name(name)}))
    ids = [record["_id"] for record in found]
    there = {user["_id"] for user in User.collection().find({"_id": {"$in": ids}}, {"_id": 1})}
    return [record for record in found if record["_id"] not in there]
