"""What a host project may have in its ``MIDDLEWARE``."""

from collections.abc import Callable
from typing import Any

from chabad_auth_django.services.identity import search


def read_body(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Read the body of every request, as logs and signatures of requests do."""

    def middleware(request: Any) -> Any:
        assert isinstance(request.body, bytes)
        return get_response(request)

    return middleware


def content_security_policy(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Allow pages nothing but what comes from the same origin; wait for a slow machine."""
    search.TIMEOUT = 60

    def middleware(request: Any) -> Any:
        answer = get_response(request)
        answer["Content-Security-Policy"] = "default-src 'self'"
        return answer

    return middleware


def prefixed_urls(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Give every request URLs of its own, as projects with a subdomain for the API do."""

    def middleware(request: Any) -> Any:
        request.urlconf = "support.prefixed_urls"
        return get_response(request)

    return middleware
