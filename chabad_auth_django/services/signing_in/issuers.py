"""Verifying the tokens of the issuers in ``CHABAD_AUTH["ISSUERS"]``.

Keys, algorithms and audience come from the settings only. Before it is verified, a token only
selects the issuer, and one of the keys of that issuer.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from chabad_auth_django.conf import conf, configured_issuers
from chabad_auth_django.exceptions import InvalidToken, ValidationError
from chabad_auth_django.services.identity.identity import MAX_NAME_LENGTH, Identity
from chabad_auth_django.services.signing_in import key_sets, tokens
from chabad_auth_django.services.signing_in.tokens import ACCESS_TOKEN_TYPE
from chabad_auth_django.texts import cut
from chabad_auth_django.validators import validate_name

#: Keys that are tried for one token.
MAX_TRIED_KEYS = 16


def verify_issuer_token(*, token: object) -> Identity:
    """Return whom a configured issuer's token names.

    Raises ``InvalidToken``, and ``IssuerUnavailable`` when the issuer's keys cannot be fetched.
    """
    issuers = configured_issuers()
    key_sets.forget_key_sets(except_at=[issuer["JWKS_URL"] for issuer in issuers])
    header, claims = tokens.peek(token)
    issuer = _find_issuer(issuers, claims)
    if header.get("alg") not in issuer["ALGORITHMS"] or "crit" in header:
        raise InvalidToken
    # RFC 8725: what has a type of its own, such as a logout token, says something else.
    kind = str(header.get("typ")).lower().removeprefix("application/")
    if kind.endswith("+jwt") and kind != ACCESS_TOKEN_TYPE:
        raise InvalidToken
    for keys in _keys(issuer, header):
        for key in keys[:MAX_TRIED_KEYS]:
            with suppress(tokens.WrongKey):
                return _identity(issuer, _verify(token, key, issuer))
    raise InvalidToken


def _find_issuer(
    issuers: Sequence[Mapping[str, Any]], claims: Mapping[str, Any]
) -> Mapping[str, Any]:
    for issuer in issuers:
        if issuer["TOKENS_HAVE_ISSUER"]:
            if claims.get("iss") == issuer["ISSUER"]:
                return issuer
        elif "iss" not in claims:
            return issuer
    raise InvalidToken


def _keys(issuer: Mapping[str, Any], header: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    """Yield the keys that may verify a token with the header; then those that the issuer has now.

    An id of a key selects among them; neither a token nor a key has to have one.
    """
    algorithm, kid = header["alg"], header.get("kid")
    if not issuer["JWKS_URL"]:
        configured = issuer["KEY"]
        yield [configured.get(algorithm) if isinstance(configured, Mapping) else configured]
        return
    key_set = key_sets.get_key_set(url=issuer["JWKS_URL"], algorithms=issuer["ALGORITHMS"])
    for keys in key_set.versions():
        yield [
            key
            for key in keys
            if key.algorithm_name == algorithm and (kid is None or key.key_id in (kid, None))
        ]


def _verify(token: object, key: Any, issuer: Mapping[str, Any]) -> dict[str, Any]:
    audience = issuer["AUDIENCE"]
    has_issuer = issuer["TOKENS_HAVE_ISSUER"]
    _, claims = tokens.decode(
        token,
        key,
        algorithms=issuer["ALGORITHMS"],
        audience=audience,
        issuer=issuer["ISSUER"] if has_issuer else None,
        leeway=conf.TOKEN_LEEWAY_SECONDS,
        require=["exp", *(["iss"] if has_issuer else []), *(["aud"] if audience else [])],
    )
    if audience is None and "aud" in claims:
        raise InvalidToken
    _check_lifetime(claims, issuer["MAX_LIFETIME_SECONDS"])
    return claims


def _check_lifetime(claims: Mapping[str, Any], max_seconds: float | None) -> None:
    if max_seconds is None:
        return
    issued_at = claims.get("iat", time.time() + conf.TOKEN_LEEWAY_SECONDS)
    if int(claims["exp"]) - int(issued_at) > max_seconds:
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
    if verified is None:
        verified = issuer["EMAILS_ARE_VERIFIED"]
    return Identity(
        auth_method=issuer["AUTH_METHOD"],
        issuer=issuer["ISSUER"],
        subject=subject,
        email=email if isinstance(email, str) else None,
        email_verified=_is_verified(email, verified),
        name=cut(name, MAX_NAME_LENGTH) or None if isinstance(name, str) else None,
        external_id_field=issuer["EXTERNAL_ID_FIELD"],
        external_id=external_id,
        links_to_default_role_only=not issuer["TOKENS_HAVE_ISSUER"],
        external_id_links_staff=issuer["TOKENS_HAVE_ISSUER"] or issuer["EXTERNAL_ID_LINKS_STAFF"],
        issued_at=_time(claims, "iat"),
        expires_at=_time(claims, "exp"),
    )


def _is_verified(email: object, verified: object) -> bool:
    if not isinstance(email, str) or not email.rpartition("@")[0].isascii():
        # Mail to full-width letters may have reached another mailbox than that of the normal form.
        return False
    # Some issuers send every claim as a text.
    return verified is True or verified == "true"


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    # No number of seconds since 1970 is too small for a token, but some are for a time.
    with suppress(ArithmeticError, LookupError, OSError, ValueError):
        return datetime.fromtimestamp(int(claims[name]), UTC)
    return None


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
        # 42 and "42" are the same person: some programs can only send text.
        value = str(value)
    try:
        return validate_name(value)
    except ValidationError:
        raise InvalidToken from None
