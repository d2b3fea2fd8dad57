"""What each setting may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt.algorithms import requires_cryptography
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from chabad_auth_django.conf import ISSUER_DEFAULTS, conf
from chabad_auth_django.models.external_id import EXTERNAL_ID_FIELDS
from chabad_auth_django.services.signing_in.tokens import ALGORITHM, MIN_SECRET_BYTES
from chabad_auth_django.validators import MAX_NAME_LENGTH

RATE = re.compile(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)")


def issuer_problems(
    issuer: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield each key of an issuer that cannot work, with what is expected there.

    It may not take what belongs to one of the other issuers.
    """
    for name in issuer.keys() - ISSUER_DEFAULTS.keys():
        yield repr(name), f"one of {', '.join(ISSUER_DEFAULTS)}"
    yield from _nameless_problems(issuer, others)
    audience, algorithms, url = issuer["AUDIENCE"], issuer["ALGORITHMS"], issuer["JWKS_URL"]
    if not (_is_path(audience) or (audience is None and issuer["TOKENS_HAVE_ISSUER"] is False)):
        yield "AUDIENCE", "a string or a list of strings"
    if not (_is_names(algorithms) and algorithms):
        yield "ALGORITHMS", "a list of names"
    elif (url is None) == (issuer["KEY"] is None):
        yield "JWKS_URL", "given or KEY, not both"
    elif url is None:
        key = issuer["KEY"]
        keys = key if isinstance(key, Mapping) else dict.fromkeys(algorithms, key)
        if set(keys) != set(algorithms) or not all(map(_verifies, keys.values(), keys)):
            yield "KEY", "a PEM public key, or a secret of at least 32 bytes, for each algorithm"
    else:
        if not set(algorithms) <= requires_cryptography:
            yield "ALGORITHMS", "asymmetric where the keys come from a JWKS_URL"
        if not _is_safe_url(url):
            yield "JWKS_URL", "an https URL; http is for this machine only"
    if issuer["AUTH_METHOD"] not in conf.AUTH_METHODS:
        yield "AUTH_METHOD", 'one of CHABAD_AUTH["AUTH_METHODS"]'
    id_field = issuer["EXTERNAL_ID_FIELD"]
    if id_field not in (None, *EXTERNAL_ID_FIELDS):
        yield "EXTERNAL_ID_FIELD", f"one of {', '.join(EXTERNAL_ID_FIELDS)}"
    elif id_field is not None and id_field in [other["EXTERNAL_ID_FIELD"] for other in others]:
        # The ids of two issuers would be taken for one another's.
        yield "EXTERNAL_ID_FIELD", "filled by one issuer only"
    for name in (name for name in ISSUER_DEFAULTS if name.endswith("_CLAIM")):
        if not _is_path(issuer[name]) and issuer[name] != ISSUER_DEFAULTS[name]:
            yield name, "the path of a claim or a list of paths"
    if not isinstance(issuer["EMAILS_ARE_VERIFIED"], bool):
        yield "EMAILS_ARE_VERIFIED", "True or False"


