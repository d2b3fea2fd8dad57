"""Classes that a host project has put in place of ours."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.throttling import BaseThrottle

from chabad_auth_django.api.http.permissions import OwnerOrPermission
from chabad_auth_django.models import User


class KeyAuthentication(BaseAuthentication):
    """Whoever knows the address is the user."""

    def authenticate(self, request: Any) -> tuple[User, None] | None:
        user = User.find_by_email(request.META.get("HTTP_X_KEY", "nobody@example.org"))
        return (user, None) if user else None

    def authenticate_header(self, request: Any) -> str:
        return "Key"


class Stranger(BaseAuthentication):
    """What is no user of ours."""

    def authenticate(self, request: Any) -> tuple[Any, None]:
        return type("Account", (), {"id": 1, "pk": 1})(), None


class ReadOnly(OwnerOrPermission):
    """Nobody changes anything."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return request.method == "GET" and super().has_permission(request, view)


class Once(BaseThrottle):
    """The first request is the last."""

    seen = 0

    def allow_request(self, request: Any, view: Any) -> bool:
        type(self).seen += 1
        return self.seen == 1
