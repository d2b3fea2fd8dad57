"""The profile of a user."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http import fields
from chabad_auth_django.api.http.conditional import respond
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import describe_change, describe_read
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.db.reads import Read
from chabad_auth_django.models import Profile
from chabad_auth_django.models.profile import Avatar


class AvatarSerializer(fields.StrictSerializer):
    """A picture and its thumbnail, both http or https URLs."""

    url = fields.HttpURLField(max_length=2048)
    thumbnailUrl = fields.HttpURLField(
        max_length=2048,
        required=False,
        allow_null=True,
        source="thumbnail_url",
        help_text="The picture itself where it is left out or `null`.",
    )


class ProfileSerializer(fields.StrictSerializer):
    """A Profile."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    displayName = fields.StringField(
        max_length=100, required=False, allow_null=True, allow_blank=True, source="display_name"
    )
    bio = fields.StringField(max_length=500, required=False, allow_null=True, allow_blank=True)
    avatar = AvatarSerializer(required=False, allow_null=True)
    metadata = fields.JSONObjectField("METADATA_MAX_BYTES", required=False, allow_null=True)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class MetadataValueSerializer(fields.StrictSerializer):
    """One value of the metadata."""

    value = fields.JSONValueField("METADATA_MAX_BYTES")


class ProfileViewSet(APIViewSet):
    """The profile."""

    resource = "profiles"

    def first_read(self) -> Read | None:
        """Return how the profile is read that is shown."""
        reads = self.action == "retrieve"
        return Profile.reading(userId=self.user_id) if reads else None

    @describe_read("profile_retrieve", ProfileSerializer)
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the profile."""
        row = self.read_first().row() or Profile.read_or_make(self.user_id)
        return respond(request, self.found(row), shapes.profile)

    @describe_change("profile_update", ProfileSerializer, request=ProfileSerializer)
    def partial_update(self, request: Request, user: str) -> Response:
        """Change what is named, remove what is `null`; `metadata` is replaced as a whole."""
        values = self.read_body(ProfileSerializer)
        if values.get("avatar"):
            values["avatar"] = Avatar.of(**values["avatar"])
        return self._change("patch", values)

    def _change(self, operation: str, *arguments: Any, **options: Any) -> Response:
        profile = Profile(user_id=self.user_id)
        return self.change(profile, self._shape, operation, *arguments, **options)

    def _shape(self, row: shapes.Row) -> dict[str, Any]:
        return shapes.profile(row)


class AvatarViewSet(ProfileViewSet):
    """The avatar in the profile."""

    @describe_change("avatar_set", ProfileSerializer, request=AvatarSerializer)
    def update(self, request: Request, user: str) -> Response:
        """Set the avatar."""
        values = self.read_body(AvatarSerializer)
        return self._change("update_avatar", **values)

    @describe_change("avatar_remove")
    def destroy(self, request: Request, user: str) -> Response:
        """Remove the avatar."""
        self._change("clear_avatar")
        return Response(None, 204)


class MetadataViewSet(ProfileViewSet):
    """One value of the metadata in the profile; its `ETag` is the profile's."""

    @describe_read("metadata_retrieve", MetadataValueSerializer)
    def retrieve(self, request: Request, user: str, key: str) -> Response:  # type: ignore[override]
        """Show the value under the key."""
        row = self.found(self.read_first().row() or Profile.read_or_make(self.user_id))
        if key not in shapes.profile(row)["metadata"]:
            raise NotFound
        return respond(request, row, self._shape)

    @describe_change("metadata_set", MetadataValueSerializer, request=MetadataValueSerializer)
    def update(self, request: Request, user: str, key: str) -> Response:
        """Store a value under the key."""
        value = self.read_body(MetadataValueSerializer)["value"]
        return self._change("set_metadata", key, value)

    @describe_change("metadata_remove")
    def destroy(self, request: Request, user: str, key: str) -> Response:
        """Remove the key."""
        self._change("delete_metadata", key)
        return Response(None, 204)

    def _shape(self, row: shapes.Row) -> dict[str, Any]:
        return {"value": shapes.profile(row)["metadata"].get(self.kwargs["key"])}
