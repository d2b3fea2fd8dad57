"""What every view of the front ends shares."""

from collections.abc import Callable
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.rendering import JSONRenderer
from chabad_auth_django.api.http.views import READ, APIViewSet
from chabad_auth_django.contrib.universe import errors
from chabad_auth_django.contrib.universe.callers import ClientAuthentication
from chabad_auth_django.contrib.universe.openapi import ClientSchema
from chabad_auth_django.contrib.universe.origin import comes_from_us
from chabad_auth_django.contrib.universe.parsing import ClientParser


class IsSignedIn(BasePermission):
    """Let every signed-in user in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether there is a user."""
        return bool(request.user)


class ClientViewSet(APIViewSet):
    """Base of every view: who calls, from which page, and errors in the clients' words."""

    authentication_classes = [ClientAuthentication]
    parser_classes = [ClientParser]
    renderer_classes = [JSONRenderer]
    schema: Any = ClientSchema()

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        """Return our exception handler."""
        return errors.exception_handler

    def perform_authentication(self, request: Request) -> None:
        """Find out who calls; refuse a change that a page of another site asks for."""
        super().perform_authentication(request)
        if request.method not in READ and not self.may_change(request):
            raise errors.NotFromUs

    def may_change(self, request: Request) -> bool:
        """Tell whether a page of ours asks for it, or a bearer token, which no other page has."""
        credential: Any = request.auth
        return comes_from_us(request._request) or bool(credential and credential.is_bearer)


class PrivateViewSet(ClientViewSet):
    """What no cache may keep."""

    cache_control = "private, no-store"


class NotFoundViewSet(ClientViewSet):
    """Answers 404 below the paths of the front ends."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    schema: Any = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse every method alike."""
        raise NotFound("There is nothing here.")

    def list(self, request: Request) -> Response:
        """Never called."""
        raise NotFound
