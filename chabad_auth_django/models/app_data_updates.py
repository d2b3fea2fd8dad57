"""The updates that store a value, with what JSON merge patches (RFC 7396) need."""

from typing import Any

from chabad_auth_django.conf import conf
from chabad_auth_django.db.expressions import content
from chabad_auth_django.db.updates import REMOVE, pipeline
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.app_data_criteria import NEXT_VERSION
from chabad_auth_django.models.fields import now
from chabad_auth_django.validators import validate_json

Update = list[dict[str, Any]]


def replacing(data_value: Any) -> Update:
    """Return the update that stores a new value; raise ``ValidationError``."""
    validate_json(data_value, max_bytes=conf.APP_DATA_MAX_BYTES)
    changes = {"dataValue": {"$literal": data_value}, "updatedAt": now(), "version": NEXT_VERSION}
    is_array = isinstance(data_value, (list, tuple))
    return pipeline(changes, arrays={"dataValue": changes["dataValue"]} if is_array else None)


def patching(value: Any, patch: dict[str, Any]) -> Update:
    """Return the update that applies a merge patch to the value; raise ``ValidationError``."""
    _validate(value, merged=_merge(value, patch), brought=_merge(None, patch))
    changes = _changes(value, patch)
    return [*([{"$set": {"dataValue": changes}}] if changes else []), _counted()]


def adding(value: dict[str, Any], members: dict[str, Any]) -> Update:
    """Return the update that adds the members which an object does not have.

    Raises ``ValidationError``.
    """
    new = {name: member for name, member in members.items() if name not in value}
    _validate(value, merged={**value, **new}, brought=new)
    added = {"$mergeObjects": ["$dataValue", {"$literal": new}]}
    return [{"$set": {"dataValue": added}}, _counted()]


def _counted() -> dict[str, Any]:
    return {"$set": {"updatedAt": now(), "version": NEXT_VERSION}}


def _changes(value: Any, patch: Any) -> Any:
    """Return what ``$set`` takes to apply the patch; what is not named stays as it is stored.

    Paths instead of nested objects would each repeat all names above them.
    """
    if not isinstance(value, dict) or not isinstance(patch, dict):
        return {"$literal": _merge(None, patch)}
    found = {
        name: REMOVE if change is None else _changes(value.get(name), change)
        for name, change in patch.items()
    }
    # "$set" takes no empty object: there nothing changes.
    return {name: change for name, change in found.items() if change}


def _merge(value: Any, patch: Any) -> Any:
    """Return the value to which the patch was applied."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), change)
    return merged


def _validate(value: Any, *, merged: Any, brought: Any) -> None:
    """Raise ``ValidationError`` unless a client may store ``merged`` in place of ``value``.

    What another program stored in ``value`` may be what no client may store. Beside it only what
    the client ``brought`` is validated, and the size, which must not grow beyond the limit.
    """
    max_bytes = conf.APP_DATA_MAX_BYTES
    try:
        validate_json(merged, max_bytes=max_bytes)
    except ValidationError:
        validate_json(brought, max_bytes=max_bytes)
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
