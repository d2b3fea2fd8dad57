"""JSON through orjson."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from bson import DatetimeMS, ObjectId
from django.apps import apps
from django.conf import settings
from rest_framework.renderers import BrowsableAPIRenderer as RestFrameworkBrowsableAPIRenderer
from rest_framework.renderers import JSONRenderer as RestFrameworkJSONRenderer
from rest_framework.utils.encoders import JSONEncoder


def can_render_html(*packages: str) -> bool:
    """Tell whether the host project has Django's templates, and these packages installed."""
    return bool(settings.TEMPLATES) and all(map(apps.is_installed, packages))


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Milliseconds after which the calendar repeats itself: 400 years.
_CYCLE = 146_097 * 86_400_000

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
_fallback = JSONEncoder()


def to_json(value: Any, *, indent: bool = False) -> bytes:
    """Return the value as JSON: ids as strings, times in ISO 8601 UTC with milliseconds."""
    options = _OPTIONS | orjson.OPT_INDENT_2 if indent else _OPTIONS
    return orjson.dumps(value, default=_default, option=options)


def format_time(value: datetime) -> str:
    """Return the time as ``2026-01-31T12:00:00.000Z``."""
    if value.utcoffset():
        value = value.astimezone(UTC)
    return value.isoformat(timespec="milliseconds")[:23] + "Z"


def _format_any_time(value: DatetimeMS) -> str:
    # In a calendar of 400-year cycles, the year 20000 looks like 2000. ISO 8601 writes +020000.
    cycles, milliseconds = divmod(int(value), _CYCLE)
    time = format_time(EPOCH + timedelta(milliseconds=milliseconds))
    return f"{int(time[:4]) + 400 * cycles:+07}{time[4:]}"


def _default(value: Any) -> Any:
    # The two of each row first.
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, DatetimeMS):
        return _format_any_time(value)
    try:
        return _fallback.default(value)
    except (TypeError, ValueError):
        # What other programs stored: Decimal128, Binary, Regex …
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
        # The browsable API asks for an indented rendering, and so may a client.
        wanted = "indent" in (accepted_media_type or "") or "indent" in (renderer_context or {})
        return to_json(data, indent=wanted)


class BrowsableAPIRenderer(RestFrameworkBrowsableAPIRenderer):
    """Render a page for a person, which links only to what there is."""

    def get_breadcrumbs(self, request: Any) -> list[tuple[str, str]]:
        """Return the names and paths of what is above: without a slash at its end it is nothing."""
        return [item for item in super().get_breadcrumbs(request) if item[1].endswith("/")]
