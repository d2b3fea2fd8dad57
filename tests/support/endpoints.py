"""The endpoints that the URL configuration serves."""

from collections.abc import Iterator
from typing import Any

from chabad_auth_django.api.urls import urlpatterns

#: Name -> pattern of each path but the one that catches the unknown ones.
PATTERNS = {pattern.name: pattern for pattern in urlpatterns if pattern.name != "not-found"}


def served() -> Iterator[tuple[str, str]]:
    """Yield the name of each path with each verb that is served."""
    for name, pattern in PATTERNS.items():
        view: Any = pattern.callback
        for verb in getattr(view, "actions", None) or ("get",):
            if verb != "head":
                yield name, verb
