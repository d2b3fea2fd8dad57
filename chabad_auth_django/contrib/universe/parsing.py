"""Reading JSON as ``JSON.stringify`` writes it."""

import json
import math
import re
from typing import Any

from rest_framework.exceptions import ParseError

from chabad_auth_django.api.http.errors import BodyTooLarge
from chabad_auth_django.api.http.parsing import JSONParser
from chabad_auth_django.conf import conf as core_conf
from chabad_auth_django.contrib.universe.conf import conf

# Escaped backslashes, then a whole pair, or half a pair.
_ESCAPES = re.compile(
    rb"(?<!\\)((?:\\\\)*+)"
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_LENGTH_OF_HALF = len(rb"\ud800")
# A string without an end is the rest of the text. Otherwise each quote in it would begin another.
_STRINGS_AND_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]')
#: Activities of a batch: more than fit into it as a front end writes them.
MAX_EVENTS = 100_000

#: Levels of a batch: more than any event may have, less than the parser takes.
_MAX_DEPTH = 200


class ClientParser(JSONParser):
    """Parse JSON in which a text may have been cut in the midst of a character.

    JavaScript counts an emoji as two, so cutting a text leaves half of one. JSON in UTF-8 cannot
    hold it, and to refuse the body for it would lose the rest.
    """

    @property
    def limit(self) -> int:
        """Bytes of a body."""
        return core_conf.BODY_MAX_BYTES

    def parse_body(self, body: bytes) -> Any:
        """Return the value; half a character is the sign for an unknown one."""
        return super().parse_body(_mended(body))


class BatchParser(ClientParser):
    """Parse a batch, which may be large."""

    @property
    def limit(self) -> int:
        """Bytes of a body."""
        return conf.UNIVERSE_BATCH_MAX_BYTES

    def parse_body(self, body: bytes) -> Any:
        """Return the value, cut off where it is too deep to be parsed.

        What is wrong with one event must not take the others along. Its validation rejects what is
        too deep and what is no number of 64 bits. Of a key that comes twice the last one counts.
        """
        try:
            value = super().parse_body(body)
        except ParseError as error:
            try:
                value = json.loads(_cut_off(_mended(body)).decode(), parse_int=_integer)
            except ValueError:
                raise error from None
        sent = value.get("events") if isinstance(value, dict) else None
        if isinstance(sent, list) and len(sent) > MAX_EVENTS:
            raise BodyTooLarge
        return value


def _cut_off(body: bytes) -> bytes:
    """Return JSON with ``null`` in place of whatever is nested too deep."""
    kept, start, depth = [], 0, 0
    for token in _STRINGS_AND_BRACKETS.finditer(body):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth == _MAX_DEPTH:
                kept += [body[start : token.start()], b"null"]
        elif token[0] in (b"]", b"}"):
            if depth == _MAX_DEPTH:
                start = token.end()
            depth -= 1
    return b"".join([*kept, body[start:]])


def _integer(digits: str) -> float:
    # Python refuses to convert more than 4,300 digits.
    return int(digits) if len(digits) < 100 else math.inf


def _mended(body: bytes) -> bytes:
    return _ESCAPES.sub(_whole, body) if b"\\ud" in body.lower() else body


def _whole(match: re.Match[bytes]) -> bytes:
    return match[1] + rb"\ufffd" if len(match[2]) == _LENGTH_OF_HALF else match[0]
