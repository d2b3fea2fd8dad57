"""Reading JSON bodies, strictly and within a limit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from chabad_auth_django.api.errors import BodyTooLarge
from chabad_auth_django.conf import conf

# At least as many matches as the document has keys; more where a string looks like one.
_KEY = re.compile(rb'"\s*:')
# An integer that orjson would round to a float.
_LONG_INTEGER = re.compile(rb"\d{19}")


class JSONParser(BaseParser):
    """Parse JSON with orjson; refuse what it would lose: duplicate keys and huge integers."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the body's value; raise ``ParseError``, or ``BodyTooLarge`` unread."""
        limit = conf.BODY_MAX_BYTES
        if int(stream.META.get("CONTENT_LENGTH") or 0) > limit:
            raise BodyTooLarge
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        if parser_context:
            # For Idempotency-Key; the stream cannot be read again.
            parser_context["request"].raw_body = body
        return parse_json(body)


class MergePatchParser(JSONParser):
    """Parse a JSON merge patch (RFC 7396)."""

    media_type = "application/merge-patch+json"


def parse_json(body: bytes) -> Any:
    """Return the value; raise ``ParseError`` for anything but exact RFC 8259 JSON in UTF-8."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"The body is not valid JSON: {error.msg}.") from None
    if _LONG_INTEGER.search(body) or len(_KEY.findall(body)) != _count_keys(value):
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
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            count += len(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return count


def _unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ParseError("The body has an object with a duplicate key.")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not JSON.")
