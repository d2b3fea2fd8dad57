"""The forms that the names of a user may have in data: other letters, forms and encodings."""

import binascii
import html
import re
import unicodedata
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from urllib.parse import unquote

import bson
from bson import Decimal128, Int64, ObjectId

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.validators import email_spellings, is_id

#: A shorter name is found only where no digit, or letter, goes on: 77 in a77b, but not in 1774.
SHORT = 8

#: How often a text may be percent-encoded.
LAYERS = 3

_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")

_TO_BASE64 = bytes.maketrans(b"-_", b"+/")


class Needles:
    """Finds names in bytes: in upper or lower case, composed or not, each spelling of an address.

    Also within longer words, in numbers, percent-encoded, as entities of HTML or escapes of JSON,
    and in Base64; an ObjectId or UUID also by its bytes. What is compressed, encrypted or hashed is
    not found. Raises ``ValidationError`` for an empty name.
    """

    def __init__(self, names: Sequence[str]) -> None:
        texts, self._ids, self._numbers = set[str](), set[bytes](), set[bytes]()
        for name in names:
            for text in email_spellings(name):
                if not text.strip():
                    raise ValidationError("A name must not be empty.")
                texts.add(_fold(text.strip()))
            self._ids |= set(_ids_of(name.strip()))
            self._numbers |= set(_numbers_of(name.strip()))
        if not texts:
            raise ValidationError("There is no name to look for.")
        texts |= {uuid.UUID(bytes=id).hex for id in self._ids if len(id) == 16}
        self._pattern = re.compile("|".join(map(_as_pattern, texts)))
        shortest = min([len(text.encode()) for text in texts] + [len(id) for id in self._ids])
        # Without padding; what is before it may take two characters of its first.
        length = shortest * 4 // 3
        self._token = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % length)

    def are_in(self, data: bytes) -> bool:
        """Tell whether any of the names is in the data."""
        return any(map(self._are_plainly_in, _readings(data))) or any(
            map(self._are_plainly_in, self._decoded(data))
        )

    def may_be_numbers_in(self, data: bytes) -> bool:
        """Tell whether BSON may have one of the names as a number."""
        return any(number in data for number in self._numbers)

    def _are_plainly_in(self, data: bytes) -> bool:
        if any(id in data for id in self._ids):
            return True
        return self._pattern.search(_fold(data.decode("utf-8", "replace"))) is not None

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        """Yield what is in Base64, or would be: it may begin within a longer word."""
        # Mail breaks the lines of Base64.
        for match in self._token.finditer(data.replace(b"\r", b"").replace(b"\n", b"")):
            token = match[0].translate(_TO_BASE64)
            for start in range(4):
                part = token[start:]
                # One character of four holds nothing whole.
                part = part[: len(part) - (len(part) % 4 == 1)]
                yield binascii.a2b_base64(part + b"=" * (-len(part) % 4))


def _ids_of(name: str) -> Iterator[bytes]:
    if is_id(name):
        yield ObjectId(name).binary
    with suppress(ValueError):
        found = uuid.UUID(name)
        yield found.bytes
        yield found.bytes_le


def _numbers_of(name: str) -> Iterator[bytes]:
    """Yield the ways in which BSON stores the number that the name is."""
    if not (name.isascii() and name.isdigit() and int(name) < 2**63):
        return
    for number in (int(name), Int64(int(name)), float(name), Decimal128(name)):
        # Behind the length, the type and the empty key, and before the end.
        yield bson.encode({"": number})[6:-1]


def _as_pattern(text: str) -> str:
    pattern = re.escape(text)
    if len(text) >= SHORT:
        return pattern
    return rf"{_unless_kind(text[0], '(?<!{})')}{pattern}{_unless_kind(text[-1], '(?!{})')}"


def _unless_kind(character: str, look: str) -> str:
    if character.isdigit():
        return look.format(r"\d")
    return look.format(r"[^\W\d_]") if character.isalpha() else ""


def _readings(data: bytes) -> Iterator[bytes]:
    """Yield the data, and what it says to programs that read encoded text."""
    yield data
    if b"%" in data:
        text = data.decode("utf-8", "replace")
        for _ in range(LAYERS):
            text = unquote(text)
        yield text.encode("utf-8", "replace")
    if b"&" in data:
        yield html.unescape(data.decode("utf-8", "replace")).encode("utf-8", "replace")
    if b"\\u" in data:
        text = _ESCAPE.sub(_unescape, data.decode("utf-8", "replace"))
        yield text.encode("utf-8", "replace")


def _unescape(match: re.Match[str]) -> str:
    units = bytes.fromhex(match[0].replace("\\u", ""))
    return units.decode("utf-16-be", "replace")


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
