"""Who calls: a bearer token, else a cookie, else a session of the Django project."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from chabad_auth_django.api.http.authentication import is_logged_in
from chabad_auth_django.api.http.errors import CHALLENGE
from chabad_auth_django.contrib.universe import cookies
from chabad_auth_django.exceptions import (
    AuthMethodDisabled,
    EmailNotVerified,
    ExternalIdTaken,
    InvalidToken,
    IssuerUnavailable,
    SecondFactorRequired,
)
from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import callers, tokens

#: What is wrong with a credential that names nobody; another one may name the caller.
_NAMES_NOBODY = (
    AuthMethodDisabled,
    EmailNotVerified,
    ExternalIdTaken,
    InvalidToken,
    IssuerUnavailable,
    SecondFactorRequired,
)


class DifferentUsers(InvalidToken):
    """Cookies name different users: a page of another subdomain can set one."""

    code = "different_users"
    default_detail = "The cookies are of different users. Sign out."


@dataclass(frozen=True)
class Credential:
    """What named a user: a bearer token, a cookie, or a session of the Django project."""

    user: User
    session_id: ObjectId | None = None
    is_bearer: bool = False


class ClientAuthentication(BaseAuthentication):
    """Authenticate the front ends; ``request.auth`` is the ``Credential``."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return who calls.

        Raises ``DifferentUsers``, ``Blocked``, and where nothing names a user and something may
        have, what was wrong with that.
        """
        errors: list[Exception] = []
        named = list(read_bearer(request._request, errors))
        if not named:
            named = list(read_cookies(request._request, errors))
        if len({credential.user.id for credential in named}) > 1:
            raise DifferentUsers
        if named:
            return named[0].user, named[0]
        telling = [error for error in errors if not isinstance(error, InvalidToken)]
        # The issuer may say later who it is, which no other answer should hide.
        for error in sorted(telling, key=lambda error: not isinstance(error, IssuerUnavailable)):
            raise error
        return None

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


def read_bearer(request: HttpRequest, errors: list[Exception]) -> Iterator[Credential]:
    """Yield the credential of the header ``Authorization``; add to the errors what is wrong."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        try:
            user, session_id = _by_token(token.strip())
        except _NAMES_NOBODY as error:
            errors.append(error)
        else:
            yield Credential(user, session_id, is_bearer=True)


def read_cookies(request: HttpRequest, errors: list[Exception]) -> Iterator[Credential]:
    """Yield the credential of each cookie that names a user, and of the Django session."""
    values = cookies.read(request)
    if len(values) > cookies.MAX_COOKIES:
        raise DifferentUsers
    for value in values:
        try:
            yield Credential(*_by_cookie(value))
        except _NAMES_NOBODY as error:
            errors.append(error)
    account = getattr(request, "user", None)
    if is_logged_in(account):
        session = getattr(request, "session", None)
        try:
            yield Credential(callers.by_host_account(account=account, session=session))
        except _NAMES_NOBODY as error:
            errors.append(error)


def _by_token(token: str) -> tuple[User, ObjectId | None]:
    try:
        claims = tokens.verify_access_token(token=token)
    except InvalidToken:
        return callers.by_issuer_token(token=token), None
    return callers.by_access_token(claims=claims)[0], claims.session_id


def _by_cookie(value: str) -> tuple[User, Any]:
    try:
        return callers.by_cookie(secret=value)
    except InvalidToken:
        return _by_token(value)
