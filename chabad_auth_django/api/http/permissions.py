"""Permissions: an owner may use its resources; others need a permission."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import users


class OwnerOrPermission(BasePermission):
    """Let owners act on their own data, and others by a permission of their role.

    The permission is the view's ``permission``, or ``<resource>:read`` or ``<resource>:write``; a
    view without ``owner_may`` for the method is closed to owners too. It is decided before
    anything is looked up, so a refusal does not tell whether the other user exists.
    """

    message = "You may not do this. Ask an administrator for the permission."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the caller is the owner or has the permission."""
        if request.user is None:
            return False
        if request.method in view.owner_may and is_owner(request, view):
            return True
        action = "read" if request.method in SAFE_METHODS else "write"
        return _has_permission(request, view.permission or f"{view.resource}:{action}")


def is_owner(request: Request, view: Any) -> bool:
    """Tell whether the path is one of the caller's own."""
    caller: Any = request.user
    return view.kwargs.get("user") in ("me", str(caller.id))


def check_reaches(request: Request, view: Any) -> User | None:
    """Raise ``PermissionDenied`` where the path is of a user who may do more than the caller.

    Return that user; ``None`` for the caller, and for a user who does not exist. It is called after
    the permission was checked, so it may tell that the user does not exist (``UserNotFound``).
    """
    caller: Any = request.user
    if view.user_id == caller.id:
        return None
    target = User.find_by_id(view.user_id)
    if target is not None:
        users.check_reaches(actor=caller, target=target)
    elif not view.user_may_be_gone:
        raise UserNotFound
    return target


def check_may_read(request: Request, view: Any, resource: str) -> None:
    """Raise ``PermissionDenied`` unless the caller may read another resource of the path's user."""
    if not (is_owner(request, view) or _has_permission(request, f"{resource}:read")):
        raise PermissionDenied(OwnerOrPermission.message)


def _has_permission(request: Request, permission: str) -> bool:
    caller: Any = request.user
    return bool(caller.has_permission(permission))
