"""Users, what is granted to them, and their authentication methods."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from bson import ObjectId
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api import pagination, shapes
from chabad_auth_django.api.conditional import Shape, check_if_match, respond
from chabad_auth_django.api.permissions import check_may_read
from chabad_auth_django.api.schema import (
    CHANGED,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    describe,
    errors,
)
from chabad_auth_django.api.serializers.users import (
    ExpandedUserSerializer,
    ExpandSerializer,
    PurgingSerializer,
    UserCreateSerializer,
    UserPageSerializer,
    UserPatchSerializer,
    UserQuerySerializer,
    UserSerializer,
)
from chabad_auth_django.api.views.base import READ, APIViewSet
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.models.base import Document
from chabad_auth_django.services import deletion, users
from chabad_auth_django.transactions import atomic, on_commit


class UsersViewSet(APIViewSet):
    """All users."""

    @describe(
        operation_id="users_list",
        parameters=[UserQuerySerializer],
        responses=UserPageSerializer,
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
        parameters=[ETAG],
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
        parameters=[ExpandSerializer, IF_NONE_MATCH, ETAG],
        responses={200: ExpandedUserSerializer, **NOT_MODIFIED},
    )
    def retrieve(self, request: Request, user: str) -> Response:
        """Show a user; with `expand` the profile and the preferences too.

        Of others these take `profiles:read` and `preferences:read`.
        """
        expand = self.read_query(ExpandSerializer).get("expand")
        names = expand.split(",") if expand else []
        for name in names:
            check_may_read(request, self, EXPANDABLE[name].resource)
        row = self._read_user()
        if not names:
            return respond(request, row, shapes.user)
        found = {name: EXPANDABLE[name].model.read(userId=self.user_id) for name in names}

        def shape(rows: shapes.Row) -> dict[str, Any]:
            expanded = {
                name: EXPANDABLE[name].shape(stored) if stored else None
                for name, stored in found.items()
            }
            return {**shapes.user(row), **expanded}

        return respond(request, {"user": row, **found}, shape)

    @describe(
        operation_id="users_update",
        parameters=[IF_MATCH, ETAG],
        request=UserPatchSerializer,
        responses={200: UserSerializer, **errors(409), **CHANGED},
    )
    def partial_update(self, request: Request, user: str) -> Response:
        """Change a user. The e-mail address takes the permission `users:write`."""
        values = self.read_body(UserPatchSerializer)
        if "email" in values:
            if not self.caller.has_permission("users:write"):
                message = "Changing an e-mail address takes the permission users:write."
                raise PermissionDenied(message)
            users.check_may_become(actor=self.caller, user_id=self.user_id)
        return self.change(User(id=self.user_id), shapes.user, "patch", values)

    @describe(
        operation_id="users_delete",
        parameters=[IF_MATCH],
        responses={202: PurgingSerializer, 204: None, **CHANGED},
    )
    def destroy(self, request: Request, user: str) -> Response:
        """Delete a user and everything about it, at once for everybody.

        204 when nothing is left; 202 when events are still being purged in the background; 409 for
        the last administrator.
        """
        if "HTTP_IF_MATCH" in request.META:
            # In one transaction: a change in between conflicts, and it is compared again.
            atomic(self._delete_if_match)()
        else:
            self._delete()
        response = Response({"id": self.user_id, "state": "purging"}, 202)

        def finish() -> None:
            if deletion.is_purged(user_id=self.user_id):
                response.status_code, response.data = 204, None

        on_commit(finish)
        return response

    def _delete_if_match(self) -> None:
        check_if_match(self.request, self.found(User.read(_id=self.user_id)), shapes.user)
        self._delete()

    def _delete(self) -> None:
        deletion.delete_user(user_id=self.user_id, seconds=1.0)

    def _read_user(self) -> Any:
        caller = self.caller
        if caller.id == self.user_id and caller.stored is not None:
            # Authentication has just read it.
            return caller.stored
        return self.found(User.read(_id=self.user_id))


@dataclass(frozen=True)
class Expandable:
    """What can be shown with a user, and the word for it in permissions."""

    model: type[Document]
    shape: Shape
    resource: str


EXPANDABLE = {
    "profile": Expandable(Profile, shapes.profile, "profiles"),
    "preferences": Expandable(Preferences, shapes.preferences, "preferences"),
}


class GrantViewSet(APIViewSet):
    """What a user may do, or sign in with."""

    def _change(self, operation: str, name: str) -> Response:
        return self.change(User(id=self.user_id), shapes.user, operation, name)


class RoleViewSet(GrantViewSet):
    """One role of a user."""

    resource = "roles"
    owner_may = READ

    @describe(
        operation_id="roles_add",
        parameters=[IF_MATCH, ETAG],
        request=None,
        responses={200: UserSerializer, **CHANGED},
    )
    def update(self, request: Request, user: str, role: str) -> Response:
        """Give the role. Takes `roles:write`, and every permission that the role grants."""
        users.check_may_grant_role(actor=self.caller, role=role)
        return self._change("add_role", role)

    @describe(
        operation_id="roles_remove",
        parameters=[IF_MATCH, ETAG],
        responses={200: UserSerializer, **CHANGED},
    )
    def destroy(self, request: Request, user: str, role: str) -> Response:
        """Take the role away; an administrator stays (409). Takes `roles:write`."""
        change = partial(self._change, "remove_role", role)
        return users.revoke(user_id=self.user_id, roles=[role], change=change)


class PermissionViewSet(GrantViewSet):
    """One permission of a user."""

    resource = "permissions"
    owner_may = READ

    @describe(
        operation_id="permissions_add",
        parameters=[IF_MATCH, ETAG],
        request=None,
        responses={200: UserSerializer, **CHANGED},
    )
    def update(self, request: Request, user: str, permission: str) -> Response:
        """Give the permission. Takes `permissions:write`, and the permission itself."""
        users.check_may_grant(actor=self.caller, permission=permission)
        return self._change("add_permission", permission)

    @describe(
        operation_id="permissions_remove",
        parameters=[IF_MATCH, ETAG],
        responses={200: UserSerializer, **CHANGED},
    )
    def destroy(self, request: Request, user: str, permission: str) -> Response:
        """Take the permission away; an administrator stays (409). Takes `permissions:write`."""
        change = partial(self._change, "remove_permission", permission)
        return users.revoke(user_id=self.user_id, permissions=[permission], change=change)


class AuthMethodViewSet(GrantViewSet):
    """One authentication method of a user."""

    @describe(
        operation_id="auth_methods_add",
        parameters=[IF_MATCH, ETAG],
        request=None,
        responses={200: UserSerializer, **CHANGED},
    )
    def update(self, request: Request, user: str, method: str) -> Response:
        """Add the authentication method."""
        return self._change("add_auth_method", method)

    @describe(
        operation_id="auth_methods_remove",
        parameters=[IF_MATCH, ETAG],
        responses={200: UserSerializer, **errors(409), **CHANGED},
    )
    def destroy(self, request: Request, user: str, method: str) -> Response:
        """Remove the authentication method; the last one stays (409)."""
        return self._change("remove_auth_method", method)
