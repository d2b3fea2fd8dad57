"""What every page has: a policy of what it may load, and the visitor's language."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

#: Avatars are addresses on other hosts. Scripts, styles and calls are this site's own.
POLICY = "default-src 'self'; img-src 'self' https: data:"

Respond = Callable[[HttpRequest], HttpResponse]


class PageMiddleware:
    """Answer in the visitor's language, and pages with a Content-Security-Policy."""

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        with translation.override(translation.get_language_from_request(request)):
            response = self._get_response(request)
        # The pages of the API have scripts inline, Django's own for developers styles.
        is_inline = request.path.startswith("/api/") or (
            settings.DEBUG and response.status_code in {404, 500}
        )
        if not is_inline:
            response.headers["Content-Security-Policy"] = POLICY
        return response
