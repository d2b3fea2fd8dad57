"""What an error of the driver says for people, without the command and the data in it."""

import re

from pymongo.errors import ConfigurationError, OperationFailure

#: The codes with which MongoDB, or Atlas, does not believe who connects.
NOT_BELIEVED = frozenset((18, 8000))

#: The code with which it does not allow a command.
NOT_ALLOWED = 13

#: Where the driver's text begins to list its settings, servers and commands.
ENDS = (", Timeout:", ", full error:", " (configured timeouts:", " dup key:")

#: The command in a refusal: its name and, as a rule, its collection.
COMMAND = re.compile(r' \{ (\w+): (?:"([^"]*)")?.*', re.DOTALL)


def describe(error: BaseException) -> str:
    """Return what is wrong and what to do, in a few sentences without an address of anybody."""
    reason = str(error)
    for end in ENDS:
        reason = reason.partition(end)[0]
    reason = " ".join(COMMAND.sub(r" \1 \2", reason).split()).rstrip(".")
    if isinstance(error, OperationFailure) and not error.timeout:
        return f"MongoDB refused: {reason}.{_advice(error.code)}"
    if isinstance(error, ConfigurationError):
        return f"MongoDB cannot be used: {reason}. Check the MongoDB URI."
    return f"MongoDB did not answer: {reason}. Check that most of its members run."


def name(error: BaseException) -> str:
    """Return the class of the error and, of a refusal, the server's name for it."""
    kind = type(error).__qualname__
    if not isinstance(error, OperationFailure) or error.code is None:
        return kind
    return f"{kind} {(error.details or {}).get('codeName') or error.code}"


def _advice(code: int | None) -> str:
    if code in NOT_BELIEVED:
        return " Check the user, the password and authSource in the MongoDB URI."
    if code == NOT_ALLOWED:
        return (
            " Give the user of the MongoDB URI the roles readWrite and dbAdmin on the database, "
            "and clusterMonitor for chabad_index_usage."
        )
    return ""
