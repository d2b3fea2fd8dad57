"""Rules for the values of settings."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri, split_options

from chabad_auth_django.conf.table import Rule

#: The algorithm of our own access tokens, and the bytes that a secret must have for it.
ALGORITHM, MIN_SECRET_BYTES = "HS256", 32

#: Seconds of 100 years.
MAX_SECONDS = 100 * 366 * 86_400

#: The greatest whole number that each limit of MongoDB takes.
MAX_INTEGER = 2**31 - 1

#: What THROTTLE_RATES has rates of.
SCOPES = ("sign_in", "refresh", "read", "write")

#: The commands whose runs are recorded. Any other would be late for ever.
RECORDED_COMMANDS = ("chabad_archive_analytics", "chabad_purge_deleted", "chabad_rollup_analytics")

RATE = re.compile(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)")


def is_uri(value: Any) -> bool:
    """Tell whether MongoDB can be found by the value, or by what it returns when it is called."""
    if not isinstance(value, str):
        return value is None or callable(value)
    try:
        if value.startswith("mongodb+srv://"):
            # Reading more of it takes DNS.
            uri_options(value)
            return True
        # Of "a.b" the database is "a", as PyMongo reads it.
        return parse_uri(value)["collection"] is None
    except (OSError, PyMongoError, ValueError):
        return False


def uri_options(uri: str) -> dict[str, Any]:
    """Return the options of the URI as they are written, under their names in lower case.

    Raises ``ValueError`` and ``pymongo.errors.PyMongoError`` where PyMongo cannot read them.
    """
    query = uri.partition("?")[2]
    found = split_options(query, validate=False) if query else {}
    return {name.lower(): value for name, value in found.items()}


def are_options(value: Any) -> bool:
    """Tell whether ``MongoClient`` takes the options."""
    if not isinstance(value, Mapping):
        return False
    try:
        MongoClient("mongodb://localhost", **{**value, "connect": False}).close()
    except (OSError, PyMongoError, TypeError, ValueError):
        return False
    return True


def is_name(value: Any) -> bool:
    """Tell whether the value is a string that is not empty."""
    return isinstance(value, str) and value != ""


def are_names(value: Any) -> bool:
    """Tell whether the value is a sequence of strings of which none is empty."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(is_name, value))


def is_dict(value: Any, is_key: Callable[[Any], Any], is_value: Callable[[Any], Any]) -> bool:
    """Tell whether the value is a dict of such keys and values."""
    return (
        isinstance(value, Mapping)
        and all(map(is_key, value))
        and all(map(is_value, value.values()))
    )


def are_names_by_name(value: Any) -> bool:
    """Tell whether the value is a dict from names to sequences of names."""
    return is_dict(value, is_name, are_names)


def is_seconds(value: Any, maximum: int = MAX_SECONDS) -> bool:
    """Tell whether the value is a number from 0 to the maximum."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= maximum


def is_integer(value: Any, maximum: int = MAX_INTEGER) -> bool:
    """Tell whether the value is a whole number from 1 to the maximum."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= maximum


def is_lifetime(value: Any) -> bool:
    """Tell whether the value is a whole number of seconds of at most 100 years."""
    return is_integer(value, MAX_SECONDS)


def verifies(key: Any, algorithm: str) -> bool:
    """Tell whether the key, a secret or a PEM public key, can verify what the algorithm signs."""
    try:
        prepared = jwt.get_algorithm_by_name(algorithm).prepare_key(key)
    except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
        return False
    if isinstance(prepared, bytes):
        return len(prepared) >= MIN_SECRET_BYTES
    # A private key has no business in the settings of one who verifies.
    return hasattr(prepared, "verify")


def is_secret(value: Any) -> bool:
    """Tell whether the value can sign our access tokens."""
    return isinstance(value, (str, bytes)) and verifies(value, ALGORITHM)


def are_issuers(value: Any) -> bool:
    """Tell whether the value is a sequence of dicts, each with another name."""
    if not isinstance(value, Sequence) or not all(isinstance(item, Mapping) for item in value):
        return False
    names = [issuer.get("ISSUER") for issuer in value]
    return all(map(is_name, names)) and len(set(names)) == len(names)


def _is_rate(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(RATE.fullmatch(value)))


def one_of(*values: Any) -> Rule:
    """Return the rule that nothing but these values may stand there."""
    quoted = [f'"{value}"' for value in values]
    return Rule(
        lambda value: isinstance(value, str) and value in values,
        " or ".join([", ".join(quoted[:-1]), quoted[-1]]),
    )


BOOLEAN = Rule(lambda value: isinstance(value, bool), "True or False")
NAME = Rule(is_name, "a string that is not empty")
OPTIONAL_NAME = Rule(
    lambda value: value is None or is_name(value), "a string that is not empty, or None"
)
NAMES = Rule(are_names, "a list of names")
SOME_NAMES = Rule(lambda value: are_names(value) and value, "a list of names")
OPTIONAL_PATH = Rule(
    lambda value: value is None or isinstance(value, str) or hasattr(value, "__fspath__"),
    "a path or None",
)
COUNT = Rule(is_integer, f"a whole number from 1 to {MAX_INTEGER}")
BYTES = Rule(is_integer, f"a whole number of bytes from 1 to {MAX_INTEGER}")
SECONDS = Rule(is_seconds, "a number of seconds, at most 100 years")
# MongoDB takes the milliseconds of some 24 days.
TIMEOUT = Rule(
    lambda value: is_seconds(value, 86_400) and value,
    "a positive number of seconds, at most a day",
)
SHORT_TIME = Rule(lambda value: is_seconds(value, 300), "a number of seconds from 0 to 300")
LIFETIME = Rule(is_lifetime, "a whole number of seconds, at most 100 years")
# A TTL of 0 or NaN would have the server delete everything; it takes at most 2**31 seconds.
MAX_DAYS = 24_855
DAYS = Rule(
    lambda value: is_integer(value, MAX_DAYS), f"a whole number of days from 1 to {MAX_DAYS}"
)
# A rate of another scope would limit nothing.
RATES = Rule(
    lambda value: is_dict(value, SCOPES.__contains__, _is_rate),
    f'a dict from one of {", ".join(SCOPES)} to a rate such as "10/min", or None',
)
SCHEDULE = Rule(
    lambda value: is_dict(value, RECORDED_COMMANDS.__contains__, is_seconds),
    f"a dict from one of {', '.join(RECORDED_COMMANDS)} to a number of seconds, at most 100 years",
)
