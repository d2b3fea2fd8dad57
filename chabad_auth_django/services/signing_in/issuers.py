"""Verifying the tokens of the issuers in ``CHABAD_AUTH["ISSUERS"]``.

Keys, algorithms and audience come from the settings alone. What the token says of itself before it
is verified only picks the issuer whose settings count, and one among the keys of that issuer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
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


@dataclass(frozen=True)
class Identity:
    """Who somebody is, as the one who checked it says."""

    auth_method: str
    email: str | None
    email_verified: bool
    name: str | None = None
    external_id_field: str | None = None
    external_id: str | None = None


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
        require=["exp", "iss", "aud", "sub"],
    )
    return _identity(issuer, claims)


def _find_issuer(name: object) -> Mapping[str, Any]:
    for issuer in conf.ISSUERS:
        if issuer["ISSUER"] == name:
            return {**ISSUER_DEFAULTS, **issuer}
    raise InvalidToken


def _identity(issuer: Mapping[str, Any], claims: Mapping[str, Any]) -> Identity:
    email, name = claims.get(issuer["EMAIL_CLAIM"]), claims.get(issuer["NAME_CLAIM"])
    external_id = claims.get(issuer["EXTERNAL_ID_CLAIM"]) if issuer["EXTERNAL_ID_FIELD"] else None
    verified = claims.get(issuer["EMAIL_VERIFIED_CLAIM"])
    try:
        if external_id is not None:
            validate_name(external_id)
    except ValidationError:
        raise InvalidToken from None
    return Identity(
        auth_method=issuer["AUTH_METHOD"],
        email=email if isinstance(email, str) else None,
        # Some issuers send every claim as a string.
        email_verified=verified is True or verified == "true",
        name=name[:MAX_NAME_LENGTH] or None if isinstance(name, str) else None,
        external_id_field=issuer["EXTERNAL_ID_FIELD"],
        external_id=external_id,
    )


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
