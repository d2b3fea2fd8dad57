"""The preferences of a user."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http import fields
from chabad_auth_django.api.http.conditional import respond
from chabad_auth_django.api.http.views import APIViewSet
from chabad_auth_django.api.openapi.schema import describe_change, describe_read
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.db.reads import Read
from chabad_auth_django.models import Preferences
from chabad_auth_django.models.preferences import CUSTOMIZATIONS, LANGUAGE, MAX_NAMES, THEMES


class NotificationsSerializer(fields.StrictSerializer):
    """The channels on which the user wants to be notified."""

    email = fields.BooleanField(required=False)
    push = fields.BooleanField(required=False)
    inApp = fields.BooleanField(required=False, source="in_app")


class WidgetsSerializer(fields.StrictSerializer):
    """The widgets that are on and off, and how each is customized."""

    enabled = fields.NamesField(child=fields.NameField(), required=False, max_length=MAX_NAMES)
    disabled = fields.NamesField(child=fields.NameField(), required=False, max_length=MAX_NAMES)
    customizations = fields.JSONObjectsField("METADATA_MAX_BYTES", required=False)


class DashboardSerializer(fields.StrictSerializer):
    """How the dashboard looks."""

    layout = fields.NameField(max_length=100, required=False)
    defaultView = fields.NameField(max_length=100, required=False, source="default_view")
    favoriteApps = fields.NamesField(
        child=fields.NameField(), required=False, max_length=MAX_NAMES, source="favorite_apps"
    )


class PreferencesSerializer(fields.StrictSerializer):
    """Preferences."""

    id = serializers.CharField(read_only=True)
    userId = serializers.CharField(read_only=True)
    theme = fields.ChoiceField(choices=THEMES, required=False)
    language = fields.StringField(
        max_length=35,
        required=False,
        validators=[RegexValidator(LANGUAGE, "Expected a language tag, such as en or pt-BR.")],
    )
    notifications = NotificationsSerializer(required=False)
    widgets = WidgetsSerializer(required=False)
    dashboard = DashboardSerializer(required=False)
    createdAt = serializers.DateTimeField(read_only=True, allow_null=True)
    updatedAt = serializers.DateTimeField(read_only=True, allow_null=True)


class WidgetSerializer(fields.StrictSerializer):
    """One widget: on or off, and how it is customized."""

    enabled = fields.BooleanField(required=False)
    customization = fields.JSONObjectField("METADATA_MAX_BYTES", required=False)


class PreferencesViewSet(APIViewSet):
    """The preferences."""

    resource = "preferences"

    def first_read(self) -> Read | None:
        """Return how the preferences are read that are shown."""
        reads = self.action == "retrieve"
        return Preferences.reading(userId=self.user_id) if reads else None

    @describe_read("preferences_retrieve", PreferencesSerializer)
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the preferences."""
        row = self.read_first().row() or Preferences.read_or_make(self.user_id)
        return respond(request, self.found(row), shapes.preferences)

    @describe_change("preferences_update", PreferencesSerializer, request=PreferencesSerializer)
    def partial_update(self, request: Request, user: str) -> Response:
        """Change what is named, at any depth; what is not named stays.

        Lists, and the customization of one widget, are replaced as a whole.
        """
        values: dict[str, Any] = {}
        for name, value in self.read_body(PreferencesSerializer).items():
            nested = isinstance(value, dict)
            values |= {f"{name}.{key}": value[key] for key in value} if nested else {name: value}
        customizations = values.pop(CUSTOMIZATIONS, None)
        merge = {CUSTOMIZATIONS: customizations} if customizations else None
        return self._change("patch", values, merge=merge)

    @describe_change("preferences_reset", PreferencesSerializer)
    def reset(self, request: Request, user: str) -> Response:
        """Set every preference to its default."""
        return self._change("reset_to_defaults")

    def _change(self, operation: str, *arguments: Any, **options: Any) -> Response:
        preferences = Preferences(user_id=self.user_id)
        return self.change(preferences, shapes.preferences, operation, *arguments, **options)


class FavoriteAppViewSet(PreferencesViewSet):
    """One favourite application."""

    @describe_change("favorite_apps_add", PreferencesSerializer)
    def update(self, request: Request, user: str, app: str) -> Response:
        """Add the application to the favourites."""
        return self._change("add_favorite_app", app)

    @describe_change("favorite_apps_remove", PreferencesSerializer)
    def destroy(self, request: Request, user: str, app: str) -> Response:
        """Remove the application from the favourites."""
        return self._change("remove_favorite_app", app)


class WidgetViewSet(PreferencesViewSet):
    """One widget."""

    @describe_change("widgets_set", PreferencesSerializer, request=WidgetSerializer)
    def update(self, request: Request, user: str, widget: str) -> Response:
        """Switch the widget on or off, customize it, or both."""
        return self._change("set_widget", widget, **self.read_body(WidgetSerializer))

    @describe_change("widgets_remove", PreferencesSerializer)
    def destroy(self, request: Request, user: str, widget: str) -> Response:
        """Forget the widget."""
        return self._change("remove_widget", widget)
