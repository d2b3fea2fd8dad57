"""Profile and preferences of a user."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.conditional import respond
from chabad_auth_django.api.http.fields import (
    BooleanField,
    ChoiceField,
    JSONValueField,
    NameField,
    NamesField,
    StrictSerializer,
    StringField,
)
from chabad_auth_django.api.openapi.schema import ETAG
from chabad_auth_django.contrib.universe.mapping import preferences, profile
from chabad_auth_django.contrib.universe.mapping.shared import ClientSerializer, Row
from chabad_auth_django.contrib.universe.openapi import describe, describe_read
from chabad_auth_django.contrib.universe.views.base import ClientViewSet
from chabad_auth_django.models.preferences import LANGUAGE, MAX_NAMES, THEMES


class FreeField(JSONValueField):
    """A free-form object; the mapping validates it, because it knows what is stored."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the value."""
        return data


def texts_field() -> NamesField:
    """Return a field for names; the mapping validates them, because it knows what is stored."""
    return NamesField(child=StringField(allow_blank=True), required=False, max_length=MAX_NAMES)


class ProfileChangeSerializer(ClientSerializer):
    """What changes in a Profile; an empty text or `null` removes a field."""

    displayName = StringField(max_length=100, required=False, allow_null=True, allow_blank=True)
    bio = StringField(max_length=500, required=False, allow_null=True, allow_blank=True)
    avatar = StringField(max_length=2048, required=False, allow_null=True, allow_blank=True)
    metadata = FreeField("METADATA_MAX_BYTES", required=False)


class ClientProfileSerializer(StrictSerializer):
    """A Profile."""

    optional = ("displayName", "bio", "avatar")

    userId = serializers.CharField()
    displayName = serializers.CharField(required=False)
    bio = serializers.CharField(required=False)
    avatar = serializers.CharField(required=False)
    metadata = serializers.DictField()
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()


class ProfileAnswerSerializer(StrictSerializer):
    """A Profile, twice: the clients read `profile`."""

    success = serializers.BooleanField()
    profile = ClientProfileSerializer()
    data = ClientProfileSerializer()  # type: ignore[assignment]


class LayoutSerializer(StrictSerializer):
    """How the dashboard looks."""

    layout = NameField(max_length=100, required=False)
    defaultView = NameField(max_length=100, required=False)
    favoriteApps = texts_field()
    widgetOrder = texts_field()
    collapsedSections = texts_field()


class ChannelsSerializer(StrictSerializer):
    """The channels and kinds of notifications."""

    email = BooleanField(required=False)
    push = BooleanField(required=False)
    inApp = BooleanField(required=False)
    types = texts_field()


class PreferencesChangeSerializer(ClientSerializer):
    """What changes in Preferences: objects are merged, lists and `customSettings` replaced."""

    theme = ChoiceField(choices=THEMES, required=False)
    language = StringField(
        max_length=35,
        required=False,
        validators=[RegexValidator(LANGUAGE, "Expected a language tag, such as en or pt-BR.")],
    )
    timezone = NameField(max_length=64, required=False)
    dashboard = LayoutSerializer(required=False)
    notifications = ChannelsSerializer(required=False)
    customSettings = FreeField("METADATA_MAX_BYTES", required=False)


class WidgetEntrySerializer(StrictSerializer):
    """A widget."""

    optional = ("position",)

    widgetId = StringField(allow_blank=True)
    visible = BooleanField()
    settings = FreeField("METADATA_MAX_BYTES")
    position = FreeField("METADATA_MAX_BYTES", required=False)


class WidgetsChangeSerializer(ClientSerializer):
    """The widgets as the client knows them."""

    widgets = NamesField(child=WidgetEntrySerializer(), max_length=MAX_NAMES)


class ClientPreferencesSerializer(StrictSerializer):
    """Preferences."""

    userId = serializers.CharField()
    theme = ChoiceField(choices=THEMES)
    language = serializers.CharField()
    timezone = serializers.CharField()
    dashboard = LayoutSerializer()
    notifications = ChannelsSerializer()
    widgets = WidgetEntrySerializer(many=True)
    customSettings = serializers.DictField()
    createdAt = serializers.DateTimeField()
    updatedAt = serializers.DateTimeField()


class PreferencesAnswerSerializer(StrictSerializer):
    """Preferences, twice: the clients read `preferences`."""

    success = serializers.BooleanField()
    preferences = ClientPreferencesSerializer()
    data = ClientPreferencesSerializer()  # type: ignore[assignment]


class ProfileViewSet(ClientViewSet):
    """The profile."""

    resource = "profiles"

    @describe_read("client_profile", ProfileAnswerSerializer)
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the profile."""
        return respond(request, profile.read(self.user_id), self._shape)

    @describe(
        operation_id="client_profile_update",
        parameters=[ETAG],
        request=ProfileChangeSerializer,
        responses=ProfileAnswerSerializer,
    )
    def partial_update(self, request: Request, user: str) -> Response:
        """Change what is named; `metadata` is replaced as a whole."""
        values = self.read_body(ProfileChangeSerializer)
        return respond(request, profile.change(self.user_id, values), self._shape)

    def _shape(self, row: Row) -> dict[str, Any]:
        shape = profile.shape(row)
        return {"success": True, "profile": shape, "data": shape}


class PreferencesViewSet(ClientViewSet):
    """The preferences."""

    resource = "preferences"

    @describe_read("client_preferences", PreferencesAnswerSerializer)
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the preferences."""
        return respond(request, preferences.read(self.user_id), self._shape)

    @describe(
        operation_id="client_preferences_update",
        parameters=[ETAG],
        request=PreferencesChangeSerializer,
        responses=PreferencesAnswerSerializer,
    )
    def partial_update(self, request: Request, user: str) -> Response:
        """Change what is named."""
        values = self.read_body(PreferencesChangeSerializer)
        return respond(request, preferences.change(self.user_id, values), self._shape)

    @describe(
        operation_id="client_widgets_update",
        parameters=[ETAG],
        request=WidgetsChangeSerializer,
        responses=PreferencesAnswerSerializer,
    )
    def update_widgets(self, request: Request, user: str) -> Response:
        """Store the widgets that differ from what is shown; none is removed."""
        widgets = self.read_body(WidgetsChangeSerializer)["widgets"]
        return respond(request, preferences.change_widgets(self.user_id, widgets), self._shape)

    def _shape(self, row: Row) -> dict[str, Any]:
        shape = preferences.shape(row)
        return {"success": True, "preferences": shape, "data": shape}
