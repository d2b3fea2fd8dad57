"""Who is calling: a bearer token, or a session of the host project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from chabad_auth_django.exceptions import InvalidToken
from chabad_auth_django.models import User
from chabad_auth_django.services import tokens


class BearerAuthentication(BaseAuthentication):
    """Authenticate ``Authorization: Bearer <access token>``.

    The user is read from the database each time: a deleted one is refused at once, and a changed
    role counts at once.
    """

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        """Return the user and the token's claims; ``None`` without such a header."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = tokens.verify_access_token(token=token.strip())
        except InvalidToken as error:
            raise AuthenticationFailed(error.detail, code=error.code) from None
        user = User.find_by_id(claims.user_id)
        if user is None:
            raise AuthenticationFailed("The token is not valid.", code="invalid_token")
        return user, claims

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Bearer realm="api"'


class SessionAuthentication(BaseAuthentication):
    """Authenticate a user who is logged in to the host project, with CSRF, mapped by e-mail."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return the user with the e-mail address of the session's user, or ``None``."""
        host_user = getattr(request._request, "user", None)
        email = getattr(host_user, "email", "")
        if not host_user or not host_user.is_active or not email:
            return None
        user = User.find_by_email(email)
        if user is None:
            return None
        _enforce_csrf(request._request)
        return user, None


def _enforce_csrf(request: HttpRequest) -> None:
    check: Any = CSRFCheck(lambda request: HttpResponse())
    check.process_request(request)
    if reason := check.process_view(request, None, (), {}):
        raise PermissionDenied(f"CSRF failed: {reason}", code="csrf_failed")
