"""JSON through orjson."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer as RestFrameworkJSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
_fallback = JSONEncoder()


def to_json(value: Any, *, indent: bool = False) -> bytes:
    """Return the value as JSON: ids as strings, times in ISO 8601 UTC with milliseconds."""
    options = _OPTIONS | orjson.OPT_INDENT_2 if indent else _OPTIONS
    return orjson.dumps(value, default=_default, option=options)


def format_time(value: datetime) -> str:
    """Return the time as ``2026-01-31T12:00:00.000Z``."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_time(value)
    try:
        return _fallback.default(value)
    except TypeError:
        # What other programs stored: ObjectId, Decimal128, Binary, Regex …
        return str(value)


class JSONRenderer(RestFrameworkJSONRenderer):
    """Render with orjson."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the JSON of the data, nothing for ``None``; indented for a person's browser."""
        if data is None:
            return b""
        # The browsable API asks for an indented rendering.
        return to_json(data, indent="indent" in (accepted_media_type or ""))
