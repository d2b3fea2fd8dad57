"""The OpenAPI description, and Swagger UI served from the host itself."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from chabad_auth_django import __version__
from chabad_auth_django.api.views.base import APIViewMixin


class SchemaView(APIViewMixin, SpectacularAPIView):
    """The OpenAPI description; public, as the paths are."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    schema: Any = None
    custom_settings = {
        "TITLE": "ChabadUniverse users",
        "DESCRIPTION": "Users and what they share: profile, preferences, events and app data.",
        "VERSION": __version__,
        "PREPROCESSING_HOOKS": ["chabad_auth_django.api.schema.only_ours"],
    }


class DocsView(APIViewMixin, SpectacularSwaggerView):
    """Swagger UI; its files come from drf-spectacular-sidecar, not from a CDN."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    schema: Any = None
    url_name = "schema"
    title = "ChabadUniverse users"

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        return static(f"drf_spectacular_sidecar/swagger-ui-dist/{filename}")

    @staticmethod
    def _swagger_ui_favicon() -> str:
        return static("drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png")
