"""What the mappings share."""

import math
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import orjson
from bson import ObjectId

from chabad_auth_django.api.http.fields import StrictSerializer
from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.db import expressions
from chabad_auth_django.exceptions import NotFound, ValidationError
from chabad_auth_django.models.base import Document
from chabad_auth_django.texts import is_text
from chabad_auth_django.validators import unsafe_keys, validate_json, validate_name

Row = Mapping[str, Any]

#: What the front ends send back and may not change.
READ_ONLY = frozenset(("userId", "createdAt", "updatedAt"))


class ClientSerializer(StrictSerializer):
    """Ignore what is read-only; refuse what is unknown."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values."""
        if isinstance(data, Mapping):
            data = {name: value for name, value in data.items() if name not in READ_ONLY}
        return super().to_internal_value(data)


def text(value: Any) -> str | None:
    """Return a text that is not empty, or ``None``."""
    return value if is_text(value) and value else None


def texts(value: Any) -> list[str]:
    """Return the texts of a list."""
    return list(filter(is_text, value)) if isinstance(value, list) else []


def object_in(row: Row, *path: str) -> Row:
    """Return the object at the path; an empty one where there is none."""
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def times(row: Row) -> dict[str, Any]:
    """Return when a stored document was made and changed; an id says when it was made."""
    made = row["_id"].generation_time if isinstance(row["_id"], ObjectId) else None
    created = row.get("createdAt") or made
    return {"createdAt": created, "updatedAt": row.get("updatedAt") or created}


def check_object(value: Any, *, name: str, max_bytes: int, stored: Row) -> dict[str, Any]:
    """Return a free-form object; raise ``ValidationError``.

    A key that is unsafe and stored already is taken, and as many bytes as are stored: the front
    ends send what another program stored back, also to take something out of it.
    """
    if not isinstance(value, dict):
        raise ValidationError(errors={name: "Expected an object."})
    most = max(max_bytes, len(expressions.content(stored)))
    try:
        validate_json(value, max_bytes=most, known_keys=unsafe_keys(stored))
    except ValidationError as error:
        raise ValidationError(errors={name: error.detail}) from None
    return value


def check_names(names: Iterable[str], *, name: str, stored: Container[str]) -> None:
    """Raise ``ValidationError`` unless each is an identifier, or is stored already.

    What other programs stored may be none, and the front ends send it back.
    """
    for item in names:
        if item not in stored:
            try:
                validate_name(item)
            except ValidationError as error:
                raise ValidationError(errors={name: error.detail}) from None


def update(document: Document, make: Callable[[Row], None], create: Callable[[], object]) -> Row:
    """Update the document as ``make`` does, and return what is stored then.

    ``make`` is given what is stored, or an empty row at first, which will do for most values. A
    user of another program may have no such document yet.
    """
    try:
        return _update(document, make)
    except NotFound:
        create()
        return _update(document, make)


def _update(document: Document, make: Callable[[Row], None]) -> Row:
    try:
        make({})
    except ValidationError:
        document.refresh()
        make(document.stored or {})
    return document.stored or {}


def as_shown(value: Any) -> Any:
    """Return the stored value as a client gets it: a time, for one, is a text there."""
    return orjson.loads(to_json(value))


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def same(sent: Any, shown: Any) -> bool:
    """Tell whether a client sends back what it was shown; its numbers are floats."""
    if isinstance(sent, bool) or isinstance(shown, bool):
        return sent is shown
    if isinstance(sent, (int, float)) and isinstance(shown, (int, float)):
        return sent == shown or _as_float(sent) == _as_float(shown)
    if isinstance(sent, dict) and isinstance(shown, dict):
        return sent.keys() == shown.keys() and all(same(sent[key], shown[key]) for key in sent)
    if isinstance(sent, list) and isinstance(shown, list):
        return len(sent) == len(shown) and all(map(same, sent, shown))
    return type(sent) is type(shown) and sent == shown
