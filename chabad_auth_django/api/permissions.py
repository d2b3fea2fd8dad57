"""Who may do what: everything hangs under its owner, so one permission decides."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request


class OwnerOrPermission(BasePermission):
    """Let owners act on their own data, and others by a permission of their role.

    The permission is ``<resource>:read`` or ``<resource>:write``, with the view's ``resource``; a
    view without ``owner_may`` for the method is closed to owners too. It is decided before
    anything is looked up, so a refusal does not tell whether the other user exists.
    """

    message = "You may not do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the caller is the owner or has the permission."""
        caller: Any = request.user
        if caller is None:
            return False
        owner = view.kwargs.get("user")
        if (
            owner is not None
            and owner in ("me", str(caller.id))
            and (request.method in view.owner_may)
        ):
            return True
        action = "read" if request.method in SAFE_METHODS else "write"
        return bool(caller.has_permission(f"{view.resource}:{action}"))
