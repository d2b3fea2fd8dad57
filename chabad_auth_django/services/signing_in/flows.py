"""What happens when a user signs in, refreshes and signs out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from chabad_auth_django import signals
from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic, on_commit
from chabad_auth_django.exceptions import (
    AmbiguousEmail,
    CredentialsDisabled,
    DuplicateEmail,
    EmailNotVerified,
    InvalidCredentials,
    InvalidToken,
    NotFound,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import Activity, Analytics, Session, User
from chabad_auth_django.services.identity import external_ids
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import issuers, sessions, tokens
from chabad_auth_django.services.signing_in.issuers import Identity
from chabad_auth_django.validators import (
    validate_json,
    validate_name,
    validate_text,
)

#: The authentication method of a username and a password.
CREDENTIALS = "credentials"

#: The issuer of the host project's users.
DJANGO = "django"

#: The authentication method of a session that an operator opened.
BEARER_TOKEN = "bearer-token"  # noqa: S105

#: Characters of a password: hashing it takes time in proportion.
MAX_PASSWORD_LENGTH = 4096


@dataclass(frozen=True)
class SignedIn:
    """A user with a session, and the tokens that the client gets."""

    user: User
    session: Session
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@sensitive_variables()
def sign_in_with_token(
    *, token: object, app_id: str | None = None, user_agent: str | None = None
) -> SignedIn:
    """Sign in whom the token of a configured issuer names; create the user where there is none.

    The user is found by the external id, then by the e-mail address if the issuer verified it.
    Raises ``InvalidToken``, ``IssuerUnavailable``, ``EmailNotVerified``, ``ExternalIdTaken`` and
    ``ValidationError``.
    """
    identity = issuers.verify_issuer_token(token=token)
    return log_in(
        user_id=find_or_create_user(identity=identity).id,
        auth_method=identity.auth_method,
        app_id=app_id,
        user_agent=user_agent,
    )


@sensitive_variables()
def sign_in_with_credentials(
    *,
    request: HttpRequest | None,
    username: str,
    password: str,
    app_id: str | None = None,
    user_agent: str | None = None,
) -> SignedIn:
    """Sign in whom a backend of Django knows by the username and the password.

    The host project vouches for the e-mail addresses of its users: by it ours is found or created.
    Raises ``InvalidCredentials``, ``CredentialsDisabled``, ``EmailNotVerified`` where there is no
    e-mail address, and ``ValidationError``.
    """
    if not apps.is_installed("django.contrib.auth") or CREDENTIALS not in conf.AUTH_METHODS:
        raise CredentialsDisabled
    validate_name(username)
    if len(validate_text(password)) > MAX_PASSWORD_LENGTH:
        raise ValidationError(f"A password has at most {MAX_PASSWORD_LENGTH} characters.")
    django_user = authenticate(request, username=username, password=password)
    if django_user is None:
        raise InvalidCredentials
    return log_in(
        user_id=find_or_create_user(identity=_django_identity(django_user)).id,
        auth_method=CREDENTIALS,
        app_id=app_id,
        user_agent=user_agent,
    )


def record_django_login(*, django_user: Any) -> User | None:
    """Run the login flow for a user of Django who logged in to the host project.

    Returns our user with the same e-mail address, found or created; ``None`` where there is no
    address or the host project does not allow credentials. Raises ``ValidationError``.
    """
    identity = _django_identity(django_user)
    if not identity.email or CREDENTIALS not in conf.AUTH_METHODS:
        return None
    user = find_or_create_user(identity=identity)
    return record_login(user_id=user.id, auth_method=CREDENTIALS)


def read_user_by_token(*, token: object) -> User | None:
    """Return the user whom the token of a configured issuer names; create or change nothing.

    ``None`` where signing in with the token would create a user, change one or fail. Raises
    ``InvalidToken`` and ``IssuerUnavailable``.
    """
    identity = issuers.verify_issuer_token(token=token)
    id_field, external_id = identity.external_id_field, identity.external_id
    if id_field and external_id:
        user = external_ids.read_user_by_external_id(field=id_field, value=external_id)
        if user is not None:
            return user
    user = _read_user_by_email(identity.email) if identity.email_verified else None
    if user is not None and id_field and external_id and (user.stored or {}).get(id_field):
        # It has the id of somebody else at the issuer.
        return None
    return user


def read_user_by_django_user(*, django_user: Any) -> User | None:
    """Return our user with the e-mail address of a user of Django; create or change nothing."""
    return _read_user_by_email(_email_of(django_user))


def issue_tokens(*, name: str, create: bool = False, user_agent: str | None = None) -> SignedIn:
    """Open a session for the user with the name, for an operator who vouches for them.

    The name is an id, an e-mail address or an external id. It is no login of the user: nothing is
    recorded. Raises ``UserNotFound``, unless a user with that e-mail address is to be created, and
    ``ValidationError``.
    """
    try:
        user = creation.find_user(name=name)
    except UserNotFound:
        if not create:
            raise
        user = User.create_user(email=name, auth_methods=[BEARER_TOKEN])
    session, refresh_token = sessions.open_session(
        user_id=user.id, auth_method=BEARER_TOKEN, user_agent=user_agent
    )
    return _signed_in(user, session, refresh_token)


def refresh(*, refresh_token: object) -> SignedIn:
    """Exchange a refresh token for a new one and a new access token.

    Raises ``InvalidToken``; a token that was exchanged before ends its session.
    """
    session, next_token = sessions.rotate_session(refresh_token=refresh_token)
    user = User.find_by_id(session.user_id)
    if user is None:
        raise InvalidToken
    return _signed_in(user, session, next_token)


def sign_out(*, user_id: Any, session_id: Any) -> None:
    """End the session; nothing changes when it has ended."""
    with suppress(NotFound):
        sessions.revoke_session(user_id=user_id, session_id=session_id)


@atomic
def log_in(
    *,
    user_id: Any,
    auth_method: str,
    app_id: str | None = None,
    user_agent: str | None = None,
) -> SignedIn:
    """Open a session for a user who proved who they are, and run the login flow; both or none.

    Raises ``UserNotFound`` and ``ValidationError``.
    """
    if app_id is not None:
        validate_name(app_id)
    session, refresh_token = sessions.open_session(
        user_id=user_id, auth_method=auth_method, user_agent=user_agent
    )
    user = record_login(
        user_id=user_id, app_id=app_id, session_id=str(session.id), auth_method=auth_method
    )
    return _signed_in(user, session, refresh_token)


def find_or_create_user(*, identity: Identity) -> User:
    """Return the user whom the identity names, with the authentication method and external id.

    Raises ``EmailNotVerified``, ``ExternalIdTaken`` and ``ValidationError``.
    """
    try:
        return _find_or_create_user(identity)
    except DuplicateEmail:
        # Somebody else created the same user meanwhile: this time it is found.
        return _find_or_create_user(identity)


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
    event: dict[str, Any] = {}
    for name, value in (("appId", app_id), ("sessionId", session_id)):
        if value is not None:
            event[name] = validate_name(value)
    if auth_method:
        validate_json(auth_method, max_bytes=conf.EVENT_DATA_MAX_BYTES)
        event["eventData"] = {"authMethod": auth_method}
    user = User.record_login(user_id)
    event |= {"userId": user.id, "timestamp": user.last_login}
    # Changing the user makes the transaction conflict with its deletion; without one, look again.
    fence = not connection.supports_transactions()
    Activity.insert_rows([{**event, "eventType": "login"}], fence=fence)
    analytics = {**event, "eventName": "login", "eventCategory": "engagement"}
    Analytics.insert_rows([analytics], fence=fence)
    on_commit(
        partial(
            signals.user_logged_in.send_robust,
            sender=User,
            user=user,
            auth_method=auth_method,
            app_id=app_id,
        )
    )
    return user


@atomic
def _find_or_create_user(identity: Identity) -> User:
    id_field, external_id = identity.external_id_field, identity.external_id
    user = None
    if id_field and external_id:
        user = external_ids.find_user_by_external_id(field=id_field, value=external_id)
    if user is None:
        # An unverified address must not create a user either: it would tell by succeeding that
        # there was none, and wait for the owner of the address to sign in to it.
        if not identity.email or not identity.email_verified:
            raise EmailNotVerified
        try:
            user = User.find_by_email(identity.email)
        except AmbiguousEmail:
            # The owner of the address is one of several users, and nothing says which.
            raise EmailNotVerified from None
        user = user or User.create_user(
            email=identity.email, name=identity.name, auth_methods=[identity.auth_method]
        )
        if id_field and external_id:
            user = external_ids.link_external_id(user_id=user.id, field=id_field, value=external_id)
    if identity.auth_method not in user.auth_methods:
        user.add_auth_method(identity.auth_method)
    return user


def _read_user_by_email(email: Any) -> User | None:
    try:
        return User.find_by_email(email)
    except (AmbiguousEmail, ValidationError):
        return None


def _email_of(django_user: Any) -> Any:
    email_field = getattr(django_user, "get_email_field_name", lambda: "email")()
    return getattr(django_user, email_field, None)


def _django_identity(django_user: Any) -> Identity:
    name = getattr(django_user, "get_full_name", str)()
    return Identity(
        auth_method=CREDENTIALS,
        issuer=DJANGO,
        subject=str(django_user.pk),
        email=_email_of(django_user),
        email_verified=True,
        name=name[: issuers.MAX_NAME_LENGTH] or None,
    )


def _signed_in(user: User, session: Session, refresh_token: str) -> SignedIn:
    access_token = tokens.issue_access_token(user_id=user.id, session_id=session.id)
    return SignedIn(user, session, access_token, refresh_token)
