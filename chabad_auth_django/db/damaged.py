"""Documents with a value that the server stores and PyMongo cannot read.

That is an old binary value, of the subtype 2, which repeats its length within: other programs have
stored another length there, or none.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

Row = TypeVar("Row", bound=Mapping[str, Any])

_TEXTS, _CONTAINERS, _BINARY, _REGEX, _POINTER, _SCOPED = (2, 13, 14), (3, 4), 5, 11, 12, 15

#: The bytes of the other values by their types.
_SIZES = {1: 8, 7: 12, 8: 1, 9: 8, 16: 4, 17: 8, 18: 8, 19: 16}

_OLD, _USER_DEFINED = 2, 0x80


class StoredDocument(RawBSONDocument):
    """The bytes of a stored document, of which each field can be read."""

    @staticmethod
    def _inflate_bson(
        bson_bytes: bytes | memoryview, codec_options: CodecOptions[RawBSONDocument]
    ) -> Mapping[str, Any]:
        try:
            return RawBSONDocument._inflate_bson(bson_bytes, codec_options)
        except InvalidBSON:
            return RawBSONDocument._inflate_bson(readable(bson_bytes), codec_options)


class ReadableDocument(RawBSONDocument):
    """Makes PyMongo decode each response as ``decode`` does, to a ``dict``.

    As the ``document_class`` of codec options it is called with the bytes of the whole response.
    """

    def __new__(cls, bson_bytes: bytes, codec_options: CodecOptions[Any]) -> Any:
        """Return the response."""
        return decode(bson_bytes, _to_dicts(codec_options))


def decode(document: bytes | memoryview, codec: CodecOptions[Row]) -> Row:
    """Return the document; raise ``InvalidBSON`` for what no server stores."""
    try:
        return bson.decode(document, codec)
    except InvalidBSON:
        return bson.decode(readable(document), codec)


def decode_all(batch: bytes, codec: CodecOptions[Row]) -> list[Row]:
    """Return the documents of a batch."""
    codec = _to_dicts(codec)
    try:
        return bson.decode_all(batch, codec)
    except InvalidBSON:
        return [decode(document, codec) for document in split(batch)]


def _to_dicts(codec: CodecOptions[Any]) -> CodecOptions[Any]:
    # Not with_options(), which takes ten times as long to check them all again.
    is_readable = codec.document_class is ReadableDocument
    return codec._replace(document_class=dict) if is_readable else codec


def split(batch: bytes) -> Iterator[bytes]:
    """Yield each document of a batch: BSON begins with its length."""
    start = 0
    while start < len(batch):
        end = start + int.from_bytes(batch[start : start + 4], "little")
        yield batch[start:end]
        start = end


def readable(document: bytes | memoryview) -> bytes:
    """Return the document with a user-defined subtype for each old binary value that is damaged.

    Raises ``InvalidBSON`` for what is no document.
    """
    result, position = bytearray(document), 4
    try:
        while position < len(result):
            position = _pass_value(result, position)
    except (IndexError, ValueError):
        raise InvalidBSON("not a document") from None
    return bytes(result)


def depth(document: bytes) -> int:
    """Return on how many levels a document has values, as MongoDB counts them."""
    position, level, deepest, copy = 4, 1, 1, bytearray(document)
    while position < len(copy):
        type = copy[position]
        if type != 0:
            deepest = max(deepest, level)
        level += (type in _CONTAINERS) - (type == 0)
        position = _pass_value(copy, position)
    return deepest


def _pass_value(document: bytearray, start: int) -> int:
    """Return where the next value begins: the first one of an object or array is within it."""
    type = document[start]
    if type == 0:
        # The end of an object.
        return start + 1
    position = document.index(0, start + 1) + 1
    if type in _CONTAINERS:
        return position + 4
    if type == _REGEX:
        return document.index(0, document.index(0, position) + 1) + 1
    if type == _SCOPED:
        return position + 12 + _length(document, position + 4)
    if type in (*_TEXTS, _POINTER):
        return position + 4 + _length(document, position) + (12 if type == _POINTER else 0)
    if type != _BINARY:
        return position + _SIZES.get(type, 0)
    size = _length(document, position)
    if document[position + 4] == _OLD and _length(document, position + 5) != size - 4:
        document[position + 4] = _USER_DEFINED
    return position + 5 + size


def _length(document: bytearray, position: int) -> int:
    return int.from_bytes(document[position : position + 4], "little")
