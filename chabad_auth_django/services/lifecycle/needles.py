"""The forms that the names of a user may have in data: other letters, forms and encodings."""

import binascii
import html
import quopri
import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal

import bson
from bson import Decimal128, Int64, ObjectId

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.validators import email_spellings

#: A shorter name is found only where no digit, or letter, goes on: 77 in a77b, but not in 1774.
SHORT = 8

#: How often a text may be encoded, each time in any of the ways.
LAYERS = 3

# A backslash is itself escaped in JSON within JSON. JavaScript's escape() has a percent sign. Many
# backslashes without an escape are looked at once.
_ESCAPE = re.compile(r"(?:(?:(?<!\\)\\+|%)u[0-9a-fA-F]{4})+")

_REFERENCE = re.compile("&#0*([0-9]*)")

_BYTE = re.compile(rb"(?:(?<!\\)\\+x|%)([0-9a-fA-F]{2})")

# A character that stands for itself in a regular expression.
_ITSELF = re.compile(r"(?<!\\)\\+([^\w\s\\])|\[([^\w\s\]])\]")

_QUOTED_PRINTABLE = re.compile(rb"=(?:[0-9A-Fa-f]{2}|\r?\n)")
_ESCAPED = re.compile(rb"%(?:u|[0-9A-Fa-f]{2})|&#?\w|\\[^\\]")

# Characters that nobody sees within a word.
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")

# More accents than any letter of a name has. To put them in order takes the square of their number.
_MANY_MARKS = re.compile(r"([^\w\x00-\x7f]{100})[^\w\x00-\x7f]+")

#: Digits of a Decimal128.
MAX_DIGITS = 34

#: A number of more digits is rounded by JavaScript.
ROUNDED = 15

_TO_BASE64 = bytes.maketrans(b"-_", b"+/")


class Needles:
    """Finds names in bytes: in upper or lower case, composed or not, each spelling of an address.

    Also within longer words, in numbers, percent-encoded, as entities of HTML or escapes of JSON,
    in quoted-printable, Base64 and hexadecimal digits, and several of these at once; also in
    UTF-16, and in Latin-1; an address also with other characters in place of its "@" and dots; an
    ObjectId or UUID also by its bytes. What is compressed, encrypted or hashed is not found. Raises
    ``ValidationError`` for an empty name.
    """

    def __init__(self, names: Sequence[str]) -> None:
        spellings, self._ids, self._numbers = set[str](), set[bytes](), set[bytes]()
        for name in names:
            spellings |= {text.strip() for text in email_spellings(name)}
            self._ids |= set(_ids_of(name.strip()))
            self._numbers |= set(_numbers_of(name.strip()))
        texts = set(map(_fold, spellings))
        if "" in texts:
            raise ValidationError("A name must not be empty.")
        if not texts:
            raise ValidationError("There is no name to look for.")
        for text in list(texts):
            with suppress(ValueError):
                texts |= {(found := uuid.UUID(text)).hex, str(found)}
            if len(text) > ROUNDED and _is_number(text):
                # As JavaScript writes a large number.
                texts.add(f"{Decimal(repr(float(text))):f}")
        self._wide = set(map(bytes.lower, _in_utf_16(spellings | texts)))
        self._is_ascii = all(map(str.isascii, texts))
        self._pattern = re.compile("|".join(map(_as_pattern, texts)))
        shortest = min([len(text.encode()) for text in texts] + [len(id) for id in self._ids])
        self._hex = re.compile(rb"[0-9A-Fa-f]{%d,}" % (2 * shortest))
        # Without padding; what is before it may take two characters of its first.
        length = shortest * 4 // 3
        self._token = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % length)

    def are_in(self, data: bytes) -> bool:
        """Tell whether any of the names is in the data."""
        found = {data}
        for _ in range(LAYERS):
            if any(map(self._are_plainly_in, found)):
                return True
            read = {text for known in found for text in _readings(known)}
            inner = {part for known in found for part in self._in_tokens(known)}
            if any(map(self._are_plainly_in, inner)):
                return True
            found = (read | set(filter(_is_text, inner))) - found
        return any(map(self._are_plainly_in, found))

    def may_be_numbers_in(self, data: bytes) -> bool:
        """Tell whether BSON may have one of the names as a number."""
        return any(number in data for number in self._numbers)

    def _are_plainly_in(self, data: bytes) -> bool:
        if any(id in data for id in self._ids):
            return True
        if self._pattern.search(_fold(data.decode(errors="replace"))):
            return True
        if not self._is_ascii and self._pattern.search(_fold(data.decode("latin-1"))):
            return True
        lower = data.lower()
        return any(text in lower for text in self._wide)

    def _in_tokens(self, data: bytes) -> Iterator[bytes]:
        """Yield what is in Base64 or hexadecimal digits, or would be: within a longer word, too."""
        for match in self._hex.finditer(data):
            even = len(match[0]) // 2 * 2
            yield from map(binascii.unhexlify, {match[0][:even], match[0][-even:]})
        # Mail breaks the lines of Base64.
        for match in self._token.finditer(data.replace(b"\r", b"").replace(b"\n", b"")):
            token = match[0].translate(_TO_BASE64)
            for start in range(4):
                part = token[start:]
                # One character of four holds nothing whole.
                part = part[: len(part) - (len(part) % 4 == 1)]
                yield binascii.a2b_base64(part + b"=" * (-len(part) % 4))


