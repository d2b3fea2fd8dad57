"""Whether a request comes from a page of ours: the front ends send no CSRF token."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import is_same_domain


def comes_from_us(request: HttpRequest) -> bool:
    """Tell whether the browser says that a page of this host, or of a trusted one, sent it.

    ``Sec-Fetch-Site`` says so, or ``Origin``, or ``Referer`` where that is missing. A request that
    says nothing does not come from us.
    """
    if request.headers.get("Sec-Fetch-Site") == "same-origin":
        return True
    origin = request.headers.get("Origin") or _origin_of(request.headers.get("Referer", ""))
    return origin == f"{request.scheme}://{request.get_host()}" or _is_trusted(origin)


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _is_trusted(origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        trusted_scheme, _, trusted_host = trusted.partition("://")
        # "https://*.example.org": each subdomain, as Django takes it.
        if scheme == trusted_scheme and is_same_domain(host, trusted_host.removeprefix("*")):
            return True
    return False
