"""The rules for each key of an issuer in ``ISSUERS``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from jwt.algorithms import requires_cryptography

from chabad_auth_django.conf import ISSUER_DEFAULTS, conf, rules
from chabad_auth_django.models.external_id import EXTERNAL_ID_FIELDS


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
    if not (rules.are_names(algorithms) and algorithms):
        yield "ALGORITHMS", "a list of names"
    elif (url is None) == (issuer["KEY"] is None):
        yield "JWKS_URL", "given or KEY, not both"
    elif url is None:
        key = issuer["KEY"]
        keys = key if isinstance(key, Mapping) else dict.fromkeys(algorithms, key)
        if set(keys) != set(algorithms) or not all(map(rules.verifies, keys.values(), keys)):
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
    for name in ("EMAILS_ARE_VERIFIED", "EXTERNAL_ID_LINKS_STAFF"):
        if not isinstance(issuer[name], bool):
            yield name, "True or False"


def _nameless_problems(
    issuer: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    has_issuer, lifetime = issuer["TOKENS_HAVE_ISSUER"], issuer["MAX_LIFETIME_SECONDS"]
    if not isinstance(has_issuer, bool):
        yield "TOKENS_HAVE_ISSUER", "True or False"
    elif not has_issuer and False in [other["TOKENS_HAVE_ISSUER"] for other in others]:
        yield "TOKENS_HAVE_ISSUER", "False for one issuer only"
    if not (rules.is_lifetime(lifetime) or (lifetime is None and has_issuer)):
        yield "MAX_LIFETIME_SECONDS", "a whole number of seconds where tokens have no issuer"


def _is_path(value: Any) -> bool:
    return rules.is_name(value) or (rules.are_names(value) and bool(value))


def _is_safe_url(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    local = url.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(url.hostname) and (url.scheme == "https" or (url.scheme == "http" and local))
