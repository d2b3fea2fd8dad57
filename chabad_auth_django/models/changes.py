"""What has changed in a Document since it was loaded, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from typing import Any

import mongoengine

from chabad_auth_django.db.mongoengine_internals import (
    changes_of,
    check_value,
    fields_of,
    names_by_stored,
    values_of,
)
from chabad_auth_django.db.updates import REMOVE

_MISSING = object()


def update_of(document: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return stored path -> expression, for all changed values and for the arrays among them."""
    changes: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    paths = changes_of(document)
    # No others: what is stored there need not fit the field.
    names = {names_by_stored(document)[path.split(".", 1)[0]] for path in paths}
    row = document.to_mongo(fields=list(names)) if names else {}
    for changed in paths:
        path, value = _find(row, changed)
        if isinstance(value, list):
            arrays[path] = {"$literal": value}
        changes |= leaves(path, _field_at(document, path), value)
    return changes, arrays


def leaves(path: str, field: Any, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the paths that set the field to the stored value, and their expressions.

    An embedded document is set field by field, so that what other programs stored in it stays.
    """
    if value is _MISSING:
        yield path, REMOVE
    elif isinstance(field, mongoengine.EmbeddedDocumentField):
        for inner in fields_of(field.document_type).values():
            name = inner.db_field
            yield from leaves(f"{path}.{name}", inner, value.get(name, _MISSING))
    else:
        yield path, {"$literal": value}


def unread(document: Any, changes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths at which an array or an object would be set, and none was read."""
    for path, change in changes.items():
        if change is REMOVE or not isinstance(change["$literal"], (dict, list)):
            continue
        row = document.queried
        for part in path.split("."):
            if isinstance(row, dict):
                row = row.get(part, _MISSING)
        if row is _MISSING:
            yield path


def errors_of(document: Any) -> dict[str, Any]:
    """Return what is wrong with the values that have changed, by their stored names.

    What was stored before may break today's rules and stays what it is.
    """
    errors: dict[str, Any] = {}
    changed = changes_of(document)
    for field in fields_of(document).values():
        name, value = field.db_field, values_of(document).get(field.name)
        if not any(path.split(".", 1)[0] == name for path in changed):
            continue
        if isinstance(value, mongoengine.EmbeddedDocument) and name not in changed:
            inner = errors_of(value)
            if inner:
                errors[name] = inner
        elif value is None:
            if field.required:
                errors[name] = "Field is required"
        else:
            try:
                check_value(field, value)
            except mongoengine.ValidationError as error:
                errors[name] = error.to_dict() or error.message
    return errors


def _find(row: Any, path: str) -> tuple[str, Any]:
    """Return the value at the path, if there is one; a list is one value."""
    found: list[str] = []
    for part in path.split("."):
        if not isinstance(row, dict):
            break
        row = row.get(part, _MISSING)
        found.append(part)
    return ".".join(found), row


def _field_at(document: Any, path: str) -> Any:
    """Return the field at the stored path; ``None`` inside a free-form object."""
    kind, field = document, None
    for part in path.split("."):
        field = fields_of(kind)[names_by_stored(kind)[part]]
        if not isinstance(field, mongoengine.EmbeddedDocumentField):
            break
        kind = field.document_type
    return field
