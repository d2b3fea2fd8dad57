"""System checks: the settings that the rules of the table do not see, and the order of the URLs."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.urls import Resolver404, URLResolver, get_resolver, resolve, reverse
from django.utils.module_loading import import_string

from chabad_auth_django.contrib.universe.conf import conf

URLS = "chabad_auth_django.contrib.universe.urls"


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return an error where ``UNIVERSE_ENRICHMENT`` names nothing that can be called."""
    given = conf.UNIVERSE_ENRICHMENT
    if not isinstance(given, str):
        return []
    try:
        if callable(import_string(given)):
            return []
        problem = "It names nothing that can be called."
    except ImportError as error:
        problem = str(error)
    return [
        Error(
            f"CHABAD_AUTH['UNIVERSE_ENRICHMENT'] cannot be used: {problem}",
            id="chabad_auth_universe.E014",
        )
    ]


def check_urls(**kwargs: Any) -> list[CheckMessage]:
    """Return a message where the front ends would not reach the URLs."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    included = list(_included(get_resolver(), []))
    if not included:
        return [
            Warning(
                "The URLs for the ChabadUniverse clients are not included.",
                hint=f'Put path("api/", include("{URLS}")) before the URLs of the API.',
                id="chabad_auth_universe.W001",
            )
        ]
    return [
        Error(
            f"Another URL comes before {path}, so the ChabadUniverse clients do not reach it.",
            hint=f'Put include("{URLS}") before include("chabad_auth_django.api.urls").',
            id="chabad_auth_universe.E015",
        )
        for namespace in included
        for path in (reverse(f"{namespace}:{name}") for name in ("me", "analytics"))
        if not _leads_to(path, namespace)
    ]


def _included(resolver: URLResolver, namespaces: list[str]) -> Iterator[str]:
    """Yield the namespace of each place where the URLs are included."""
    for item in resolver.url_patterns:
        if isinstance(item, URLResolver):
            inner = [*namespaces, item.namespace] if item.namespace else namespaces
            if getattr(item.urlconf_name, "__name__", item.urlconf_name) == URLS:
                yield ":".join(inner)
            else:
                yield from _included(item, inner)


def _leads_to(path: str, namespace: str) -> bool:
    try:
        return resolve(path).namespace == namespace
    except Resolver404:
        # Below a prefix of the server, which reverse() puts before the path.
        return True
