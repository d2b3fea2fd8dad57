"""The HTML pages of the API."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.http import urlencode
from rest_framework.exceptions import APIException
from rest_framework.renderers import BrowsableAPIRenderer as RestFrameworkBrowsableAPIRenderer

from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.api.openapi.examples import EXAMPLES

#: Characters of an answer that a page shows. Escaped and with links it takes seven times as many.
MAX_SHOWN = 2**20


class BrowsableAPIRenderer(RestFrameworkBrowsableAPIRenderer):
    """Render a page for people; it links to existing pages only."""

    template = "chabad_auth/api.html"
    renderer_context: Mapping[str, Any]

    def get_breadcrumbs(self, request: Any) -> list[tuple[str, str]]:
        """Return the names and paths of the resources above; their paths end with a slash."""
        return [item for item in super().get_breadcrumbs(request) if item[1].endswith("/")]

    def get_context(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return what the page shows, with a link to log in."""
        context: dict[str, Any] = super().get_context(*args, **kwargs)
        return {**context, "login_url": login_url(context["request"].get_full_path())}

    def get_content(self, *args: Any) -> Any:
        """Return the answer as a text, of which the end is left out where it is very long."""
        content = super().get_content(*args)
        return content if len(content) <= MAX_SHOWN else f"{content[:MAX_SHOWN]}\n…"

    def show_form_for_method(self, view: Any, method: str, request: Any, obj: Any) -> bool:
        """Tell whether the caller has the permission, without counting or recording an attempt."""
        with suppress(APIException):
            return method in view.allowed_methods and all(
                item.has_permission(request, view) for item in view.get_permissions()
            )
        return False

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        """Return the form of a write: with what was typed, or with what it may change."""
        form = super().get_raw_data_form(data, view, method, request)
        if form is not None:
            form.fields["_content"].initial = self._content(data, view, method, request)
        return form

    def _content(self, data: Any, view: Any, method: str, request: Any) -> str:
        """Return the JSON with which a form begins."""
        has_failed = self.renderer_context["response"].status_code >= 400
        was_sent = request.method == method or {request.method, method} == {"PUT", "PATCH"}
        if has_failed and was_sent and not view.takes_secrets:
            return str(request.raw_body.decode("utf-8", "replace"))
        handler = getattr(view, view.action_map.get(method.lower(), ""), None)
        content = EXAMPLES.get(getattr(handler, "request_component", ""))
        if method in ("PUT", "PATCH") and isinstance(data, Mapping) and not has_failed:
            names = getattr(handler, "request_fields", ())
            content = {name: data[name] for name in names if name in data} or content
        return "" if content is None else to_json(content, indent=True).decode()

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the page; nothing for 304, which has no body."""
        if renderer_context and renderer_context["response"].status_code == 304:
            return b""
        return super().render(data, accepted_media_type, renderer_context)


def login_url(next_path: str) -> str | None:
    """Return where the host project logs people in, if it does: its own page, or the admin's."""
    for place in (settings.LOGIN_URL, "admin:login"):
        with suppress(NoReverseMatch, Resolver404):
            url = reverse(str(place)) if ":" in str(place) else resolve_url(place)
            resolve(f"/{url.removeprefix(get_script_prefix())}")
            return f"{url}?{urlencode({'next': next_path})}"
    return None
