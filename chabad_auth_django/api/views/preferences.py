"""The preferences of a user."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api import shapes
from chabad_auth_django.api.conditional import respond
from chabad_auth_django.api.schema import IF_MATCH, IF_NONE_MATCH, describe, errors
from chabad_auth_django.api.serializers.preferences import (
    PreferencesSerializer,
    WidgetSerializer,
)
from chabad_auth_django.api.views.base import APIViewSet
from chabad_auth_django.models import Preferences


class PreferencesViewSet(APIViewSet):
    """The preferences."""

    resource = "preferences"

    @describe(
        operation_id="preferences_retrieve",
        parameters=[IF_NONE_MATCH],
        responses={200: PreferencesSerializer, **errors()},
    )
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the preferences."""
        row = self.found(Preferences.read(userId=self.user_id))
        return respond(request, row, shapes.preferences)

    @describe(
        operation_id="preferences_update",
        parameters=[IF_MATCH],
        request=PreferencesSerializer,
        responses={200: PreferencesSerializer, **errors(412)},
    )
    def partial_update(self, request: Request, user: str) -> Response:
        """Change what is named, at any depth; what is not named stays."""
        values: dict[str, Any] = {}
        for name, value in self.read_body(PreferencesSerializer).items():
            nested = isinstance(value, dict)
            values |= {f"{name}.{key}": value[key] for key in value} if nested else {name: value}
        customizations = values.pop("widgets.customizations", None)
        merge = {"widgets.customizations": customizations} if customizations else None
        return self.patch_document(self.preferences, values, shapes.preferences, merge=merge)

    @describe(
        operation_id="preferences_reset",
        request=None,
        responses={200: PreferencesSerializer, **errors()},
    )
    def reset(self, request: Request, user: str) -> Response:
        """Set every preference to its default."""
        return self._changed("reset_to_defaults")

    @property
    def preferences(self) -> Preferences:
        """The preferences, not read yet."""
        return Preferences(user_id=self.user_id)

    def _changed(self, operation: str, *arguments: Any) -> Response:
        preferences = self.preferences
        getattr(preferences, operation)(*arguments)
        return respond(self.request, self.found(preferences.stored), shapes.preferences)


class FavoriteAppViewSet(PreferencesViewSet):
    """One favourite application."""

    @describe(
        operation_id="favorite_apps_add",
        request=None,
        responses={200: PreferencesSerializer, **errors()},
    )
    def update(self, request: Request, user: str, app: str) -> Response:
        """Add the application to the favourites."""
        return self._changed("add_favorite_app", app)

    @describe(
        operation_id="favorite_apps_remove", responses={200: PreferencesSerializer, **errors()}
    )
    def destroy(self, request: Request, user: str, app: str) -> Response:
        """Remove the application from the favourites."""
        return self._changed("remove_favorite_app", app)


class WidgetViewSet(PreferencesViewSet):
    """One widget."""

    @describe(
        operation_id="widgets_set",
        request=WidgetSerializer,
        responses={200: PreferencesSerializer, **errors()},
    )
    def update(self, request: Request, user: str, widget: str) -> Response:
        """Switch the widget on or off, customize it, or both."""
        values = self.read_body(WidgetSerializer)
        preferences = self.preferences
        if "customization" in values:
            preferences.set_widget_customization(widget, values["customization"])
        if "enabled" in values:
            operation = "enable_widget" if values["enabled"] else "disable_widget"
            getattr(preferences, operation)(widget)
        if not values:
            preferences.refresh()
        return respond(request, self.found(preferences.stored), shapes.preferences)

    @describe(operation_id="widgets_remove", responses={200: PreferencesSerializer, **errors()})
    def destroy(self, request: Request, user: str, widget: str) -> Response:
        """Forget the widget."""
        return self._changed("remove_widget", widget)
