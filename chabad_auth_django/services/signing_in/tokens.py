"""Issuing our own access tokens, and verifying any token."""

import functools
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jwt
from bson import ObjectId
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from django.utils.encoding import force_bytes

from chabad_auth_django.conf import conf
from chabad_auth_django.conf.rules import ALGORITHM, MIN_SECRET_BYTES
from chabad_auth_django.exceptions import InvalidToken, ValidationError
from chabad_auth_django.validators import to_object_id

#: The header ``typ`` of an access token (RFC 9068), by which other tokens are refused.
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105

#: Access tokens that a process remembers to have verified; about 1 KB each.
CACHE_SIZE = 4096

#: Tokens that version 0.1.0 signed are still accepted.
_SALT = "chabad_auth_django.services.tokens"

# Besides its own errors PyJWT raises some of Python's JSON parser.
_REFUSALS = (jwt.PyJWTError, ArithmeticError, RecursionError, TypeError, ValueError)


class WrongKey(InvalidToken):
    """The token was not signed with this key."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says."""

    user_id: ObjectId
    session_id: ObjectId
    issued_at: int
    expires_at: int


def issue_access_token(*, user_id: ObjectId, session_id: ObjectId) -> str:
    """Return a signed access token, good for ``CHABAD_AUTH["ACCESS_TOKEN_SECONDS"]``."""
    time_now = int(time.time())
    claims = {
        "iss": conf.TOKEN_ISSUER,
        "aud": conf.TOKEN_AUDIENCE,
        "sub": str(user_id),
        "sid": str(session_id),
        "iat": time_now,
        "exp": time_now + conf.ACCESS_TOKEN_SECONDS,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode(claims, signing_keys()[0], ALGORITHM, headers={"typ": ACCESS_TOKEN_TYPE})


def verify_access_token(*, token: object) -> AccessClaims:
    """Return what an access token of ours says, without a look at the database.

    Raises ``InvalidToken``.
    """
    text, leeway = _text(token), conf.TOKEN_LEEWAY_SECONDS
    for key in signing_keys():
        with suppress(InvalidToken):
            claims = _verify(text, key, conf.TOKEN_AUDIENCE, conf.TOKEN_ISSUER, leeway)
            break
    else:
        raise InvalidToken
    # The expiry alone changes with time; the rest was verified before.
    if claims.expires_at <= time.time() - leeway:
        raise InvalidToken
    return claims


# Only successes are remembered. The arguments are all that the verification depends on: under
# another key or setting the token is verified again.
@functools.lru_cache(CACHE_SIZE)
def _verify(text: str, key: bytes, audience: str, issuer: str, leeway: float) -> AccessClaims:
    header, claims = decode(
        text,
        key,
        algorithms=[ALGORITHM],
        audience=audience,
        issuer=issuer,
        leeway=leeway,
        require=["exp", "iat", "iss", "aud", "sub", "sid", "jti"],
    )
    if header.get("typ") != ACCESS_TOKEN_TYPE:
        raise InvalidToken
    try:
        user_id, session_id = to_object_id(claims["sub"]), to_object_id(claims["sid"])
    except ValidationError:
        raise InvalidToken from None
    # PyJWT takes "60" and 60.5 for numbers too.
    return AccessClaims(user_id, session_id, int(claims["iat"]), int(claims["exp"]))


def decode(
    token: object,
    key: Any,
    *,
    algorithms: Sequence[str],
    audience: str | Sequence[str] | None,
    issuer: str | None,
    leeway: float,
    require: list[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a token that the key verifies.

    Raises ``WrongKey`` where the signature is not of this key, and ``InvalidToken``, whatever else
    is wrong with it.
    """
    text = _text(token)
    try:
        decoded = jwt.decode_complete(
            text,
            key,
            algorithms=algorithms,
            audience=audience,
            issuer=issuer,
            leeway=leeway,
            # A subject may be a number: whoever reads it decides.
            options={"require": require, "verify_sub": False},
        )
    except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
        raise WrongKey from None
    except _REFUSALS:
        # The cause would carry parts of the token into a traceback.
        raise InvalidToken from None
    return decoded["header"], decoded["payload"]


def peek(token: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a token that nothing has verified yet.

    Raises ``InvalidToken``.
    """
    text = _text(token)
    try:
        decoded = jwt.decode_complete(text, options={"verify_signature": False})
    except _REFUSALS:
        raise InvalidToken from None
    return decoded["header"], decoded["payload"]


def _text(token: object) -> str:
    if not isinstance(token, str) or len(token) > conf.TOKEN_MAX_BYTES or not token.isascii():
        raise InvalidToken
    return token


def signing_keys() -> list[bytes]:
    """Return the keys that tokens may be signed with; the first one signs new tokens."""
    if conf.SIGNING_KEY is not None:
        given = [conf.SIGNING_KEY, *conf.SIGNING_KEY_FALLBACKS]
        return [_checked(key) for key in given]
    return [_derived(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _checked(signing_key: str | bytes) -> bytes:
    key = force_bytes(signing_key)
    if len(key) < MIN_SECRET_BYTES:
        # The system check says so too, but web servers do not run the checks.
        raise ImproperlyConfigured(
            f'CHABAD_AUTH["SIGNING_KEY"] must have at least {MIN_SECRET_BYTES} bytes.'
        )
    return key


@functools.lru_cache(maxsize=16)
def _derived(secret_key: str | bytes) -> bytes:
    return salted_hmac(_SALT, "access", secret=secret_key, algorithm="sha256").digest()
