"""Serving the OpenAPI description and Swagger UI from the host project."""

import functools
import re
import threading
from collections.abc import Mapping
from typing import Any

from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.templatetags.static import static
from django.urls import URLResolver, get_resolver, get_script_prefix, get_urlconf
from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.settings import patched_settings
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.metadata import SimpleMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.browsable import BrowsableAPIRenderer
from chabad_auth_django.api.http.rendering import ContentNegotiation, JSONRenderer, can_render_html
from chabad_auth_django.api.http.views import APIViewMixin
from chabad_auth_django.api.openapi.schema import SETTINGS, TITLE
from chabad_auth_django.conf import conf

_lock = threading.Lock()


class PublicView(APIViewMixin):
    """A view for everybody, as the paths are public."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    content_negotiation_class = DefaultContentNegotiation
    versioning_class = None
    metadata_class = SimpleMetadata
    schema: Any = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 where the host project wants no such pages."""
        if not conf.API_DOCS:
            raise NotFound
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the answer; as JSON where it is not the page or the description."""
        if response.exception or request.method == "OPTIONS":
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


class IndexView(PublicView):
    """All addresses. In them me is the caller; replace what is in braces."""

    renderer_classes = [JSONRenderer, BrowsableAPIRenderer]
    content_negotiation_class = ContentNegotiation

    #: The routes by their names.
    routes: Mapping[str, str] = {}

    def get_view_name(self) -> str:
        """Return the heading of the page."""
        return TITLE

    def get(self, request: Request) -> Response:
        """Return the addresses by their names."""
        here = request.build_absolute_uri(request.path)
        routes = {name: here + _readable(route) for name, route in self.routes.items()}
        return Response(dict(sorted(routes.items(), key=lambda route: route[1])))


def _readable(route: str) -> str:
    return re.sub(
        r"<\w+:(\w+)>", lambda part: "me" if part[1] == "user" else f"{{{part[1]}}}", route
    )


class SchemaView(PublicView):
    """The OpenAPI description, as JSON or YAML."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiYamlRenderer]

    #: All settings of drf-spectacular for the description.
    description_settings = SETTINGS

    def get(self, request: Request) -> Response:
        """Return the description."""
        # Middleware of the host may choose the URLs by the name of the server.
        resolver = get_resolver(get_urlconf())
        urlconf: Any = resolver.urlconf_name
        language = get_language() if is_language_prefix_patterns_used(urlconf)[0] else None
        view: Any = type(self)
        return Response(_describe(view, resolver, get_script_prefix(), language))


class DocsView(PublicView, SpectacularSwaggerSplitView):
    """Swagger UI; its files come from drf-spectacular-sidecar, not from a CDN."""

    # Relative: the host project chooses where and under which namespace it includes the URLs.
    url = "../schema/"
    title = TITLE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Answer 404 where the host project has not installed what the page takes."""
        super().initial(request, *args, **kwargs)
        if not self._is_installed:
            raise NotFound("The page takes drf_spectacular and its sidecar in INSTALLED_APPS.")

    def get_renderers(self) -> list[Any]:
        """Return the renderer of the page, or the one of the error."""
        return super().get_renderers() if self._is_installed else [JSONRenderer()]

    @property
    def _is_installed(self) -> bool:
        return can_render_html("drf_spectacular", "drf_spectacular_sidecar")

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        return static(f"drf_spectacular_sidecar/swagger-ui-dist/{filename}")

    @staticmethod
    def _swagger_ui_favicon() -> str:
        return static("drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png")


# A proxy decides the prefix, so a client may.
@functools.lru_cache(maxsize=4)
def _describe(
    view: type[SchemaView], resolver: URLResolver, script_prefix: str, language: str | None
) -> Any:
    return describe_api(resolver, view.description_settings)


def describe_api(resolver: URLResolver, settings: dict[str, Any]) -> Any:
    """Return the OpenAPI description of what the settings' hooks keep of the URLs."""
    # A project below a path, as a proxy may serve it, has its URLs without that path.
    prefix = get_script_prefix().rstrip("/")
    servers = [{"url": prefix}] if prefix else []
    # drf-spectacular's settings are global, and so are patches of them.
    with _lock, patched_settings({**settings, "SERVERS": servers}):
        generator: Any = SchemaGenerator(patterns=resolver.url_patterns)  # type: ignore[no-untyped-call]
        return generator.get_schema(public=True)
