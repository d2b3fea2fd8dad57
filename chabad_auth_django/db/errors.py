"""Describing errors of the driver for people, without the command and its data."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.errors import BulkWriteError, ConfigurationError, OperationFailure

#: The server has a document with the same unique key.
DUPLICATE_KEY = 11000

#: A wrong user or password, for MongoDB and for Atlas.
AUTHENTICATION_FAILED = frozenset((18, 8000))

#: The user lacks a role.
UNAUTHORIZED = 13

#: What the driver's text goes on with: settings, servers and commands.
ENDS = (
    *(", Timeout:", ", remaining timeout:", " (configured timeouts:"),
    *(", full error:", " dup key:"),
)

#: The command in a refusal: its name and, as a rule, its collection.
COMMAND = re.compile(r' \{ (\w+): (?:"([^"]*)")?.*', re.DOTALL)


def describe(error: BaseException) -> str:
    """Return what is wrong and what to do, in a few sentences without personal data."""
    reason = str(error)
    if isinstance(error, BulkWriteError):
        # Its own text is the same for all.
        failures = error.details["writeErrors"] + error.details["writeConcernErrors"]
        reason = failures[0]["errmsg"]
    for end in ENDS:
        reason = reason.partition(end)[0]
    reason = " ".join(COMMAND.sub(r" \1 \2", reason).split()).rstrip(".")
    if isinstance(error, OperationFailure) and not error.timeout:
        return f"MongoDB refused: {reason}.{_advice(error.code)}"
    if isinstance(error, ConfigurationError):
        return f"MongoDB cannot be used: {reason}. Check the MongoDB URI."
    advice = "Check that it runs. A replica set needs most of its members."
    return f"MongoDB did not answer: {reason}. {advice}"


def duplicates(error: BulkWriteError) -> Sequence[Mapping[str, Any]]:
    """Return the failures of writes whose keys are taken; raise the error if that is not all.

    One that no majority has confirmed may have no failure at all.
    """
    failures: list[Mapping[str, Any]] = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(
        failure["code"] != DUPLICATE_KEY for failure in failures
    ):
        raise error
    return failures


def name(error: BaseException) -> str:
    """Return the class of the error and, of a refusal, the server's name for it."""
    kind = type(error).__qualname__
    if not isinstance(error, OperationFailure) or error.code is None:
        return kind
    return f"{kind} {(error.details or {}).get('codeName') or error.code}"


def _advice(code: int | None) -> str:
    if code in AUTHENTICATION_FAILED:
        return " Check the user, the password and authSource in the MongoDB URI."
    if code == UNAUTHORIZED:
        return (
            " Give the user of the MongoDB URI the roles readWrite and dbAdmin on the database, "
            "and clusterMonitor for chabad_index_usage."
        )
    return ""
