"""Users, what is granted to them, and their authentication methods."""

from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http import fields, paging
from chabad_auth_django.api.http.conditional import Shape, check_if_match, respond
from chabad_auth_django.api.http.permissions import check_may_read
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import (
    CHANGED,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    describe,
    describe_change,
    errors,
)
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.api.resources.preferences import PreferencesSerializer
from chabad_auth_django.api.resources.profile import ProfileSerializer
from chabad_auth_django.db.cursors import decode
from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.db.transactions import atomic, on_commit
from chabad_auth_django.exceptions import PermissionDenied
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.models.single import SingleDocument
from chabad_auth_django.services.identity import audit, users
from chabad_auth_django.services.lifecycle import deletion, purging, receipts
from chabad_auth_django.validators import normalize_email


class UserSummarySerializer(fields.StrictSerializer):
    """What a list shows of a User with `expand=user`."""

    id = serializers.CharField(read_only=True)
    email = serializers.EmailField(read_only=True)
    name = serializers.CharField(read_only=True, allow_null=True)


class UserSerializer(UserSummarySerializer):
    """A User."""

    valuUserId = serializers.CharField(read_only=True, allow_null=True)
    merkosUserId = serializers.CharField(read_only=True, allow_null=True)
    authMethods = serializers.ListField(child=serializers.CharField(), read_only=True)
    roles = serializers.ListField(child=serializers.CharField(), read_only=True)
    permissions = serializers.ListField(child=serializers.CharField(), read_only=True)
    lastLogin = serializers.DateTimeField(read_only=True, allow_null=True)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class ExpandedUserSerializer(UserSerializer):
    """A User; with `expand` the profile and the preferences too."""

    optional = ("profile", "preferences")

    profile = ProfileSerializer(read_only=True, allow_null=True)
    preferences = PreferencesSerializer(read_only=True, allow_null=True)


class PurgingSerializer(fields.StrictSerializer):
    """A deleted user whose events are still being purged."""

    id = serializers.CharField()
    state = serializers.CharField(help_text="`purging`.")


class ExportSerializer(fields.StrictSerializer):
    """Everything about a user, as it is stored."""

    format = serializers.CharField()
    version = serializers.IntegerField()
    user = serializers.CharField(help_text="The user's id.")
    exportedAt = serializers.DateTimeField()
    documents = serializers.ListField(
        child=serializers.DictField(),
        help_text="Objects of `collection` and `document`, in canonical Extended JSON; or `bson`, "
        "its bytes in Base64, where that could not be read back the same.",
    )
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Collection: documents."
    )
    sha256 = serializers.CharField(help_text="Of all lines but the last, which this one is in.")


class ErasureSerializer(fields.StrictSerializer):
    """The receipt of an erasure, as of now."""

    userId = serializers.CharField()
    requestedAt = serializers.DateTimeField()
    finishedAt = serializers.DateTimeField(
        allow_null=True, help_text="`null`: the last sweep is still to come."
    )
    deleted = serializers.DictField(
        child=serializers.IntegerField(), help_text="Collection: documents."
    )
    left = serializers.DictField(
        child=serializers.IntegerField(), help_text="Collection: documents."
    )
    auditEntries = serializers.IntegerField(
        help_text="Entries of the audit trail that have the id. They stay until they expire."
    )


class UserPatchSerializer(fields.StrictSerializer):
    """What owners may change of their User; the e-mail address only with ``users:write``."""

    name = fields.StringField(max_length=200, required=False, allow_null=True)
    email = fields.EmailField(max_length=254, required=False)


class UserCreateSerializer(fields.StrictSerializer):
    """A new User; everything else has its default, or its own operation."""

    email = fields.EmailField(max_length=254)
    name = fields.StringField(max_length=200, required=False)
    authMethods = fields.NamesField(
        child=fields.AuthMethodField(), required=False, max_length=20, source="auth_methods"
    )


class UserPageSerializer(fields.PageSerializer):
    """A page of users."""

    results = UserSerializer(many=True)


