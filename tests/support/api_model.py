"""The specification in plain Python: what the API must answer, and must show afterwards."""

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

DEFAULT_PREFERENCES: dict[str, Any] = {
    "theme": "auto",
    "language": "en",
    "notifications": {"email": True, "push": True, "inApp": True},
    "widgets": {"enabled": [], "disabled": [], "customizations": {}},
    "dashboard": {"layout": "grid", "defaultView": "overview", "favoriteApps": []},
}


def add(items: list[str], item: str) -> None:
    if item not in items:
        items.append(item)


def remove(items: list[str], item: str) -> None:
    if item in items:
        items.remove(item)


def merged(value: Any, patch: Any) -> Any:
    """Return the value after a merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for name, member in patch.items():
        if member is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), member)
    return result


def merge(target: dict[str, Any], values: dict[str, Any]) -> None:
    """Merge objects at every depth; lists are replaced."""
    for name, value in values.items():
        if isinstance(value, dict):
            merge(target.setdefault(name, {}), value)
        else:
            target[name] = value


@dataclass
class Value:
    """A value of app data."""

    value: Any
    version: int


@dataclass
class ModelUser:
    """A user, and everything that belongs to it."""

    id: str
    email: str
    name: str | None
    roles: list[str] = field(default_factory=lambda: ["user"])
    permissions: list[str] = field(default_factory=list)
    profile: dict[str, Any] = field(
        default_factory=lambda: {"displayName": None, "bio": None, "metadata": {}}
    )
    preferences: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(DEFAULT_PREFERENCES))
    values: dict[tuple[str, str], Value] = field(default_factory=dict)
    #: The last version of each key that was ever there: none is used twice.
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    activities: list[tuple[str, Any]] = field(default_factory=list)
    messages: set[str] = field(default_factory=set)
    analytics: Counter[str] = field(default_factory=Counter)

    def put(self, key: tuple[str, str], value: Any) -> int:
        """Store a value; return its version."""
        self.versions[key] += 1
        self.values[key] = Value(value, self.versions[key])
        return self.versions[key]

    def record(self, event_type: str, data: Any, message: str | None) -> bool:
        """Store an activity, unless its message is stored; return whether it was."""
        if message is not None:
            if message in self.messages:
                return False
            self.messages.add(message)
        self.activities.append((event_type, data))
        return True
