"""Signing in, refreshing tokens and signing out."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from chabad_auth_django import journal, signals
from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic, on_commit
from chabad_auth_django.exceptions import (
    AuthMethodDisabled,
    Blocked,
    EmailNotVerified,
    ExternalIdTaken,
    InvalidToken,
    NotFound,
    SecondFactorRequired,
    UserNotFound,
)
from chabad_auth_django.models import Activity, Analytics, Block, ExternalId, Session, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import audit, hosts, identities
from chabad_auth_django.services.identity.hosts import CREDENTIALS
from chabad_auth_django.services.identity.identity import Identity
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import attempts, callers, issuers, sessions, tokens
from chabad_auth_django.validators import to_object_id, validate_json, validate_new_name

#: The authentication method of a session that an operator opened.
BEARER_TOKEN = "bearer-token"  # noqa: S105


@dataclass(frozen=True)
class SignedIn:
    """A user with a session, and the tokens that the client gets.

    Where ``cookie_until`` was given, ``refresh_token`` is the secret of the cookie.
    """

    user: User
    session: Session
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@sensitive_variables()
def sign_in_with_token(
    *, token: object, app_id: str | None = None, user_agent: str | None = None
) -> SignedIn:
    """Sign in the user whom a configured issuer's token names; create a new user if needed.

    Raises ``InvalidToken``, ``IssuerUnavailable``, ``AuthMethodDisabled``, ``EmailNotVerified``,
    ``ExternalIdTaken``, ``Blocked`` and ``ValidationError``.
    """
    with attempts.attempt("token"):
        identity = issuers.verify_issuer_token(token=token)
        callers.check_method(identity.auth_method)
    return sign_in(identity=identity, app_id=app_id, user_agent=user_agent)


@sensitive_variables()
def sign_in_with_credentials(
    *,
    request: HttpRequest | None,
    username: str,
    password: str,
    app_id: str | None = None,
    user_agent: str | None = None,
) -> SignedIn:
    """Sign in the account that a Django backend authenticates by username and password.

    Raises ``InvalidCredentials``, ``CredentialsDisabled``, ``SecondFactorRequired`` where a
    password alone must not do, ``EmailNotVerified`` where the account is linked to nobody and has
    no verified address, ``ExternalIdTaken``, ``Blocked`` and ``ValidationError``.
    """
    with attempts.attempt(CREDENTIALS):
        account = callers.verify_credentials(request=request, username=username, password=password)
    return sign_in(
        identity=identities.of_host_account(account=account),
        host_hash=hosts.session_hash(account=account),
        app_id=app_id,
        user_agent=user_agent,
    )


def sign_in_with_host_session(
    *, account: Any, session: Any, app_id: str | None = None, user_agent: str | None = None
) -> SignedIn:
    """Sign in an account that logged in to the Django project just now.

    ``session`` is the Django session. Raises ``InvalidToken``, ``AuthMethodDisabled``,
    ``SecondFactorRequired``, ``EmailNotVerified``, ``ExternalIdTaken``, ``Blocked`` and
    ``ValidationError``.
    """
    with attempts.attempt("host_session"):
        auth_method = callers.check_host_login(account=account, session=session)
    return sign_in(
        identity=identities.of_host_account(account=account, auth_method=auth_method),
        host_hash=hosts.session_hash(account=account),
        app_id=app_id,
        user_agent=user_agent,
    )


@sensitive_variables()
def link_identity(
    *,
    user: User,
    request: HttpRequest | None = None,
    token: object = None,
    username: str = "",
    password: str = "",
) -> str:
    """Give the user the account of an issuer's token, or of a username and a password.

    Return the ``_id`` of its claim. The token or the password proves that the account is theirs.
    Raises ``ExternalIdTaken`` where the account is another user's, and what signing in raises.
    """
    with attempts.attempt("link"):
        if token is not None:
            identity = issuers.verify_issuer_token(token=token)
            callers.check_method(identity.auth_method)
        else:
            account = callers.verify_credentials(
                request=request, username=username, password=password
            )
            identity = identities.of_host_account(account=account)
        identities.link(user=user, identity=identity)
    return identity.key


def record_host_login(*, account: Any, session: Any) -> User | None:
    """Run the login flow for an account that logged in to the Django project.

    ``session`` is the Django session. Returns our user, found or created; ``None``, and nothing is
    stored, where the account may not sign in here. Raises ``ValidationError``.
    """
    try:
        with attempts.attempt("host_login"):
            auth_method = callers.check_host_login(account=account, session=session)
            identity = identities.of_host_account(account=account, auth_method=auth_method)
            return _record_host_login(identity)
    except (
        AuthMethodDisabled,
        Blocked,
        EmailNotVerified,
        ExternalIdTaken,
        InvalidToken,
        SecondFactorRequired,
    ):
        return None


@atomic
def _record_host_login(identity: Identity) -> User:
    return _store_login(_find_for_login(identity), _event(auth_method=identity.auth_method))


@atomic
def issue_tokens(*, name: str, create: bool = False, user_agent: str | None = None) -> SignedIn:
    """Open a session for the user with the name, for an operator who vouches for them.

    The name is an id, an e-mail address or an external id. It is no login of the user: nothing is
    recorded. Raises ``UserNotFound``, unless a user with that e-mail address is to be created,
    ``Blocked`` and ``ValidationError``.
    """
    try:
        user = creation.find_user(name=name)
    except UserNotFound:
        if not create:
            raise
        user = User.create_user(email=name, auth_methods=[BEARER_TOKEN])
    _check_not_blocked(user.id)
    audit.record(action="token.issue", user_id=user.id)
    session, refresh_token = sessions.open_session(
        user_id=user.id, auth_method=BEARER_TOKEN, user_agent=user_agent
    )
    return _signed_in(user, session, refresh_token)


def refresh(*, refresh_token: object, session: Mapping[str, Any] | None = None) -> SignedIn:
    """Exchange a refresh token for a new one and a new access token.

    ``session`` is what ``sessions.read_session`` has just returned for the token, if it was called.
    Raises ``InvalidToken``; an old token that does not give its successor again ends its session.
    Raises ``Blocked`` and ``AuthMethodDisabled``.
    """
    with attempts.attempt("refresh"):
        stored = session or sessions.read_session(refresh_token=refresh_token)
        user = callers.judge(user=next(iter(stored["users"]), None), block=stored["blocks"])
        callers.check_session(session=stored, user=user)
        rotated, next_token = sessions.rotate_session(refresh_token=refresh_token)
    journal.count("sign_ins", method="refresh", result="ok")
    return _signed_in(user, rotated, next_token)


def sign_out(*, user_id: Any, session_id: Any) -> None:
    """End the session; nothing changes when it has ended."""
    with suppress(NotFound):
        sessions.revoke_session(user_id=user_id, session_id=session_id)


def sign_in(
    *,
    identity: Identity,
    host_hash: str | None = None,
    app_id: str | None = None,
    user_agent: str | None = None,
    cookie_until: datetime | None = None,
) -> SignedIn:
    """Find or create the user of the identity, open a session and run the login flow.

    ``host_hash`` is that of ``Session``, ``cookie_until`` that of ``open_session``. Raises
    ``EmailNotVerified``, ``ExternalIdTaken``, ``Blocked``, ``InvalidToken`` and
    ``ValidationError``.
    """
    event = _event(auth_method=identity.auth_method, app_id=app_id)
    session = {"host_hash": host_hash, "user_agent": user_agent, "cookie_until": cookie_until}
    sign_in = partial(_sign_in, identity, event, opened_by=identity.key, **session)
    with attempts.attempt(identity.auth_method):
        try:
            return sign_in()
        except UserNotFound:
            # Deleted in between, where no transaction runs again: it is a new user, as afterwards.
            return sign_in()


@atomic
def _sign_in(identity: Identity, event: dict[str, Any], **session: Any) -> SignedIn:
    user = _find_for_login(identity)
    # Where it is not the user's, the account counts all the same.
    has_filled = ExternalId.counts({"fills": identity.fills}, user.stored or {})
    session["fills"] = identity.fills if has_filled else None
    return _open(user, event, auth_method=identity.auth_method, **session)


@atomic
def log_in(
    *, user_id: Any, auth_method: str, app_id: str | None = None, user_agent: str | None = None
) -> SignedIn:
    """Open a session for a user whom the project authenticated, and run the login flow.

    Raises ``UserNotFound``, ``Blocked`` and ``ValidationError``; nothing is stored then.
    """
    event = _event(auth_method=auth_method, app_id=app_id)
    _check_not_blocked(user_id)
    user = User.record_login(user_id)
    return _open(user, event, auth_method=auth_method, user_agent=user_agent)


def _check_not_blocked(user_id: Any) -> None:
    # The session would be open when the block ends.
    if Block.read(userId=to_object_id(user_id)) is not None:
        raise Blocked


def _open(user: User, event: dict[str, Any], **session: Any) -> SignedIn:
    opened, refresh_token = sessions.open_session(
        user_id=user.id, check_users=_must_check_user(), **session
    )
    user = _store_login(user, {**event, "sessionId": str(opened.id)})
    return _signed_in(user, opened, refresh_token)


def _find_for_login(identity: Identity) -> User:
    """Return the user of the identity, found or created, whose ``last_login`` is now."""
    time = now()
    user = identities.find_or_create_user(identity=identity, last_login=time)
    # A new user is stored with the time, which saves a command.
    return user if user.last_login == time else User.record_login(user.id)


@atomic
def record_login(
    *,
    user_id: Any,
    app_id: str | None = None,
    session_id: str | None = None,
    auth_method: str | None = None,
) -> User:
    """Set ``last_login`` and store the Activity and the Analytics event ``login``; all or none.

    (Specification: "User Activity Tracking Flow".) Returns the user. Raises ``UserNotFound`` and
    ``ValidationError``. Sends ``user_logged_in`` after commit.
    """
    event = _event(auth_method=auth_method, app_id=app_id, session_id=session_id)
    return _store_login(User.record_login(user_id), event)


def _event(
    *, auth_method: str | None, app_id: str | None = None, session_id: str | None = None
) -> dict[str, Any]:
    """Return what both events of a login have; raise ``ValidationError``."""
    event: dict[str, Any] = {}
    app_id = conf.DEFAULT_APP_ID if app_id is None else app_id
    for name, value in (("appId", app_id), ("sessionId", session_id)):
        if value is not None:
            event[name] = validate_new_name(value)
    if auth_method:
        validate_json(auth_method, max_bytes=conf.EVENT_DATA_MAX_BYTES)
        event["eventData"] = {"authMethod": auth_method}
    return event


def _store_login(user: User, event: dict[str, Any]) -> User:
    """Store both events of the login that ``last_login`` of the user tells; return the user."""
    auth_method = event.get("eventData", {}).get("authMethod")
    event = {**event, "userId": user.id, "timestamp": user.last_login}
    on_commit(partial(attempts.succeeded, user_id=user.id, method=auth_method or "none"))
    check_users = _must_check_user()
    Activity.insert_rows([{**event, "eventType": "login"}], check_users=check_users)
    analytics = {**event, "eventName": "login", "eventCategory": "engagement"}
    Analytics.insert_rows([analytics], check_users=check_users)
    on_commit(
        partial(
            signals.user_logged_in.send_robust,
            sender=User,
            user=user,
            auth_method=auth_method,
            app_id=event.get("appId"),
        )
    )
    return user


def _must_check_user() -> bool:
    # Changing the user makes the transaction conflict with its deletion; without one, look again.
    return not connection.supports_transactions()


def _signed_in(user: User, session: Session, refresh_token: str) -> SignedIn:
    access_token = tokens.issue_access_token(user_id=user.id, session_id=session.id)
    return SignedIn(user, session, access_token, refresh_token)
