"""Finding the user of a request; each request is checked again.

A token or a session of the Django project names the caller. One command reads the user, a block
and the session, which tell whether the caller still has access. A session that an account of the
Django project opened ends with that account, so one SQL query reads the account too.
"""

import math
import time
from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from django.apps import apps
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables
from pymongo.errors import OperationFailure

from chabad_auth_django.conf import conf
from chabad_auth_django.db.reads import Found, Read, send_together
from chabad_auth_django.exceptions import (
    AuthMethodDisabled,
    Blocked,
    CredentialsDisabled,
    InvalidCredentials,
    InvalidToken,
    SecondFactorRequired,
    Text,
    ValidationError,
)
from chabad_auth_django.models import Block, ExternalId, Session, User
from chabad_auth_django.models.external_id import HOST, ISSUER
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.session import VOUCHED
from chabad_auth_django.services.identity import host_roles, hosts, identities
from chabad_auth_django.services.identity.hosts import CREDENTIALS
from chabad_auth_django.services.identity.identity import Identity
from chabad_auth_django.services.signing_in import issuers, sessions
from chabad_auth_django.services.signing_in.tokens import AccessClaims
from chabad_auth_django.validators import validate_name, validate_text

#: How many accounts of the host a process remembers to have checked (``HOST_RECHECK_SECONDS``).
MEMORY_SIZE = 10_000

#: (claim, session hash) of an account -> when it was checked, by ``time.monotonic()``.
_looked_at: dict[tuple[str, str | None], float] = {}

#: Characters of a password: hashing it takes time in proportion.
MAX_PASSWORD_LENGTH = 4096


def by_access_token(
    *, claims: AccessClaims, beside: Read | None = None
) -> tuple[User, Found | None]:
    """Return the user of a verified access token, and what ``beside`` has found.

    One command reads both. If it fails because of ``beside``, the user is read alone and the second
    value is ``None``. Raises ``InvalidToken`` (the session must be open), ``Blocked`` and
    ``AuthMethodDisabled``.
    """
    reads = {
        "user": User.reading(_id=claims.user_id),
        "block": Block.reading(userId=claims.user_id),
        "session": Session.reading(_id=claims.session_id),
    }
    try:
        stored, found = send_together(reads, beside)
    except OperationFailure as error:
        if beside is None or error.timeout:
            raise
        stored, found = send_together(reads)
    user = judge(user=stored["user"], block=stored["block"])
    check_session(session=stored["session"], user=user)
    return user, found


def by_cookie(*, secret: object) -> tuple[User, ObjectId]:
    """Return the user and the id of the open session whose secret a cookie holds.

    Raises ``InvalidToken``, ``Blocked`` and ``AuthMethodDisabled``.
    """
    session = sessions.read_cookie_session(secret=secret)
    user = judge(user=next(iter(session["users"]), None), block=session["blocks"])
    check_session(session=session, user=user)
    return user, session["_id"]


def by_issuer_token(*, token: object) -> User:
    """Return whom the token of a configured issuer names; create the user where there is none.

    Such a token has no session. ``identities.refuse_earlier_tokens`` ends those of a user. Raises
    ``InvalidToken``, ``IssuerUnavailable``, ``EmailNotVerified``, ``ExternalIdTaken``, ``Blocked``
    and ``AuthMethodDisabled``.
    """
    identity = issuers.verify_issuer_token(token=token)
    check_method(identity.auth_method)
    user = identities.find_claimant(key=identity.key, issued_at=identity.issued_at)
    if user is None:
        return _first_time(identity)
    host_roles.recheck(user=user)
    return user


@sensitive_variables()
def verify_credentials(*, request: HttpRequest | None, username: str, password: str) -> Any:
    """Return the account of the Django project with this username and password.

    Raises ``InvalidCredentials``, ``CredentialsDisabled``, ``SecondFactorRequired`` and
    ``ValidationError``.
    """
    check_host_door()
    validate_name(username)
    if len(validate_text(password)) > MAX_PASSWORD_LENGTH:
        raise ValidationError(
            Text("A password has at most {maximum} characters.", maximum=MAX_PASSWORD_LENGTH)
        )
    account = authenticate(request, username=username, password=password)
    host = hosts.adapter()
    # Not every Django backend refuses a disabled account.
    if account is None or not host.is_active(account=account):
        raise InvalidCredentials
    if host.has_second_factor(account=account):
        raise SecondFactorRequired
    return account


