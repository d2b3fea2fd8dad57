"""Tokens of ours for the apps that sign in through allauth's headless API."""

import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import pymongo
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import APIResponse
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from django.contrib.auth import logout
from django.http import HttpRequest

from chabad_auth_django.api.http.errors import is_outage, status_of
from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.allauth.receivers import SESSION_ID
from chabad_auth_django.exceptions import ChabadAuthError, InvalidToken, Unavailable, translated
from chabad_auth_django.receivers import OPENS_SESSION
from chabad_auth_django.services.signing_in import flows

_PAYLOAD = "chabad_auth_payload"

T = TypeVar("T")


class TokenStrategy(SessionTokenStrategy):
    """Sign in to this API whoever signs in to allauth; name it in ``HEADLESS_TOKEN_STRATEGY``.

    allauth's session token goes on being what allauth itself asks for.
    """

    def get_session_token(self, request: HttpRequest) -> str | None:
        """Return allauth's session token; it is asked for before anything else is done."""
        setattr(request, OPENS_SESSION, True)
        return super().get_session_token(request)

    def create_access_token_payload(self, request: HttpRequest) -> dict[str, Any] | None:
        """Open a session of ours and return its tokens; refuse who may not come in."""
        # allauth makes several answers for one request, and sends the last.
        if not hasattr(request, _PAYLOAD):
            setattr(request, _PAYLOAD, self._sign_in(request))
        payload: dict[str, Any] = getattr(request, _PAYLOAD)
        return payload

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """Exchange a refresh token of ours; ``None`` where it is not good."""
        try:
            signed_in = _in_time(lambda: flows.refresh(refresh_token=refresh_token))
        except InvalidToken:
            return None
        except ChabadAuthError as error:
            _refuse(context.request, error)
        return signed_in.access_token, signed_in.refresh_token

    def _sign_in(self, request: HttpRequest) -> dict[str, Any]:
        try:
            signed_in = _in_time(
                lambda: flows.sign_in_with_host_session(
                    account=request.user,
                    session=request.session,
                    user_agent=request.META.get("HTTP_USER_AGENT"),
                )
            )
        except ChabadAuthError as error:
            logout(request)
            _refuse(request, error)
        request.session[SESSION_ID] = str(signed_in.session.id)
        return {
            "access_token": signed_in.access_token,
            "refresh_token": signed_in.refresh_token,
            "expires_in": conf.ACCESS_TOKEN_SECONDS,
        }


def _in_time(work: Callable[[], T]) -> T:
    """Do the work within the time of a request; an outage of MongoDB is ``Unavailable``."""
    try:
        with pymongo.timeout(conf.REQUEST_TIMEOUT):
            return work()
    except Exception as error:
        if is_outage(error):
            raise Unavailable from error
        raise


def _refuse(request: HttpRequest, error: ChabadAuthError) -> NoReturn:
    problem = {"code": error.code, "message": translated(error.detail)}
    response = APIResponse(request, errors=[problem], status=status_of(error))
    if error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    raise ImmediateHttpResponse(response)