def _ids_of(name: str) -> Iterator[bytes]:
    if ObjectId.is_valid(name):
        yield ObjectId(name).binary
    with suppress(ValueError):
        found = uuid.UUID(name)
        # The last one is how the Java driver used to store it.
        yield from (found.bytes, found.bytes_le, found.bytes[7::-1] + found.bytes[:7:-1])


def _numbers_of(name: str) -> Iterator[bytes]:
    """Yield the ways in which BSON stores the number that the name is."""
    if not _is_number(name):
        return
    whole = int(name)
    integers = [whole, Int64(whole)] if whole < 2**63 else []
    for number in (*integers, float(name), Decimal128(name)):
        # Behind the length, the type and the empty key, and before the end.
        yield bson.encode({"": number})[6:-1]


def _is_number(name: str) -> bool:
    # No number has more digits.
    return name.isascii() and name.isdigit() and len(name) <= MAX_DIGITS


def _in_utf_16(texts: Iterable[str]) -> Iterator[bytes]:
    for text in texts:
        for cased in (text, text.lower(), text.upper(), text.title()):
            for form in ("NFC", "NFD"):
                for code in ("utf-16-le", "utf-16-be"):
                    yield unicodedata.normalize(form, cased).encode(code)


def _as_pattern(text: str) -> str:
    if len(text) > SHORT and "@" in text:
        # Keys and the names of files have other characters between the words of an address.
        return r"[\W_]{1,3}".join(map(re.escape, filter(None, re.split(r"[\W_]+", text))))
    pattern = re.escape(text)
    if len(text) >= SHORT:
        return pattern
    return rf"{_unless_kind(text[0], '(?<!{})')}{pattern}{_unless_kind(text[-1], '(?!{})')}"


def _unless_kind(character: str, look: str) -> str:
    if character.isdigit():
        return look.format(r"\d")
    return look.format(r"[^\W\d_]") if character.isalpha() else ""


def _readings(data: bytes) -> Iterator[bytes]:
    """Yield what the data says to programs that read encoded text."""
    if _QUOTED_PRINTABLE.search(data) and _is_text(data):
        yield quopri.decodestring(data)
    if _ESCAPED.search(data):
        # The bytes may be Latin-1.
        yield (data := _BYTE.sub(lambda match: bytes.fromhex(match[1].decode()), data))
        # Python refuses to convert thousands of digits. No character has a number of eight.
        text = _REFERENCE.sub(lambda match: f"&#{match[1][:8]}", data.decode(errors="replace"))
        text = _ESCAPE.sub(_unescape, html.unescape(text))
        yield _ITSELF.sub(r"\1\2", text).encode(errors="replace")


def _is_text(data: bytes) -> bool:
    """Tell whether it may be encoded again; the bytes of an image, for example, are not."""
    return len(data.decode(errors="ignore").encode()) > len(data) * 3 / 4


def _unescape(match: re.Match[str]) -> str:
    units = bytes.fromhex(re.sub(r"(?:\\+|%)u", "", match[0]))
    return units.decode("utf-16-be", "replace")


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    text = _MANY_MARKS.sub(r"\1", _UNSEEN.sub("", text))
    text = unicodedata.normalize("NFKC", text).casefold()
    # Turkish has a dotless "i", and a dotted one in upper case.
    return unicodedata.normalize("NFKC", text).replace("i\u0307", "i").replace("\u0131", "i")
