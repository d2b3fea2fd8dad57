"""The settings in effect, with what must stay secret masked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from chabad_auth_django.conf.table import Table, user_settings

#: What stands for a secret.
MASK = "(secret)"

#: Keys of dicts whose values are secret.
_SECRET_KEY = re.compile("key|pass|secret|token|credential|username|authmechanismprop", re.I)


@dataclass(frozen=True)
class Value:
    """A setting as it is now."""

    name: str
    value: str
    is_default: bool


def read() -> Iterator[Value]:
    """Yield each setting of the core and of the contrib apps that are installed."""
    given = user_settings()
    for table in Table.known:
        instance = table()
        for setting in table.settings():
            value = getattr(instance, setting.name)
            shown = MASK if setting.is_secret and value else repr(_masked(value))
            yield Value(setting.name, shown, is_default=setting.name not in given)


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: MASK if _SECRET_KEY.search(str(name)) and not _is_plain(item) else _masked(item)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_masked(item) for item in value]
    if isinstance(value, (str, PurePath)):
        return _without_credentials(str(value))
    if _is_plain(value):
        return value
    # What an object says of itself could be anything.
    return f"({type(value).__name__})"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float))


def _without_credentials(text: str) -> str:
    """Return an address without name and password, and without what follows its path."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    return scheme + separator + re.split("[?#]", rest.rpartition("@")[2])[0]
