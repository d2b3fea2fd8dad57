"""What a Profile looks like, and what may be written."""

from __future__ import annotations

from rest_framework import serializers

from chabad_auth_django.api.serializers.fields import (
    HttpURLField,
    JSONObjectField,
    JSONValueField,
    StrictSerializer,
    StringField,
)


class AvatarSerializer(StrictSerializer):
    """A picture and its thumbnail, both http or https URLs."""

    url = HttpURLField(max_length=2048)
    thumbnail = HttpURLField(max_length=2048, required=False, allow_null=True)


class ProfileSerializer(StrictSerializer):
    """A Profile."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    displayName = StringField(
        max_length=100,
        required=False,
        allow_null=True,
        allow_blank=True,
        source="display_name",
    )
    bio = StringField(max_length=500, required=False, allow_null=True, allow_blank=True)
    avatar = AvatarSerializer(required=False, allow_null=True)
    metadata = JSONObjectField("METADATA_MAX_BYTES", required=False)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class MetadataValueSerializer(StrictSerializer):
    """One value of the metadata."""

    value = JSONValueField("METADATA_MAX_BYTES")
