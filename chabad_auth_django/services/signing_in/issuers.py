"""Verifying the tokens of the issuers in ``CHABAD_AUTH["ISSUERS"]``.

Keys, algorithms and audience come from the settings alone. What the token says of itself before it
is verified only picks the issuer whose settings count, and one among the keys of that issuer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from chabad_auth_django.conf import ISSUER_DEFAULTS, conf
from chabad_auth_django.exceptions import InvalidToken, IssuerUnavailable, ValidationError
from chabad_auth_django.services.signing_in import tokens
from chabad_auth_django.validators import validate_name

#: Seconds that fetching the keys of an issuer may take.
TIMEOUT = 5.0

#: Seconds for which fetched keys count.
LIFESPAN = 10 * 60

#: Seconds between two fetches that tokens with an unknown key id cause.
REFETCH_SECONDS = 60

#: Seconds after a failed fetch in which none is tried.
RETRY_SECONDS = 10

MAX_NAME_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who somebody is, as the one who checked it says."""

    auth_method: str
    #: Who checked it: issuer and subject together name one person.
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    external_id_field: str | None = None
    external_id: str | None = None
    #: Whether a verified address finds the user to whom the identity belongs.
    links_by_email: bool = True
    #: Whether it does so only for a user who has no more than the default role.
    links_to_default_role_only: bool = False


def verify_issuer_token(*, token: object) -> Identity:
    """Return whom a configured issuer's token names.

    Raises ``InvalidToken``, and ``IssuerUnavailable`` when the issuer's keys cannot be fetched.
    """
    header, claims = tokens.peek(token)
    issuer = _find_issuer(claims.get("iss"))
    url = issuer["JWKS_URL"]
    _, claims = tokens.decode(
        token,
        _key_set(url).get(header.get("kid")) if url else issuer["KEY"],
        algorithms=issuer["ALGORITHMS"],
        audience=issuer["AUDIENCE"],
        issuer=issuer["ISSUER"],
        leeway=conf.TOKEN_LEEWAY_SECONDS,
        require=["exp", "iss", "aud"],
    )
    return _identity(issuer, claims)


def _find_issuer(name: object) -> Mapping[str, Any]:
    for issuer in conf.ISSUERS:
        if issuer["ISSUER"] == name:
            return {**ISSUER_DEFAULTS, **issuer}
    raise InvalidToken


def _identity(issuer: Mapping[str, Any], claims: Mapping[str, Any]) -> Identity:
    subject = _identifier(_find(claims, issuer["SUBJECT_CLAIM"]))
    if subject is None:
        raise InvalidToken
    external_id = None
    if issuer["EXTERNAL_ID_FIELD"]:
        path = issuer["EXTERNAL_ID_CLAIM"]
        external_id = subject if path is None else _identifier(_find(claims, path))
    email, name = _find(claims, issuer["EMAIL_CLAIM"]), _find(claims, issuer["NAME_CLAIM"])
    verified = _find(claims, issuer["EMAIL_VERIFIED_CLAIM"])
    return Identity(
        auth_method=issuer["AUTH_METHOD"],
        issuer=issuer["ISSUER"],
        subject=subject,
        email=email if isinstance(email, str) else None,
        # Some issuers send every claim as a string.
        email_verified=verified is True or verified == "true",
        name=name[:MAX_NAME_LENGTH] or None if isinstance(name, str) else None,
        external_id_field=issuer["EXTERNAL_ID_FIELD"],
        external_id=external_id,
    )


def _find(claims: Mapping[str, Any], paths: str | Sequence[str]) -> Any:
    """Return the first claim that is there; ``None`` where none is."""
    found = (_read(claims, path) for path in ([paths] if isinstance(paths, str) else paths))
    return next((value for value in found if value is not None), None)


def _read(claims: object, path: str) -> Any:
    """Return the claim at the path, whose dots lead into nested claims.

    A name may itself have dots, such as that of a namespace: the longest name comes first.
    """
    if not isinstance(claims, Mapping):
        return None
    if path in claims:
        return claims[path]
    outer, dot, inner = path.rpartition(".")
    while dot:
        value = _read(claims.get(outer), inner)
        if value is not None:
            return value
        outer, dot, _ = outer.rpartition(".")
        inner = path[len(outer) + 1 :]
    return None


def _identifier(value: object) -> str | None:
    """Return an identifier as text; raise ``InvalidToken`` for what cannot be one."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        # 42 and "42" are one person: some programs know no other numbers than texts.
        value = str(value)
    try:
        return validate_name(value)
    except ValidationError:
        raise InvalidToken from None


class KeySet:
    """The keys at one JWKS URL, fetched when needed and by one thread at a time."""

    def __init__(self, url: str) -> None:
        # Its own caches differ between PyJWT's versions and do not bound failing fetches.
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT)
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._stale_at = self._refetch_at = self._retry_at = 0.0

    def get(self, kid: object) -> jwt.PyJWK:
        """Return the key with the id; raise ``InvalidToken`` or ``IssuerUnavailable``."""
        if not isinstance(kid, str):
            raise InvalidToken
        if self._is_stale() or kid not in self._keys:
            with self._lock:
                if self._is_stale():
                    self._fetch()
                elif kid not in self._keys and time.monotonic() >= self._refetch_at:
                    self._fetch()
                    self._refetch_at = time.monotonic() + REFETCH_SECONDS
        key = self._keys.get(kid)
        if key is None:
            raise InvalidToken
        return key

    def _is_stale(self) -> bool:
        return time.monotonic() >= self._stale_at

    def _fetch(self) -> None:
        if time.monotonic() < self._retry_at:
            raise IssuerUnavailable
        try:
            keys = self._client.get_signing_keys()
        except (jwt.PyJWTError, AttributeError, OSError, TypeError, ValueError):
            self._retry_at = time.monotonic() + RETRY_SECONDS
            raise IssuerUnavailable from None
        self._keys = {key.key_id: key for key in keys if key.key_id}
        self._stale_at = time.monotonic() + LIFESPAN


_key_sets: dict[str, KeySet] = {}


def _key_set(url: str) -> KeySet:
    return _key_sets.get(url) or _key_sets.setdefault(url, KeySet(url))
