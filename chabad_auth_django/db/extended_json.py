"""BSON documents as JSON that gives the very same bytes again.

A document is canonical Extended JSON where that does, and Base64 of its bytes where it does not:
keys that Extended JSON reads as something else, keys that are there twice, texts that are none.
What is read may have been damaged, or made to do damage.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import bson
from bson import json_util
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.json_util import JSONMode, JSONOptions

#: A longer document is Base64: as objects of Python it would take a hundred times its size.
LONGEST_JSON = 256 * 2**10

#: The longest lines of a document in Extended JSON, and of one in Base64, of at most 16 MiB.
MAX_JSON_LINE, MAX_LINE = 3 * 2**20, 24 * 2**20

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
        text = json_util.dumps(
            bson.decode(document, _CODEC),
            json_options=_JSON,
            ensure_ascii=False,
            separators=(",", ":"),
        )
        return text if encode(json_util.loads(text, json_options=_JSON)) == document else None
    except _REFUSALS:
        return None


def dump_base64(document: bytes) -> str:
    """Return a BSON document as a JSON object with the one key ``bson``."""
    return json.dumps({"bson": base64.b64encode(document).decode()}, separators=(",", ":"))


def load(line: bytes) -> Any:
    """Return what the JSON holds, Extended JSON as what it stands for; raise ``ValueError``."""
    if len(line) > MAX_JSON_LINE and not _has_one_long_text(line):
        raise ValueError("The line is too long.")
    try:
        return json_util.loads(line, json_options=_JSON)
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
        document = base64.b64decode(text, validate=True)
    except _REFUSALS as error:
        raise ValueError("The text is no Base64.") from error
    if int.from_bytes(document[:4], "little") != len(document) or document[-1:] != b"\0":
        raise ValueError("The bytes are no document.")
    return document


def _has_one_long_text(line: bytes) -> bool:
    # So it costs no more than a few times its length.
    return len(line) <= MAX_LINE and line.count(b",") < 10 and line.count(b"[") < 10
