"""Cursors: the positions in lists as text, for addresses and command lines."""

import base64
from datetime import UTC, datetime, timedelta

import orjson
from bson import ObjectId

from chabad_auth_django.db.pages import Position
from chabad_auth_django.exceptions import ValidationError

_EPOCH = datetime(1970, 1, 1)


def encode(position: Position) -> str:
    """Return the position as an opaque string."""
    key = position.key
    if isinstance(key, datetime):
        naive = key.astimezone(UTC).replace(tzinfo=None) if key.tzinfo else key
        key = (naive - _EPOCH) // timedelta(milliseconds=1)
    value = [str(key) if isinstance(key, ObjectId) else key, str(position.id), position.backward]
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def decode(cursor: str | None, kind: type) -> Position | None:
    """Return the position in a list whose keys are of the kind; raise ``ValidationError``.

    Times are naive, in UTC.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key, id, backward = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if kind is datetime and isinstance(key, int):
            key = _EPOCH + timedelta(milliseconds=key)
        elif kind is ObjectId and isinstance(key, str):
            key = ObjectId(key)
        if isinstance(key, kind) and isinstance(id, str) and isinstance(backward, bool):
            return Position(key, ObjectId(id), backward)
    except Exception:  # noqa: S110 — whatever is wrong with a forged cursor, the answer is the same
        pass
    raise ValidationError(errors={"cursor": "The cursor is not one of this list."})
