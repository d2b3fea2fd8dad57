"""What Preferences look like, and what may be written."""

from __future__ import annotations

from django.core.validators import RegexValidator
from rest_framework import serializers

from chabad_auth_django.api.serializers.fields import (
    BooleanField,
    JSONObjectField,
    NameField,
    StrictSerializer,
    StringField,
)
from chabad_auth_django.models.preferences import LANGUAGE, MAX_NAMES, THEMES


class NotificationsSerializer(StrictSerializer):
    """The channels on which the user wants to be notified."""

    email = BooleanField(required=False)
    push = BooleanField(required=False)
    inApp = BooleanField(required=False, source="in_app")


class WidgetsSerializer(StrictSerializer):
    """The widgets that are on and off, and how each is customized."""

    enabled = serializers.ListField(child=NameField(), required=False, max_length=MAX_NAMES)
    disabled = serializers.ListField(child=NameField(), required=False, max_length=MAX_NAMES)
    customizations = JSONObjectField("METADATA_MAX_BYTES", required=False)


class DashboardSerializer(StrictSerializer):
    """How the dashboard looks."""

    layout = NameField(max_length=100, required=False)
    defaultView = NameField(max_length=100, required=False, source="default_view")
    favoriteApps = serializers.ListField(
        child=NameField(), required=False, max_length=MAX_NAMES, source="favorite_apps"
    )


class PreferencesSerializer(StrictSerializer):
    """Preferences."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    theme = serializers.ChoiceField(choices=THEMES, required=False)
    language = StringField(
        max_length=35,
        required=False,
        validators=[RegexValidator(LANGUAGE, "Expected a language tag, such as en or pt-BR.")],
    )
    notifications = NotificationsSerializer(required=False)
    widgets = WidgetsSerializer(required=False)
    dashboard = DashboardSerializer(required=False)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class WidgetSerializer(StrictSerializer):
    """One widget: on or off, and how it is customized."""

    enabled = BooleanField(required=False)
    customization = JSONObjectField("METADATA_MAX_BYTES", required=False)
