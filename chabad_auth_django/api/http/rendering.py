"""Rendering JSON with orjson."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from bson import Binary, DatetimeMS, ObjectId
from bson.binary import UUID_SUBTYPE
from django.apps import apps
from django.conf import settings
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.renderers import JSONRenderer as RestFrameworkJSONRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder


def can_render_html(*packages: str) -> bool:
    """Tell whether the host project has Django's templates, and these packages installed."""
    return bool(settings.TEMPLATES) and all(map(apps.is_installed, packages))


#: Naive, in UTC, as the times of a page are.
EPOCH = datetime(1970, 1, 1)

#: Milliseconds of 400 years, after which the calendar repeats itself.
_CYCLE = 146_097 * 86_400_000

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME
_fallback = JSONEncoder()


def to_json(value: Any, *, indent: bool = False) -> bytes:
    """Return the value as JSON: ids as strings, times in ISO 8601 UTC with milliseconds."""
    options = _OPTIONS | orjson.OPT_INDENT_2 if indent else _OPTIONS
    try:
        return orjson.dumps(value, default=_default, option=options)
    except orjson.JSONEncodeError:
        # The errors in a list have indexes for keys; to allow for them takes time for each key.
        return orjson.dumps(value, default=_default, option=options | orjson.OPT_NON_STR_KEYS)


def format_time(value: datetime) -> str:
    """Return the time as ``2026-01-31T12:00:00.000Z``; a naive one is UTC."""
    if value.utcoffset():
        value = value.astimezone(UTC)
    return value.isoformat("T", "milliseconds")[:23] + "Z"


def _format_any_time(value: DatetimeMS) -> str:
    # In a calendar of 400-year cycles, the year 20000 looks like 2000. ISO 8601 writes +020000.
    cycles, milliseconds = divmod(int(value), _CYCLE)
    time = format_time(EPOCH + timedelta(milliseconds=milliseconds))
    return f"{int(time[:4]) + 400 * cycles:+07}{time[4:]}"


_FORMATS: dict[type, Callable[[Any], str]] = {
    ObjectId: str,
    datetime: format_time,
    DatetimeMS: _format_any_time,
}


def _default(value: Any) -> Any:
    if format := _FORMATS.get(type(value)):
        return format(value)
    if isinstance(value, Binary) and value.subtype == UUID_SUBTYPE and len(value) == 16:
        return str(value.as_uuid())
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
        """Return the data as JSON, indented in the browsable API; nothing for ``None``."""
        if data is None:
            return b""
        # The browsable API asks for an indented rendering, and so may a client.
        wanted = "indent" in (accepted_media_type or "") or "indent" in (renderer_context or {})
        return to_json(data, indent=wanted)


class ContentNegotiation(DefaultContentNegotiation):
    """Choose the renderer, without parsing anything for a client that takes any."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and the media type of the answer; raise ``NotAcceptable``."""
        first = next(iter(renderers))
        accepts_first = request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type)
        # Django takes a query apart when it is first asked for.
        query = request.META.get("QUERY_STRING") and request.query_params
        named = format_suffix or (query and self.settings.URL_FORMAT_OVERRIDE in query)
        if accepts_first and not named:
            return first, str(first.media_type)
        return super().select_renderer(request, renderers, format_suffix)

    def get_accept_list(self, request: Request) -> list[str]:
        """Return the media types that the client takes; an empty header stands for any."""
        is_empty = not request.META.get("HTTP_ACCEPT", "").strip(" ,")
        return ["*/*"] if is_empty else super().get_accept_list(request)
