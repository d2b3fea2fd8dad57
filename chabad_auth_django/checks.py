"""System checks: one for each setting that can be wrong, with a stable id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.checks import CheckMessage, Error, Warning

from chabad_auth_django import connection
from chabad_auth_django.conf import DEFAULTS, conf, user_settings


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return a message for each setting in ``CHABAD_AUTH`` that cannot work as it stands."""
    given = user_settings()
    if not isinstance(given, Mapping):
        return [Error("CHABAD_AUTH must be a dict.", id="chabad_auth.E001")]
    messages: list[CheckMessage] = [
        Error(
            f"CHABAD_AUTH has an unknown setting {name!r}.",
            hint=f"The settings are {', '.join(DEFAULTS)}.",
            id="chabad_auth.E002",
        )
        for name in given
        if name not in DEFAULTS
    ]
    for name, (is_valid, expected, number) in RULES.items():
        if not is_valid(getattr(conf, name)):
            messages.append(
                Error(f"CHABAD_AUTH[{name!r}] must be {expected}.", id=f"chabad_auth.E{number:03}")
            )
    return messages or _check_connection()


def _check_connection() -> list[CheckMessage]:
    uri = connection.uri_setting()
    if not uri:
        return [
            Warning(
                "No MongoDB is configured.",
                hint='Set CHABAD_AUTH["MONGODB_URI"] or the environment variable MONGODB_URI.',
                id="chabad_auth.W001",
            )
        ]
    in_uri = parse_qs(urlsplit(uri).query) if isinstance(uri, str) else {}
    values = {name.lower(): value[-1] for name, value in in_uri.items()}
    values |= {name.lower(): value for name, value in conf.MONGODB_OPTIONS.items()}
    if values.get("w", "majority") != "majority":
        return [
            Error(
                "Writes must be acknowledged by the majority.",
                hint="With less, a failover loses writes that were answered with success. "
                "Remove 'w' from the MongoDB URI and from MONGODB_OPTIONS.",
                id="chabad_auth.E004",
            )
        ]
    return []


def _is_uri(value: Any) -> bool:
    return (
        value is None
        or callable(value)
        or (isinstance(value, str) and value.startswith(("mongodb://", "mongodb+srv://")))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and 0 < value < float("inf")


def _is_positive_integer(value: Any) -> bool:
    return _is_positive(value) and isinstance(value, int)


def _is_names(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(name, str) and name for name in value)
    )


#: Setting -> (test of its value, what is expected, number of the check).
RULES: dict[str, tuple[Callable[[Any], bool], str, int]] = {
    "MONGODB_URI": (_is_uri, "a mongodb:// URI, a callable that returns one, or None", 3),
    "MONGODB_OPTIONS": (lambda value: isinstance(value, Mapping), "a dict", 5),
    "EMBEDDED_DATA_DIR": (
        lambda value: value is None or isinstance(value, str) or hasattr(value, "__fspath__"),
        "a path or None",
        6,
    ),
    "TRANSACTION_TIMEOUT": (_is_positive, "a positive number of seconds", 7),
    "AUTH_METHODS": (lambda value: _is_names(value) and value, "a list of names", 8),
    "ROLE_PERMISSIONS": (
        lambda value: isinstance(value, Mapping) and all(map(_is_names, value.values())),
        "a dict from role to a list of permissions",
        9,
    ),
    # A TTL of 0 or NaN would have the server delete everything; it takes at most 2**31 seconds.
    "ACTIVITY_RETENTION_DAYS": (
        lambda value: _is_positive_integer(value) and value <= 24_855,
        "a whole number of days from 1 to 24855",
        10,
    ),
    "DELETION_GRACE_SECONDS": (
        lambda value: value == 0 or _is_positive(value),
        "a number of seconds",
        11,
    ),
    "PURGE_BATCH_SIZE": (_is_positive_integer, "a positive whole number", 12),
    "APP_DATA_MAX_BYTES": (_is_positive_integer, "a positive whole number of bytes", 13),
    "METADATA_MAX_BYTES": (_is_positive_integer, "a positive whole number of bytes", 14),
    "EVENT_DATA_MAX_BYTES": (_is_positive_integer, "a positive whole number of bytes", 15),
    "JSON_MAX_DEPTH": (
        lambda value: _is_positive_integer(value) and value <= 90,
        "a whole number from 1 to 90 (MongoDB stores at most 100 levels)",
        16,
    ),
    "JSON_MAX_KEYS": (_is_positive_integer, "a positive whole number", 17),
}
