"""Checks of django-cors-headers, which lets pages of other origins call the API."""

import re
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Warning
from django.utils.module_loading import import_string

#: Headers of requests to the API, and those of its answers that a page reads.
REQUEST_HEADERS = {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key"}
ANSWER_HEADERS = {"etag", "retry-after"}

MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"

#: Middleware that may answer by itself. Its answers need the CORS headers too.
ANSWERING = "django.middleware.common.CommonMiddleware"

#: The setting that allows each origin, and its former name.
ALL_ORIGINS = ("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL")

#: Origins that no project means to allow.
STRANGERS = ("https://any-site.invalid", "http://any-site.invalid", "null")


def check_cross_origin(**kwargs: Any) -> list[CheckMessage]:
    """Return a warning for each setting of django-cors-headers that hides the API from pages."""
    if not apps.is_installed("corsheaders"):
        return []
    default_headers = import_string("corsheaders.defaults.default_headers")
    wanted = {
        "CORS_ALLOW_HEADERS": (REQUEST_HEADERS, default_headers),
        "CORS_EXPOSE_HEADERS": (ANSWER_HEADERS, ()),
    }
    messages: list[CheckMessage] = [
        Warning(
            f"{name} lacks {', '.join(sorted(missing))}.",
            hint="Add them: a browser keeps these headers from pages of other origins.",
            id="chabad_auth.W087",
        )
        for name, (headers, default) in wanted.items()
        if (missing := headers - {item.lower() for item in getattr(settings, name, default)})
    ]
    order = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in order or (
        ANSWERING in order and order.index(ANSWERING) < order.index(MIDDLEWARE)
    ):
        messages.append(
            Warning(
                f"{MIDDLEWARE} must be in MIDDLEWARE, before {ANSWERING}.",
                hint="An answer from before it has no CORS headers: the browser hides it.",
                id="chabad_auth.W088",
            )
        )
    if getattr(settings, "CORS_ALLOW_CREDENTIALS", False) and _allows_any_site():
        messages.append(
            Warning(
                "django-cors-headers lets pages of any origin call the API with credentials.",
                hint="Any site can then read what the API tells whoever is logged in. Name each "
                "origin in CORS_ALLOWED_ORIGINS, not 'null', which any site can be.",
                id="chabad_auth.W089",
            )
        )
    return messages


def _allows_any_site() -> bool:
    if any(getattr(settings, name, False) for name in ALL_ORIGINS):
        return True
    patterns = getattr(settings, "CORS_ALLOWED_ORIGIN_REGEXES", ())
    return "null" in getattr(settings, "CORS_ALLOWED_ORIGINS", ()) or any(
        _matches_strangers(pattern) for pattern in patterns
    )


def _matches_strangers(pattern: str | re.Pattern[str]) -> bool:
    text = pattern if isinstance(pattern, str) else pattern.pattern
    # Without an end it lets in "https://example.org.any-site.invalid".
    is_open = not text.endswith(("$", r"\Z", r"\z"))
    return is_open or any(re.match(pattern, origin) for origin in STRANGERS)
