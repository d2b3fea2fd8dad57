"""JSON merge patches (RFC 7396) of values in which other programs may have stored anything."""

from __future__ import annotations

from typing import Any

from chabad_auth_django.db.expressions import content
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.validators import validate_json


def merge(value: Any, patch: Any) -> Any:
    """Return the value to which the patch was applied."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), change)
    return merged


def validate_merge(value: Any, patch: Any, *, max_bytes: int) -> None:
    """Raise ``ValidationError`` unless the value may be stored to which the patch was applied.

    What another program stored there may be what no client may store. Beside it only what the
    patch brings is looked at, and the size, which must not grow beyond the limit.
    """
    merged = merge(value, patch)
    try:
        validate_json(merged, max_bytes=max_bytes)
    except ValidationError:
        validate_json(merge(None, patch), max_bytes=max_bytes)
        if _is_valid(value, max_bytes=max_bytes) or _size(merged) > max(max_bytes, _size(value)):
            raise


def _is_valid(value: Any, *, max_bytes: int) -> bool:
    try:
        validate_json(value, max_bytes=max_bytes)
    except ValidationError:
        return False
    return True


def _size(value: Any) -> int:
    return len(content({"": value}))