def _nameless_problems(
    issuer: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    has_issuer, lifetime = issuer["TOKENS_HAVE_ISSUER"], issuer["MAX_LIFETIME_SECONDS"]
    if not isinstance(has_issuer, bool):
        yield "TOKENS_HAVE_ISSUER", "True or False"
    elif not has_issuer and False in [other["TOKENS_HAVE_ISSUER"] for other in others]:
        yield "TOKENS_HAVE_ISSUER", "False for one issuer only"
    if not (_is_lifetime(lifetime) or (lifetime is None and has_issuer)):
        yield "MAX_LIFETIME_SECONDS", "a whole number of seconds where tokens have no issuer"


def is_uri(value: Any) -> bool:
    """Tell whether MongoDB can be found by the value, or by what it returns when it is called."""
    if not isinstance(value, str):
        return value is None or callable(value)
    if value.startswith("mongodb+srv://"):
        # Reading more of it takes DNS.
        return True
    try:
        parse_uri(value)
    except (PyMongoError, ValueError):
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_short_time(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 300


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


def _is_auth_method_map(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and _is_names(list(value))
        and all(method in list(conf.AUTH_METHODS) for method in value.values())
    )


def _is_rates(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        rate is None or (isinstance(rate, str) and RATE.fullmatch(rate)) for rate in value.values()
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_path(value: Any) -> bool:
    return _is_name(value) or (_is_names(value) and bool(value))


def _is_lifetime(value: Any) -> bool:
    return _is_positive_integer(value) and value <= 100 * 366 * 86_400


def _is_issuers(value: Any) -> bool:
    if not isinstance(value, Sequence) or not all(isinstance(item, Mapping) for item in value):
        return False
    names = [issuer.get("ISSUER") for issuer in value]
    return all(map(_is_name, names)) and len(set(names)) == len(names)


def _is_secret(value: Any) -> bool:
    return isinstance(value, (str, bytes)) and _verifies(value, ALGORITHM)


def _verifies(key: Any, algorithm: str) -> bool:
    try:
        prepared = jwt.get_algorithm_by_name(algorithm).prepare_key(key)
    except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
        return False
    if isinstance(prepared, bytes):
        return len(prepared) >= MIN_SECRET_BYTES
    # A private key has no business in the settings of one who verifies.
    return hasattr(prepared, "verify")


def _is_safe_url(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    local = url.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(url.hostname) and (url.scheme == "https" or (url.scheme == "http" and local))


#: Setting -> (test of its value, what is expected, number of the check).
RULES: dict[str, tuple[Callable[[Any], bool], str, int]] = {
    "MONGODB_URI": (is_uri, "a mongodb:// URI, a callable that returns one, or None", 3),
    "MONGODB_OPTIONS": (
        lambda value: isinstance(value, Mapping) and all(isinstance(name, str) for name in value),
        "a dict with the names of options as keys",
        5,
    ),
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
    "AUDIT_RETENTION_DAYS": (
        lambda value: _is_positive_integer(value) and value <= 24_855,
        "a whole number of days from 1 to 24855",
        41,
    ),
    "PERMISSIONS": (_is_names, "a list of names", 42),
    "ANALYTICS_KEEP_ANONYMOUS_COUNTS": (
        lambda value: isinstance(value, bool),
        "True or False",
        29,
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
    "BODY_MAX_BYTES": (_is_positive_integer, "a positive whole number of bytes", 18),
    "REQUEST_TIMEOUT": (_is_positive, "a positive number of seconds", 19),
    "THROTTLE_RATES": (_is_rates, 'a dict from scope to a rate such as "10/min", or None', 40),
    "THROTTLE_WITHOUT_CACHE": (
        lambda value: value in ("refuse", "allow"),
        '"refuse" or "allow"',
        50,
    ),
    "JSON_MAX_KEYS": (_is_positive_integer, "a positive whole number", 17),
    "ISSUERS": (_is_issuers, "a list of dicts, each with another ISSUER", 20),
    "SIGNING_KEY": (
        lambda value: value is None or _is_secret(value),
        f"None or a secret, no key pair, of at least {MIN_SECRET_BYTES} bytes",
        21,
    ),
    "SIGNING_KEY_FALLBACKS": (
        lambda value: isinstance(value, (list, tuple)) and all(map(_is_secret, value)),
        f"a list of secrets of at least {MIN_SECRET_BYTES} bytes",
        51,
    ),
    "HOST_ID": (
        lambda value: value is None or (_is_name(value) and len(value) <= MAX_NAME_LENGTH),
        f"a string of 1 to {MAX_NAME_LENGTH} characters, or None",
        52,
    ),
    "HOST_ADAPTER": (_is_name, "the dotted path of a class", 53),
    "HOST_RECHECK_SECONDS": (_is_short_time, "a number of seconds from 0 to 300", 54),
    "SOCIAL_AUTH_METHODS": (
        _is_auth_method_map,
        'a dict from provider to one of CHABAD_AUTH["AUTH_METHODS"]',
        58,
    ),
    "REFRESH_GRACE_SECONDS": (_is_short_time, "a number of seconds from 0 to 300", 55),
    "TOKEN_ISSUER": (_is_name, "a string that is not empty", 22),
    "TOKEN_AUDIENCE": (_is_name, "a string that is not empty", 23),
    "ACCESS_TOKEN_SECONDS": (_is_lifetime, "a whole number of seconds, at most 100 years", 24),
    "REFRESH_TOKEN_SECONDS": (_is_lifetime, "a whole number of seconds, at most 100 years", 25),
    "TOKEN_LEEWAY_SECONDS": (_is_short_time, "a number of seconds from 0 to 300", 26),
    "TOKEN_MAX_BYTES": (_is_positive_integer, "a positive whole number of bytes", 27),
}
