"""The profile of a user."""

from __future__ import annotations

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api import shapes
from chabad_auth_django.api.conditional import respond
from chabad_auth_django.api.schema import IF_MATCH, IF_NONE_MATCH, describe, errors
from chabad_auth_django.api.serializers.profile import (
    AvatarSerializer,
    MetadataValueSerializer,
    ProfileSerializer,
)
from chabad_auth_django.api.views.base import APIViewSet
from chabad_auth_django.models import Profile
from chabad_auth_django.models.profile import Avatar


class ProfileViewSet(APIViewSet):
    """The profile."""

    resource = "profiles"

    @describe(
        operation_id="profile_retrieve",
        parameters=[IF_NONE_MATCH],
        responses={200: ProfileSerializer, **errors()},
    )
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the profile."""
        return respond(request, self.found(Profile.read(userId=self.user_id)), shapes.profile)

    @describe(
        operation_id="profile_update",
        parameters=[IF_MATCH],
        request=ProfileSerializer,
        responses={200: ProfileSerializer, **errors(412, 413)},
    )
    def partial_update(self, request: Request, user: str) -> Response:
        """Change what is named, remove what is `null`; `metadata` is replaced as a whole."""
        values = self.read_body(ProfileSerializer)
        if values.get("avatar"):
            values["avatar"] = Avatar(**values["avatar"])
        return self.patch_document(self.profile, values, shapes.profile)

    @property
    def profile(self) -> Profile:
        """The profile, not read yet."""
        return Profile(user_id=self.user_id)


class AvatarViewSet(ProfileViewSet):
    """The avatar in the profile."""

    @describe(
        operation_id="avatar_set",
        request=AvatarSerializer,
        responses={200: ProfileSerializer, **errors()},
    )
    def update(self, request: Request, user: str) -> Response:
        """Set the avatar."""
        values = self.read_body(AvatarSerializer)
        profile = self.profile
        profile.update_avatar(values["url"], values.get("thumbnail"))
        return respond(request, self.found(profile.stored), shapes.profile)

    @describe(operation_id="avatar_remove", responses={204: None, **errors()})
    def destroy(self, request: Request, user: str) -> Response:
        """Remove the avatar."""
        self.profile.clear_avatar()
        return Response(None, 204)


class MetadataViewSet(ProfileViewSet):
    """One value of the metadata in the profile."""

    @describe(
        operation_id="metadata_retrieve",
        parameters=[],
        responses={200: MetadataValueSerializer, **errors()},
    )
    def retrieve(self, request: Request, user: str, key: str) -> Response:  # type: ignore[override]
        """Show the value under the key."""
        metadata = self.found(Profile.read(userId=self.user_id)).get("metadata") or {}
        if key not in metadata:
            raise NotFound
        return Response({"value": metadata[key]})

    @describe(
        operation_id="metadata_set",
        request=MetadataValueSerializer,
        responses={200: MetadataValueSerializer, **errors(413)},
    )
    def update(self, request: Request, user: str, key: str) -> Response:
        """Store a value under the key."""
        value = self.read_body(MetadataValueSerializer)["value"]
        self.profile.set_metadata(key, value)
        return Response({"value": value})

    @describe(operation_id="metadata_remove", responses={204: None, **errors()})
    def destroy(self, request: Request, user: str, key: str) -> Response:
        """Remove the key."""
        self.profile.delete_metadata(key)
        return Response(None, 204)
