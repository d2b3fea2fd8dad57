"""What finds one value of an application, in one version."""

from collections.abc import Mapping
from typing import Any, Final

from bson import Decimal128, ObjectId

from chabad_auth_django.db.expressions import integer_at
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.validators import INT64_MAX, to_object_id, validate_name

#: The fields that together name one value, and are the ``_id`` of its tombstone.
KEY: Final = ("userId", "appId", "dataKey")

#: The server fails beyond 64 bits, instead of going on with a double that counts no more.
NEXT_VERSION = {"$toLong": {"$add": [integer_at("version"), 1]}}

CONVERSION_FAILURE = 241

#: A version that ``$inc`` can count up; an array of integers is of these types too.
INTEGER = {"$type": ["int", "long"], "$lt": INT64_MAX, "$not": {"$type": "array"}}


def key_of(user_id: Any, app_id: str, data_key: str) -> dict[str, Any]:
    """Return the criteria for a value; raise ``ValidationError``."""
    return {
        "userId": to_object_id(user_id),
        "appId": validate_name(app_id),
        "dataKey": validate_name(data_key),
    }


def row_key(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a stored document that name it, whatever they hold."""
    return {name: row.get(name) for name in KEY}


def version_criteria(expected: int | None) -> dict[str, Any]:
    """Return the criteria for the expected version; raise ``ValidationError``."""
    if expected is None:
        return {}
    if isinstance(expected, bool) or not isinstance(expected, int) or abs(expected) > INT64_MAX:
        raise ValidationError("A version is a whole number of at most 64 bits.")
    return {"version": {"$eq": expected}}


def is_version(version: Any, expected: int | None) -> bool:
    """Tell whether the server finds a stored version by the expected one; ``None`` is any."""
    return expected is None or (not isinstance(version, bool) and version == expected)


def same_version(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the criteria for a stored document while it has the version that was read."""
    version, owner = row.get("version"), row.get("userId")
    key = {"_id": row["_id"]}
    if isinstance(owner, ObjectId):
        # A cluster asks one shard then.
        key["userId"] = owner
    if version is None or isinstance(version, (int, float, Decimal128)):
        return {**key, "version": {"$eq": version}}
    if isinstance(version, list):
        # "$type" looks at its items, too.
        return {**key, "version": {"$type": "array"}}
    # What other programs stored there may not be what it was decoded to.
    return {**key, "version": {"$not": {"$type": ["null", "number"]}, "$exists": True}}


def whole(version: Any) -> int:
    """Return a stored version as an integer, as ``integer_at`` does; 0 for what is none."""
    try:
        number = int(version.to_decimal() if isinstance(version, Decimal128) else version)
    except (ArithmeticError, TypeError, ValueError):
        return 0
    return number if abs(number) <= INT64_MAX else 0


def last_version() -> ValidationError:
    """Return the error for a version after which there is none."""
    return ValidationError(errors={"version": "It is the greatest of all: it cannot be raised."})
