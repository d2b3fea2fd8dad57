"""Who is calling: a bearer token, or a session of the host project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from chabad_auth_django.api.http.errors import CHALLENGE
from chabad_auth_django.exceptions import InvalidToken
from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import flows, tokens
from chabad_auth_django.services.signing_in.tokens import AccessClaims


class BearerAuthentication(BaseAuthentication):
    """Authenticate ``Authorization: Bearer`` with an access token, or a token of an issuer.

    The user is read from the database each time: a deleted one is refused at once, and a changed
    role counts at once. The token of a configured issuer must name a user that exists, by its
    external id or by a verified e-mail address; signing in with it is what creates one.
    """

    def authenticate(self, request: Request) -> tuple[User, AccessClaims | None] | None:
        """Return the user, and the claims of an access token; ``None`` without such a header."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            user, claims = _authenticate(token.strip())
        except InvalidToken as error:
            raise AuthenticationFailed(error.detail, code=error.code) from None
        if user is None:
            raise AuthenticationFailed(InvalidToken.default_detail, code=InvalidToken.code)
        return user, claims

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


class SessionAuthentication(BaseAuthentication):
    """Authenticate a user who is logged in to the host project, with CSRF, mapped by e-mail."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user with the e-mail address of the session's user, or ``None``."""
        host_user = getattr(request._request, "user", None)
        if not host_user or not host_user.is_active:
            return None
        user = flows.read_user_by_django_user(django_user=host_user)
        if user is None:
            return None
        _enforce_csrf(request._request)
        return user, None


def _authenticate(token: str) -> tuple[User | None, AccessClaims | None]:
    try:
        claims = tokens.verify_access_token(token=token)
    except InvalidToken:
        return flows.read_user_by_token(token=token), None
    return User.find_by_id(claims.user_id), claims


def _enforce_csrf(request: HttpRequest) -> None:
    check: Any = CSRFCheck(lambda request: HttpResponse())
    check.process_request(request)
    if reason := check.process_view(request, None, (), {}):
        raise PermissionDenied(f"CSRF failed: {reason}", code="csrf_failed")
