"""Users, what is granted to them, and their authentication methods."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api import pagination, shapes
from chabad_auth_django.api.conditional import respond
from chabad_auth_django.api.schema import IF_MATCH, IF_NONE_MATCH, describe, errors
from chabad_auth_django.api.serializers.users import (
    ExpandSerializer,
    UserCreateSerializer,
    UserPageSerializer,
    UserPatchSerializer,
    UserQuerySerializer,
    UserSerializer,
)
from chabad_auth_django.api.views.base import READ, APIViewSet
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.services import deletion, users


class UsersViewSet(APIViewSet):
    """All users."""

    @describe(
        operation_id="users_list",
        parameters=[UserQuerySerializer],
        responses={200: UserPageSerializer, **errors()},
    )
    def list(self, request: Request) -> Response:
        """List users by filters, in pages. Takes the permission `users:read`."""
        query = self.read_query(UserQuerySerializer)
        kind = str if query["order"].endswith("email") else ObjectId
        position = pagination.decode(query.pop("cursor", None), kind)
        page = users.list_users(position=position, **query)
        return pagination.respond(request, page, lambda rows: [shapes.user(row) for row in rows])

    @describe(
        operation_id="users_create",
        request=UserCreateSerializer,
        responses={201: UserSerializer, **errors(409)},
    )
    def create(self, request: Request) -> Response:
        """Create a user with profile and preferences. Takes the permission `users:write`."""
        user = User.create_user(**self.read_body(UserCreateSerializer))
        return respond(request, user.to_mongo(), shapes.user, 201)


class UserViewSet(APIViewSet):
    """One user."""

    @describe(
        operation_id="users_retrieve",
        parameters=[ExpandSerializer, IF_NONE_MATCH],
        responses={200: UserSerializer, **errors()},
    )
    def retrieve(self, request: Request, user: str) -> Response:
        """Show a user; with `expand` the profile and the preferences too."""
        names = self.read_query(ExpandSerializer).get("expand", [])
        row = self._read_user()
        if not names:
            return respond(request, row, shapes.user)
        data = shapes.user(row)
        for name in names:
            model, shape = EXPANDABLE[name]
            found = model.read(userId=self.user_id)
            data[name] = found and shape(found)
        return Response(data)

    @describe(
        operation_id="users_update",
        parameters=[IF_MATCH],
        request=UserPatchSerializer,
        responses={200: UserSerializer, **errors(409, 412)},
    )
    def partial_update(self, request: Request, user: str) -> Response:
        """Change a user. The e-mail address takes the permission `users:write`."""
        values = self.read_body(UserPatchSerializer)
        if "email" in values and not self.caller.has_permission("users:write"):
            raise PermissionDenied("Changing an e-mail address takes the permission users:write.")
        return self.patch_document(User(id=self.user_id), values, shapes.user)

    @describe(operation_id="users_delete", responses={202: None, 204: None, **errors()})
    def destroy(self, request: Request, user: str) -> Response:
        """Delete a user and everything about it, at once for everybody.

        204 when nothing is left; 202 when events are still being purged in the background.
        """
        if deletion.delete_user(user_id=self.user_id, seconds=1.0):
            return Response(None, 204)
        return Response({"id": self.user_id, "state": "purging"}, 202)

    def _read_user(self) -> Any:
        caller = self.caller
        if caller.id == self.user_id and caller.stored is not None:
            # Authentication has just read it.
            return caller.stored
        return self.found(User.read(_id=self.user_id))


EXPANDABLE: dict[str, tuple[Any, Any]] = {
    "profile": (Profile, shapes.profile),
    "preferences": (Preferences, shapes.preferences),
}


class GrantViewSet(APIViewSet):
    """What a user may do, or sign in with."""

    def change(self, operation: str, name: str) -> Response:
        """Call the operation of ``User`` with the name; return the user."""
        user = User(id=self.user_id)
        getattr(user, operation)(name)
        return respond(self.request, self.found(user.stored), shapes.user)


class RoleViewSet(GrantViewSet):
    """One role of a user."""

    resource = "roles"
    owner_may = READ

    @describe(operation_id="roles_add", request=None, responses={200: UserSerializer, **errors()})
    def update(self, request: Request, user: str, role: str) -> Response:
        """Give the role. Takes `roles:write`, and every permission that the role grants."""
        users.check_may_grant_role(actor=self.caller, role=role)
        return self.change("add_role", role)

    @describe(operation_id="roles_remove", responses={200: UserSerializer, **errors()})
    def destroy(self, request: Request, user: str, role: str) -> Response:
        """Take the role away. Takes `roles:write`."""
        return self.change("remove_role", role)


class PermissionViewSet(GrantViewSet):
    """One permission of a user."""

    resource = "permissions"
    owner_may = READ

    @describe(
        operation_id="permissions_add", request=None, responses={200: UserSerializer, **errors()}
    )
    def update(self, request: Request, user: str, permission: str) -> Response:
        """Give the permission. Takes `permissions:write`, and the permission itself."""
        users.check_may_grant(actor=self.caller, permission=permission)
        return self.change("add_permission", permission)

    @describe(operation_id="permissions_remove", responses={200: UserSerializer, **errors()})
    def destroy(self, request: Request, user: str, permission: str) -> Response:
        """Take the permission away. Takes `permissions:write`."""
        return self.change("remove_permission", permission)


class AuthMethodViewSet(GrantViewSet):
    """One authentication method of a user."""

    @describe(
        operation_id="auth_methods_add", request=None, responses={200: UserSerializer, **errors()}
    )
    def update(self, request: Request, user: str, method: str) -> Response:
        """Add the authentication method."""
        return self.change("add_auth_method", method)

    @describe(operation_id="auth_methods_remove", responses={200: UserSerializer, **errors(409)})
    def destroy(self, request: Request, user: str, method: str) -> Response:
        """Remove the authentication method; the last one stays (409)."""
        return self.change("remove_auth_method", method)
