"""BSON documents as JSON that gives the very same bytes again.

A document is canonical Extended JSON where that does, and Base64 of its bytes where it does not:
keys that Extended JSON reads as something else, duplicate keys, texts that are not UTF-8. What is
read may be damaged, or an attack.
"""

import base64
import binascii
import json
import re
from typing import Any

import bson
from bson import json_util
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.json_util import JSONMode, JSONOptions

from chabad_auth_django.db.damaged import decode

#: A longer document is Base64: as objects of Python it would take a hundred times its size.
LONGEST_JSON = 128 * 2**10

#: The longest lines of a document in Extended JSON, and of one in Base64, of at most 16 MiB.
MAX_JSON_LINE, MAX_LINE = 2**20, 24 * 2**20

#: A line in Base64, whatever its length.
_BASE64_LINE = re.compile(rb',?\{(?:"collection":"(\w+)",)?"bson":"([A-Za-z0-9+/=]+)"\}\n')

_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
)
_JSON: Any = JSONOptions(
    json_mode=JSONMode.CANONICAL,
    tz_aware=True,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
)


class _Nothing(dict[str, Any]):
    """A mapping that keeps nothing: decoding into it shows whether a document can be decoded."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass


_CHECKING: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=_Nothing,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    unicode_decode_error_handler="replace",
)

#: What a value raises that no Extended JSON can be, or that is nested too deep.
_REFUSALS = (
    bson.errors.BSONError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def dump(document: bytes) -> str | None:
    """Return a BSON document as Extended JSON; ``None`` where it has to be Base64."""
    if len(document) > LONGEST_JSON:
        return None
    try:
        fields = bson.decode(document, _CODEC)
        text = _dumps(fields, ensure_ascii=False)
        if not text.isprintable():
            # Somebody may show the file on a terminal.
            text = _dumps(fields, ensure_ascii=True)
        return text if encode(json_util.loads(text, json_options=_JSON)) == document else None
    except _REFUSALS:
        return None


def _dumps(fields: dict[str, Any], *, ensure_ascii: bool) -> str:
    return json_util.dumps(
        fields, json_options=_JSON, ensure_ascii=ensure_ascii, separators=(",", ":")
    )


def dump_base64(document: bytes) -> str:
    """Return a BSON document as a JSON object with the one key ``bson``."""
    return json.dumps({"bson": base64.b64encode(document).decode()}, separators=(",", ":"))


def load(line: bytes) -> Any:
    """Return what the line holds, Extended JSON as what it stands for; raise ``ValueError``.

    The Base64 of a long line is a view of its bytes. A comma before the JSON is passed over.
    """
    if len(line) > MAX_JSON_LINE:
        match = _BASE64_LINE.fullmatch(line)
        if match is None:
            raise ValueError("The line is too long.")
        collection = {"collection": match[1].decode()} if match[1] else {}
        return {**collection, "bson": memoryview(line)[slice(*match.span(2))]}
    try:
        return json_util.loads(line.removeprefix(b","), json_options=_JSON)
    except _REFUSALS as error:
        raise ValueError("The line is no Extended JSON.") from error


def encode(value: Any) -> bytes:
    """Return an object of ``load`` as BSON; raise ``ValueError``."""
    try:
        return bson.encode(value, False, _CODEC)
    except _REFUSALS as error:
        raise ValueError("The value is no document.") from error


def decode_base64(text: Any) -> bytes:
    """Return the BSON document that ``dump_base64`` was given; raise ``ValueError``."""
    try:
        document = binascii.a2b_base64(text, strict_mode=True)
        decode(document, _CHECKING)
    except _REFUSALS as error:
        raise ValueError("The text is no document in Base64.") from error
    return document
