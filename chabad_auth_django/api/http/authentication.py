"""Authentication: a bearer token, or a session of the host project."""

import functools
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from chabad_auth_django.api.http.errors import CHALLENGE, status_of
from chabad_auth_django.api.http.reading import ReadsFirst
from chabad_auth_django.api.http.request import Request as OurRequest
from chabad_auth_django.exceptions import (
    ChabadAuthError,
    InvalidToken,
    Text,
    Unavailable,
    translated,
)
from chabad_auth_django.failures import log_failure
from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import callers, tokens
from chabad_auth_django.services.signing_in.tokens import AccessClaims

_Authenticate = Callable[[Any, Request], Any]


def _for_any_view(authenticate: _Authenticate) -> _Authenticate:
    """Raise REST framework's errors in the host's own views, whose handler knows no others."""

    @functools.wraps(authenticate)
    def wrapper(self: Any, request: Request) -> Any:
        try:
            return authenticate(self, request)
        except ChabadAuthError as error:
            if isinstance(request, OurRequest):
                raise
            status = status_of(error)
            kind = AuthenticationFailed if status == 401 else APIException
            answer: Any = kind(translated(error.detail), error.code)
            answer.status_code, answer.wait = status, error.retry_after
            raise answer from error

    return wrapper


class BearerAuthentication(BaseAuthentication):
    """Authenticate ``Authorization: Bearer`` with an access token, or a token of an issuer.

    The user, a block and the session are read from the database each time, with one command, so
    a deletion, a block, a sign-out and a change of roles take effect at once.
    """

    @_for_any_view
    def authenticate(self, request: Request) -> tuple[User, AccessClaims | None] | None:
        """Return the user, and the claims of an access token; ``None`` without such a header."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = token.strip()
        try:
            claims = tokens.verify_access_token(token=token)
        except InvalidToken:
            return callers.by_issuer_token(token=token), None
        view = (request.parser_context or {}).get("view")
        first = view if isinstance(view, ReadsFirst) else ReadsFirst()
        user, first.beside = callers.by_access_token(
            claims=claims, beside=first.begin_read(claims.user_id)
        )
        return user, claims

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


class SessionAuthentication(BaseAuthentication):
    """Authenticate an account that is logged in to the host project, with CSRF."""

    @_for_any_view
    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user to whom the account of the session is linked.

        Return ``None`` where nobody is logged in. An account gets its user when it logs in.
        """
        account = getattr(request._request, "user", None)
        if not is_logged_in(account):
            return None
        _enforce_csrf(request._request)
        session = getattr(request._request, "session", None)
        return callers.by_host_account(account=account, session=session), None


def is_logged_in(account: Any) -> bool:
    """Tell whether there is an active account; raise ``Unavailable`` where it cannot be read."""
    try:
        return bool(account and account.is_authenticated and account.is_active)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        # The host may keep its sessions in a cache, which raises its own errors in an outage.
        log_failure(SessionAuthentication, error, moment="when it read the session")
        raise Unavailable("The session cannot be read now. Try again.") from error


def _enforce_csrf(request: HttpRequest) -> None:
    check: Any = CSRFCheck(lambda request: HttpResponse())
    check.process_request(request)
    if reason := check.process_view(request, None, (), {}):
        text = Text("CSRF failed: {reason}", reason=reason[:100])
        raise PermissionDenied(translated(text), code="csrf_failed")
