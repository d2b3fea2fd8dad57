"""The preferences of a user."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api import shapes
from chabad_auth_django.api.conditional import respond
from chabad_auth_django.api.schema import (
    CHANGED,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    describe,
)
from chabad_auth_django.api.serializers.preferences import (
    PreferencesSerializer,
    WidgetSerializer,
)
from chabad_auth_django.api.views.base import APIViewSet
from chabad_auth_django.models import Preferences
from chabad_auth_django.models.preferences import CUSTOMIZATIONS


class PreferencesViewSet(APIViewSet):
    """The preferences."""

    resource = "preferences"

    @describe(
        operation_id="preferences_retrieve",
        parameters=[IF_NONE_MATCH, ETAG],
        responses={200: PreferencesSerializer, **NOT_MODIFIED},
    )
    def retrieve(self, request: Request, user: str) -> Response:
        """Show the preferences."""
        row = self.found(Preferences.read(userId=self.user_id))
        return respond(request, row, shapes.preferences)

    @describe(
        operation_id="preferences_update",
        parameters=[IF_MATCH, ETAG],
        request=PreferencesSerializer,
        responses={200: PreferencesSerializer, **CHANGED},
    )
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

    @describe(
        operation_id="preferences_reset",
        parameters=[IF_MATCH, ETAG],
        request=None,
        responses={200: PreferencesSerializer, **CHANGED},
    )
    def reset(self, request: Request, user: str) -> Response:
        """Set every preference to its default."""
        return self._change("reset_to_defaults")

    def _change(self, operation: str, *arguments: Any, **options: Any) -> Response:
        preferences = Preferences(user_id=self.user_id)
        return self.change(preferences, shapes.preferences, operation, *arguments, **options)


class FavoriteAppViewSet(PreferencesViewSet):
    """One favourite application."""

    @describe(
        operation_id="favorite_apps_add",
        parameters=[IF_MATCH, ETAG],
        request=None,
        responses={200: PreferencesSerializer, **CHANGED},
    )
    def update(self, request: Request, user: str, app: str) -> Response:
        """Add the application to the favourites."""
        return self._change("add_favorite_app", app)

    @describe(
        operation_id="favorite_apps_remove",
        parameters=[IF_MATCH, ETAG],
        responses={200: PreferencesSerializer, **CHANGED},
    )
    def destroy(self, request: Request, user: str, app: str) -> Response:
        """Remove the application from the favourites."""
        return self._change("remove_favorite_app", app)


class WidgetViewSet(PreferencesViewSet):
    """One widget."""

    @describe(
        operation_id="widgets_set",
        parameters=[IF_MATCH, ETAG],
        request=WidgetSerializer,
        responses={200: PreferencesSerializer, **CHANGED},
    )
    def update(self, request: Request, user: str, widget: str) -> Response:
        """Switch the widget on or off, customize it, or both."""
        return self._change("set_widget", widget, **self.read_body(WidgetSerializer))

    @describe(
        operation_id="widgets_remove",
        parameters=[IF_MATCH, ETAG],
        responses={200: PreferencesSerializer, **CHANGED},
    )
    def destroy(self, request: Request, user: str, widget: str) -> Response:
        """Forget the widget."""
        return self._change("remove_widget", widget)
