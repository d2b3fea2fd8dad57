"""Checks of the classes with which a host project replaces ours."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from chabad_auth_django.checks import settings_work
from chabad_auth_django.conf import conf

#: Setting -> the method that each of its classes has.
METHODS = {
    "AUTHENTICATION_CLASSES": "authenticate",
    "PERMISSION_CLASSES": "has_permission",
    "THROTTLE_CLASSES": "allow_request",
}


def check_classes(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each class in a setting that cannot do its work."""
    if not settings_work():
        return []
    return [
        Error(
            f"CHABAD_AUTH[{name!r}] names {path!r}, which cannot be imported or has no {method}().",
            id="chabad_auth.E085",
        )
        for name, method in METHODS.items()
        for path in getattr(conf, name)
        if not callable(getattr(_found(path), method, None))
    ]


def names_one_of(setting: str, paths: Sequence[str]) -> bool:
    """Tell whether the setting names one of the classes, or a class that extends one."""
    wanted = tuple(map(_found, paths))
    found = map(_found, getattr(conf, setting))
    return any(isinstance(item, type) and issubclass(item, wanted) for item in found)


def _found(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:
        return None