def by_host_account(*, account: Any, session: Any) -> User:
    """Return the user of an account that is logged in to the Django project.

    ``session`` is the Django session. Raises ``InvalidToken``, ``AuthMethodDisabled``,
    ``SecondFactorRequired``, ``EmailNotVerified``, ``ExternalIdTaken`` and ``Blocked``.
    """
    auth_method = check_host_login(account=account, session=session)
    user = identities.find_claimant(key=hosts.host_key(account=account))
    if user is not None:
        host_roles.follow(user=user, account=account)
        return user
    return _first_time(identities.of_host_account(account=account, auth_method=auth_method))


def check_host_login(*, account: Any, session: Any) -> str:
    """Return the authentication method of an account that is logged in to the Django project.

    ``session`` is the Django session. Raises ``AuthMethodDisabled`` where the method is not
    allowed, ``InvalidToken`` where the account is disabled, and ``SecondFactorRequired``.
    """
    host = hosts.adapter()
    auth_method = host.auth_method(account=account, session=session)
    check_host_door(auth_method=auth_method)
    # The adapter may know more than Django, which looks at ``is_active`` alone.
    if not host.is_active(account=account):
        raise InvalidToken
    hosts.check_second_factor(account=account, session=session)
    return auth_method


def judge(*, user: Mapping[str, Any] | None, block: Any) -> User:
    """Return the user of these stored documents; raise ``InvalidToken`` and ``Blocked``."""
    if user is None:
        raise InvalidToken
    if block:
        raise Blocked
    return User.from_stored(user)


def check_session(*, session: Mapping[str, Any] | None, user: User) -> None:
    """Raise ``InvalidToken`` unless it is the user's, open, and what opened it is still valid.

    Updates the roles that the user has by accounts of the project. Raises ``AuthMethodDisabled`` if
    the way of signing in is no longer allowed.
    """
    if session is None or session.get("userId") != user.id:
        raise InvalidToken
    if session.get("endedAt") is not None or session["expiresAt"] <= now():
        raise InvalidToken
    check_method(session["authMethod"])
    opened_by = session.get("openedBy")
    if opened_by == VOUCHED:
        host_roles.recheck(user=user)
        return
    # Version 0.1.0 did not store what opened a session, so it cannot be checked.
    kind, parts = ExternalId.parse_account_key(opened_by or "")
    if kind == ISSUER and parts[0] in {issuer["ISSUER"] for issuer in conf.ISSUERS}:
        if not ExternalId.counts(session, user.stored or {}):
            raise InvalidToken
        host_roles.recheck(user=user)
        return
    if kind != HOST or parts[0] != conf.HOST_ID:
        raise InvalidToken
    check_host_door(auth_method=session["authMethod"])
    _check_host_account(str(opened_by), parts[1], session.get("hostHash"), user)


def check_method(auth_method: str) -> None:
    """Raise ``AuthMethodDisabled`` unless the settings allow the authentication method."""
    if auth_method not in conf.AUTH_METHODS:
        raise CredentialsDisabled if auth_method == CREDENTIALS else AuthMethodDisabled


def check_host_door(*, auth_method: str = CREDENTIALS) -> None:
    """Raise ``AuthMethodDisabled`` unless accounts of the project may sign in by the method."""
    check_method(auth_method)
    if not apps.is_installed("django.contrib.auth") or conf.HOST_ID is None:
        raise CredentialsDisabled


def _first_time(identity: Identity) -> User:
    user = identities.find_or_link_user(identity=identity)
    if user is None:
        raise InvalidToken
    return user


def _check_host_account(key: str, primary_key: str, session_hash: str | None, user: User) -> None:
    entry = (key, session_hash)
    if time.monotonic() < _looked_at.get(entry, -math.inf) + conf.HOST_RECHECK_SECONDS:
        return
    host = hosts.adapter()
    account = host.get_account(primary_key=primary_key)
    if account is None or not host.is_active(account=account):
        raise InvalidToken
    if hosts.host_key(account=account) != key:
        raise InvalidToken
    hashes = host.session_hashes(account=account)
    if hashes and not any(constant_time_compare(session_hash or "", item) for item in hashes):
        raise InvalidToken
    host_roles.follow(user=user, account=account)
    if conf.HOST_RECHECK_SECONDS:
        if len(_looked_at) >= MEMORY_SIZE:
            _looked_at.clear()
        _looked_at[entry] = time.monotonic()
