"""What AppData looks like, and what may be written."""

from __future__ import annotations

from rest_framework import serializers

from chabad_auth_django.api.serializers.fields import (
    IntegerField,
    JSONValueField,
    NameField,
    PageQuerySerializer,
    PageSerializer,
    StrictSerializer,
)


class AppDataSerializer(StrictSerializer):
    """A value that an application keeps for a user."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    appId = serializers.CharField(read_only=True)
    dataKey = serializers.CharField(read_only=True)
    dataValue = JSONValueField("APP_DATA_MAX_BYTES")
    version = serializers.IntegerField(read_only=True)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class AppDataWriteSerializer(StrictSerializer):
    """A new value, and the version that it replaces where that matters."""

    dataValue = JSONValueField("APP_DATA_MAX_BYTES", source="data_value")
    version = IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="Change only this version; 409 with what is stored otherwise.",
    )


class AppDataPageSerializer(PageSerializer):
    """A page of values."""

    results = AppDataSerializer(many=True)


class AppDataQuerySerializer(PageQuerySerializer):
    """The filters and the page of a list of values."""

    appId = NameField(required=False, source="app_id")


class DeletedSerializer(StrictSerializer):
    """How many values were deleted."""

    deleted = serializers.IntegerField()
