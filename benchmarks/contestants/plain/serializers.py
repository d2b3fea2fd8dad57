"""The serializers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers


class TimeField(serializers.DateTimeField):
    """A time in UTC with milliseconds."""

    def to_representation(self, value: Any) -> str | None:
        """Return ``2026-01-31T12:00:00.000Z``."""
        return value and value.isoformat(timespec="milliseconds")[:23] + "Z"

    def to_internal_value(self, value: Any) -> datetime:
        """Return the time as mongoengine reads it."""
        time: datetime = super().to_internal_value(value)
        return time.astimezone(UTC).replace(tzinfo=None)


class ActivitySerializer(serializers.Serializer):
    """An activity."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(source="user_id", read_only=True)
    appId = serializers.CharField(source="app_id", required=False, max_length=255)
    sessionId = serializers.CharField(source="session_id", required=False, max_length=255)
    eventType = serializers.CharField(source="event_type", max_length=255)
    eventData = serializers.DictField(source="event_data", required=False)
    metadata = serializers.DictField(required=False)
    timestamp = TimeField(required=False)


class AvatarSerializer(serializers.Serializer):
    """A picture."""

    url = serializers.CharField()
    thumbnailUrl = serializers.CharField(source="thumbnail_url")


class ProfileSerializer(serializers.Serializer):
    """A profile."""

    id = serializers.CharField()
    userId = serializers.CharField(source="user_id")
    displayName = serializers.CharField(source="display_name")
    bio = serializers.CharField()
    avatar = AvatarSerializer()
    metadata = serializers.DictField()
    createdAt = TimeField(source="created_at")
    updatedAt = TimeField(source="updated_at")


class AppDataSerializer(serializers.Serializer):
    """A value of an application."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(source="user_id", read_only=True)
    appId = serializers.CharField(source="app_id", read_only=True)
    dataKey = serializers.CharField(source="data_key", read_only=True)
    dataValue = serializers.JSONField(source="data_value")
    version = serializers.IntegerField(required=False)
    createdAt = TimeField(source="created_at", read_only=True)
    updatedAt = TimeField(source="updated_at", read_only=True)


class RangeSerializer(serializers.Serializer):
    """A range of time."""

    start = TimeField()
    end = TimeField()