class UserQuerySerializer(fields.PageQuerySerializer):
    """The filters, the order and the page of a list of users."""

    email = fields.StringField(max_length=254, required=False)
    role = fields.NameField(required=False)
    authMethod = fields.NameField(required=False, source="auth_method")
    valuUserId = fields.NameField(required=False, source="valu_user_id")
    merkosUserId = fields.NameField(required=False, source="merkos_user_id")
    createdSince = fields.DateTimeField(
        required=False, source="created_since", help_text="Created at this time or later."
    )
    createdUntil = fields.DateTimeField(
        required=False, source="created_until", help_text="Created before this time."
    )
    order = fields.ChoiceField(
        ["id", "-id", "email", "-email"], component="UserOrder", default="id"
    )


class ExpandSerializer(fields.StrictSerializer):
    """What to show with a User."""

    expand = fields.ExpandField(["profile", "preferences"], component="UserExpansion")


class UsersViewSet(APIViewSet):
    """All users."""

    audited = {"POST": "user.create"}

    @describe(
        operation_id="users_list", parameters=[UserQuerySerializer], responses=UserPageSerializer
    )
    def list(self, request: Request) -> Response:
        """List users by filters, in pages. Takes the permission `users:read`."""
        query = self.read_query(UserQuerySerializer)
        kind = str if query["order"].endswith("email") else ObjectId
        position = decode(query.pop("cursor", None), kind)
        page = users.list_users(position=position, **query).fetch()
        return paging.respond(request, page, lambda rows: [shapes.user(row) for row in rows])

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

    audited = {"DELETE": "user.delete"}

    @describe(
        operation_id="users_retrieve",
        parameters=[ExpandSerializer, IF_NONE_MATCH, ETAG],
        responses={200: ExpandedUserSerializer, **NOT_MODIFIED},
    )
    def retrieve(self, request: Request, user: str) -> Response:
        """Show a user; with `expand` the profile and the preferences too.

        Of others these take `profiles:read` and `preferences:read`.
        """
        names = self.read_query(ExpandSerializer).get("expand", [])
        for name in names:
            check_may_read(request, self, EXPANDABLE[name].resource)
        row = self._read_user()
        if not names:
            return respond(request, row, shapes.user)
        found = {name: EXPANDABLE[name].model.read_or_make(self.user_id) or {} for name in names}

        def shape(rows: shapes.Row) -> dict[str, Any]:
            expanded = {
                name: EXPANDABLE[name].shape(stored) if stored else None
                for name, stored in found.items()
            }
            return {**shapes.user(row), **expanded}

        rows = {"user": row, **found}
        return respond(request, {name: without_version(rows[name]) for name in rows}, shape)

    @describe_change(
        "users_update", UserSerializer, request=UserPatchSerializer, responses=errors(409)
    )
    def partial_update(self, request: Request, user: str) -> Response:
        """Change a user. The e-mail address takes the permission `users:write`."""
        values = self.read_body(UserPatchSerializer)
        return self._change_email(values) if "email" in values else self._change(values)

    @atomic
    def _change_email(self, values: dict[str, Any]) -> Response:
        with audit.attempt(action="email.change", user_id=self.user_id):
            if not self.caller.has_permission("users:write"):
                message = "Changing an e-mail address takes the permission users:write."
                raise PermissionDenied(message)
            if normalize_email(values["email"]) == (self.target or self.caller).email:
                # It is no change, and must not undo one that is made at this moment.
                return self._change({name: values[name] for name in values.keys() - {"email"}})
            audit.record(action="email.change", user_id=self.user_id)
            return self._change(values)

    def _change(self, values: dict[str, Any]) -> Response:
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
            if purging.is_purged(user_id=self.user_id):
                response.status_code, response.data = 204, None

        on_commit(finish)
        return response

    def _delete_if_match(self) -> None:
        check_if_match(self.request, self.found(User.read(_id=self.user_id)), shapes.user)
        self._delete()

    def _delete(self) -> None:
        deletion.delete_user(user_id=self.user_id, seconds=receipts.REQUEST_PURGE_SECONDS)

    def _read_user(self) -> Any:
        caller = self.caller
        if caller.id == self.user_id and caller.stored is not None:
            # Authentication has just read it.
            return caller.stored
        return self.found(User.read(_id=self.user_id))


@dataclass(frozen=True)
class Expandable:
    """What can be shown with a user, and the word for it in permissions."""

    model: type[SingleDocument]
    shape: Shape
    resource: str


EXPANDABLE = {
    "profile": Expandable(Profile, shapes.profile, "profiles"),
    "preferences": Expandable(Preferences, shapes.preferences, "preferences"),
}
