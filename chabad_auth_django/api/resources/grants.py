"""Roles, permissions and authentication methods of a user."""

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.views import READ, APIViewSet
from chabad_auth_django.api.openapi.schema import describe_change, errors
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.api.resources.users import UserSerializer
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import users


class GrantViewSet(APIViewSet):
    """What a user may do, or sign in with."""

    #: What the audit trail calls what is given and taken.
    granted: str

    def _change(self, operation: str, name: str) -> Response:
        action = self.audited[str(self.request.method)]
        self.record(action, **{self.granted: [name]})
        return self.change(User(id=self.user_id), shapes.user, operation, name)


class RoleViewSet(GrantViewSet):
    """One role of a user."""

    resource = "roles"
    audited = {"PUT": "role.grant", "DELETE": "role.revoke"}
    granted = "roles"
    owner_may = READ

    @describe_change("roles_add", UserSerializer)
    def update(self, request: Request, user: str, role: str) -> Response:
        """Give the role. Takes `roles:write`, and every permission that the role grants."""
        users.check_may_grant_role(actor=self.caller, role=role)
        return self._change("add_role", role)

    @describe_change("roles_remove", UserSerializer)
    def destroy(self, request: Request, user: str, role: str) -> Response:
        """Take the role away; 409 for the last administrator. Takes `roles:write`."""
        change = partial(self._change, "remove_role", role)
        return users.revoke(user_id=self.user_id, roles=[role], change=change)


class PermissionViewSet(GrantViewSet):
    """One permission of a user."""

    resource = "permissions"
    audited = {"PUT": "permission.grant", "DELETE": "permission.revoke"}
    granted = "permissions"
    owner_may = READ

    @describe_change("permissions_add", UserSerializer)
    def update(self, request: Request, user: str, permission: str) -> Response:
        """Give the permission. Takes `permissions:write`, and the permission itself."""
        users.check_may_grant(actor=self.caller, permission=permission)
        return self._change("add_permission", permission)

    @describe_change("permissions_remove", UserSerializer)
    def destroy(self, request: Request, user: str, permission: str) -> Response:
        """Take the permission away; 409 for the last administrator. Takes `permissions:write`."""
        change = partial(self._change, "remove_permission", permission)
        return users.revoke(user_id=self.user_id, permissions=[permission], change=change)


class AuthMethodViewSet(GrantViewSet):
    """One authentication method of a user."""

    audited = {"PUT": "auth_method.add", "DELETE": "auth_method.remove"}
    granted = "authMethods"

    @describe_change("auth_methods_add", UserSerializer)
    def update(self, request: Request, user: str, method: str) -> Response:
        """Add the authentication method."""
        return self._change("add_auth_method", method)

    @describe_change("auth_methods_remove", UserSerializer, responses=errors(409))
    def destroy(self, request: Request, user: str, method: str) -> Response:
        """Remove the authentication method; the last one cannot be removed (409)."""
        return self._change("remove_auth_method", method)
