"""Values that BSON holds and JSON, Python or drivers do not: as their bytes, for any place."""

import datetime
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bson
from bson import (
    Binary,
    Code,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)
from bson.raw_bson import RawBSONDocument


@dataclass(frozen=True)
class Element:
    """A value as the byte of its type and its bytes."""

    type: int
    payload: bytes


def document(fields: Mapping[Any, Any] | list[tuple[Any, Any]]) -> bytes:
    """Return the BSON of fields, which may be ``Element`` and bear names twice, or of bytes."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    body = b"".join(element(name, value) for name, value in pairs)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def raw(fields: Mapping[Any, Any]) -> RawBSONDocument:
    """Return the same for PyMongo to store."""
    return RawBSONDocument(document(fields))


def element(name: Any, value: Any) -> bytes:
    """Return the bytes of a field."""
    if isinstance(value, Mapping) and not isinstance(value, DBRef):
        value = Element(3, document(value))
    elif isinstance(value, list):
        value = Element(4, document([(str(number), item) for number, item in enumerate(value)]))
    elif not isinstance(value, Element):
        encoded = bson.encode({"": value})[4:-1]
        value = Element(encoded[0], encoded[2:])
    key = name if isinstance(name, bytes) else name.encode()
    return bytes([value.type]) + key + b"\0" + value.payload


def _text(content: bytes, type: int = 2) -> Element:
    return Element(type, struct.pack("<i", len(content) + 1) + content + b"\0")


def _binary(content: bytes, subtype: int) -> Element:
    return Element(5, struct.pack("<i", len(content)) + bytes([subtype]) + content)


def _nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


#: Name -> value, which drivers store.
DRIVEN: dict[str, Any] = {
    "decimal": Decimal128("1.50"),
    "decimal that is none": Decimal128("sNaN"),
    "greatest decimal": Decimal128("9.999999999999999999999999999999999E+6144"),
    "long one": Int64(1),
    "greatest long": Int64(2**63 - 1),
    "least long": Int64(-(2**63)),
    "no number": float("nan"),
    "infinity": float("inf"),
    "less than all": float("-inf"),
    "minus zero": -0.0,
    "least double": 5e-324,
    "uuid": Binary.from_uuid(uuid.UUID(int=7)),
    "old uuid": Binary(bytes(range(16)), 3),
    "regex": Regex("a.*", "imsux"),
    "regex of no language": Regex("(?<", "i"),
    "code": Code("x"),
    "code with scope": Code("x", {"$a": 1, "": {"b.c": None}}),
    "timestamp": Timestamp(1, 2),
    "least": MinKey(),
    "greatest": MaxKey(),
    "reference": DBRef("users", ObjectId(bytes(12)), "other", more=1),
    "reference to nothing": {"$ref": "", "$id": None},
    "reference that is none": {"$ref": 1, "$id": [], "$db": {}},
    "year 10000": DatetimeMS(253_402_300_800_000),
    "year 0": DatetimeMS(-62_135_596_800_001),
    "last date": DatetimeMS(2**63 - 1),
    "first date": DatetimeMS(-(2**63)),
    "epoch": datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC),
    "empty keys": {"": {"": [{"": ""}]}},
    "dotted keys": {"a.b": 1, ".": 2, "a..b": {".c.": 3}},
    "operators": {"$set": {"$inc": 1}, "$": 2, "$literal": 3, "$$ROOT": 4, "x": "$$ROOT"},
    "extended JSON": {"$date": "never", "x": {"$oid": "zz"}, "y": {"$numberLong": "x"}},
    "keys of mongoengine": {"_cls": "User", "_ref": 1, "_id": None, "__v": "x"},
    "keys of JavaScript": {"__proto__": 1, "constructor": {"prototype": 1}, "toString": 0},
    "object id as key": {"65f0c0c0c0c0c0c0c0c0c0c0": {"0": 1, "-1": 2}},
    "long key": {"k" * 1_000: 1},
    "nested deep": _nested(150),
    "NUL in text": "a\0b\0",
    "separators": "\u2028\u2029\ufeff\u202e\U000e0001\x1b[2J",
    "replacement": "\ufffd",
    "huge array": [*range(500), "x"],
    "many objects": [{"a": n} for n in range(20)],
    "long text": "א" * 1_000,
    "empties": [{}, [], "", None, b""],
    **{f"binary {n}": _binary(b"\xff\0\xfe", n) for n in (0, 1, 5, 7, 8, 128, 255)},
}

#: Name -> value, which only the server stores.
SERVED: dict[str, Any] = {
    "undefined": Element(6, b""),
    "symbol": _text(b"sym", 0x0E),
    "symbol that is no UTF-8": _text(b"s\xffm", 0x0E),
    "pointer": Element(0x0C, _text(b"db.users").payload + bytes(range(12))),
    "binary 2": _binary(struct.pack("<i", 3) + b"abc", 2),
    "old uuid of three bytes": _binary(b"abc", 3),
    "uuid of three bytes": _binary(b"abc", 4),
    "uuid of no bytes": _binary(b"", 4),
    "uuid of twenty bytes": _binary(bytes(20), 4),
    "digest of three bytes": _binary(b"abc", 5),
    "vector that is none": _binary(b"\xff\xff\xff", 9),
    "empty vector": _binary(b"", 9),
    "lone surrogate": _text(b"a\xed\xa0\x80b"),
    "no UTF-8": _text(b"\xff\xfe"),
    "overlong NUL": _text(b"\xc0\x80"),
    "key that is no UTF-8": {b"\xff\xfe": 1, "ok": 2},
    "key of a surrogate": {b"\xed\xb0\x80": {b"\xed\xb0\x80": 1}},
    "key twice": Element(3, document([("a", 1), ("a", 2), ("b", {"c": 1}), ("b", 3)])),
    "reference twice": Element(3, document([("$ref", "a"), ("$ref", 7), ("$id", 1), ("$id", 2)])),
    "array without order": Element(4, document([("9", 1), ("x", 2), ("9", 3), ("", 4)])),
    "regex that is no UTF-8": Element(0x0B, b"\xff\xfe\0i\0"),
    "regex of unknown flags": Element(0x0B, b"a\0gyz\0"),
    "code that is no UTF-8": _text(b"\xff", 0x0D),
    "empty timestamp": {"a": [Element(0x11, bytes(8))]},
    "double of many": Element(1, struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF)),
    "negative no number": Element(1, struct.pack("<Q", 0xFFF8_0000_0000_0000)),
    "deeper than Python": _nested(170),
}

EXOTIC: dict[str, Any] = DRIVEN | SERVED

_DAMAGED = _binary(struct.pack("<i", 7) + b"abc", 2)

#: Name -> value, which the server stores and PyMongo refuses to read.
UNREADABLE: dict[str, Any] = {
    "binary 2 of another length": _DAMAGED,
    "binary 2 without a length": _binary(b"abc", 2),
    "binary 2 of no bytes": _binary(b"", 2),
    "binary 2 of a negative length": _binary(struct.pack("<i", -3) + b"abc", 2),
    "in an array": [1, [_DAMAGED, "x"]],
    "in an object": {"a": [{"b": _DAMAGED}], "c": Code("x", {"d": 1}), "e": Regex("a", "i")},
    "behind all others": {**DRIVEN, "last": _DAMAGED},
}

#: MongoDB 6.0 aborts when a pipeline changes a name of an object that is there twice.
KILLERS = {"key twice", "reference twice"}

#: What is otherwise in an object that MongoDB takes apart and puts together again.
REBUILT = {"undefined", "array without order"}
