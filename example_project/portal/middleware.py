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
    """Answer pages in the visitor's language, with a Content-Security-Policy.

    The API is left as it is: its errors are in one language, and its own pages have scripts inline.
    """

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        if request.path.startswith("/api/"):
            return self._get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            response = self._get_response(request)
        # Django's own pages for developers have their styles inline.
        if not (settings.DEBUG and response.status_code in {404, 500}):
            response.headers["Content-Security-Policy"] = POLICY
        return response
