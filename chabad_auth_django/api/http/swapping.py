"""View classes that a setting of the host project replaces."""

from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from chabad_auth_django.conf import conf


class FromSetting:
    """The classes that a setting of ``CHABAD_AUTH`` names, as an attribute of a view.

    The setting is read whenever they are asked for. ``further`` ones come after them.
    """

    def __init__(self, name: str, *further: type[Any]) -> None:
        self.name = name
        self.further = further

    def __get__(self, view: Any, owner: type[Any]) -> list[type[Any]]:
        """Return the classes."""
        return [*_classes(*getattr(conf, self.name)), *self.further]


@cache
def _classes(*names: str) -> list[type[Any]]:
    return [import_string(name) for name in names]
