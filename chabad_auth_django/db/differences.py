"""Where two values differ."""

from collections.abc import Iterator
from typing import Any

_MISSING = object()


def differences(path: str, before: Any, value: Any) -> Iterator[str]:
    """Yield the paths at which two values differ; a list is one value."""
    # Not by "==": to Python, True is equal to 1.
    if repr(before) == repr(value):
        return
    if not isinstance(before, dict) or not isinstance(value, dict):
        yield path
        return
    for key in before.keys() | value.keys():
        values = before.get(key, _MISSING), value.get(key, _MISSING)
        inner = differences(f"{path}.{key}", *values)
        # No path leads through a key with a dot.
        yield from (path for _ in inner) if "." in str(key) else inner
