"""Reading JSON bodies, strictly and within a limit."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any, NoReturn

import orjson
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import UnreadablePostError
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from chabad_auth_django.api.http.errors import BodyTooLarge, LengthRequired
from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import Text, translated

_WHITESPACE = b" \t\n\r"
# With every digit a zero; so many of them may be an integer that orjson would round to a float.
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_INTEGER = b"0" * 19

#: Bytes of a body that are read only to be thrown away; more than any body may have by default.
_DISCARDED = 16 * 1024 * 1024
_CHUNK = 64 * 1024


class JSONParser(BaseParser):
    """Parse JSON with orjson; refuse what it would lose: duplicate keys and huge integers."""

    media_type = "application/json"

    @property
    def limit(self) -> int:
        """Bytes of a body."""
        return conf.BODY_MAX_BYTES

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the body's value; raise ``ParseError``, or ``BodyTooLarge`` unread."""
        limit = self.limit
        # A middleware of the host may have read the body; then the stream is not the request.
        headers = getattr(stream, "META", {})
        if int(headers.get("CONTENT_LENGTH") or 0) > limit:
            raise BodyTooLarge
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        if parser_context:
            # For Idempotency-Key; the stream cannot be read again.
            parser_context["request"].raw_body = body
        return self.parse_body(body)

    def parse_body(self, body: bytes) -> Any:
        """Return the value; raise ``ParseError``."""
        return parse_json(body)


def measure_body(request: Request) -> None:
    """Read a body without ``Content-Length``, which Django would take for an empty one.

    Over HTTP/2 and ASGI, and where the server takes the chunks apart, it ends by itself. Raises
    ``LengthRequired`` where it does not, ``ParseError`` for a length that is no number,
    ``BodyTooLarge`` above the limit of the parser, and ``UnreadablePostError`` where the chunks are
    damaged or the client is gone.
    """
    django_request: Any = request._request
    headers = django_request.META
    if length := headers.get("CONTENT_LENGTH"):
        if not (length.isascii() and length.isdigit()):
            # Django would take it for 0. uWSGI and wsgiref pass on whatever the client sends.
            raise ParseError
        return
    is_http_1 = headers.get("SERVER_PROTOCOL", "HTTP/1.1").startswith("HTTP/1")
    if isinstance(django_request, ASGIRequest):
        stream: Any = django_request
    elif headers.get("wsgi.input_terminated") or not is_http_1:
        stream = headers["wsgi.input"]
    elif "HTTP_TRANSFER_ENCODING" in headers:
        raise LengthRequired
    else:
        return
    limit = getattr(next(iter(request.parsers or ()), None), "limit", conf.BODY_MAX_BYTES)
    try:
        body = stream.read(limit + 1)
    except Exception as error:
        # Each server has errors of its own for chunks that are damaged or cut off.
        raise UnreadablePostError("The body cannot be read.") from error
    if len(body) > limit:
        raise BodyTooLarge
    if body:
        headers["CONTENT_LENGTH"] = str(len(body))
        django_request._stream = BytesIO(body)
        django_request._read_started = False


def discard_body(request: Request) -> None:
    """Read what is left of the body, up to 16 MiB; nothing of one that is announced as longer.

    Many WSGI servers reset a connection that they close with unread bytes. The client, or a proxy,
    may lose the answer by it.
    """
    django_request: Any = request._request
    if not isinstance(django_request, WSGIRequest):
        return
    headers = django_request.META
    is_terminated = headers.get("wsgi.input_terminated")
    stream = headers["wsgi.input"] if is_terminated else django_request._stream
    # The answer is made: whatever is wrong with the rest of the body changes nothing.
    with suppress(Exception):
        if int(headers.get("CONTENT_LENGTH") or 0) > _DISCARDED:
            return
        for _ in range(0, _DISCARDED, _CHUNK):
            if not stream.read(_CHUNK):
                break


class MergePatchParser(JSONParser):
    """Parse a JSON merge patch (RFC 7396)."""

    media_type = "application/merge-patch+json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the body's value; raise ``UnsupportedMediaType`` for a PUT, which replaces."""
        if parser_context["request"].method != "PATCH":
            raise UnsupportedMediaType(self.media_type)
        return super().parse(stream, media_type, parser_context)


def parse_json(body: bytes) -> Any:
    """Return the value; raise ``ParseError`` for anything but exact RFC 8259 JSON in UTF-8."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        text = Text("The body is not valid JSON: {reason}.", reason=error.msg)
        raise ParseError(translated(text)) from None
    # As many as the body has keys; more where a string looks like one.
    keys = body.translate(None, _WHITESPACE).count(b'":')
    if _LONG_INTEGER in body.translate(_DIGITS) or keys != _count_keys(value):
        # Not both in memory at once.
        del value
        try:
            return json.loads(body, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        except RecursionError:
            raise ParseError("The body is nested too deep.") from None
        except ValueError:
            # Python refuses to convert integers of more than 4,300 digits.
            raise ParseError("The body has a number that is too long.") from None
    return value


def _count_keys(value: Any) -> int:
    count = 0
    stack: list[Iterable[Any]] = [[value]]
    while stack:
        for item in stack.pop():
            kind = type(item)
            if not item:
                continue
            if kind is dict:
                count += len(item)
                stack.append(item.values())
            elif kind is list:
                stack.append(item)
    return count


def _unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ParseError("The body has an object with a duplicate key.")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(translated(Text("{name} is not JSON.", name=name)))
