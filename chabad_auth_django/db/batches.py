"""Reading a whole collection in batches by ``_id``, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import bson
from bson import CodecOptions, Decimal128
from bson.codec_options import DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.cursor import Cursor

#: Documents of a batch, and bytes after which it ends: decoded they take more than ten times that.
SIZE, SIZE_BYTES = 1000, 2**20

#: Bytes after which what is written at once ends.
MOST_BYTES = 4 * 2**20

#: Called with the number of documents that are done.
Advance = Callable[[int], object]

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Mapping[str, Any])

#: Leaves documents as they are stored. What Python cannot hold does not hide the rest.
RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    unicode_decode_error_handler="replace",
)


def by_size(
    items: Iterable[Item], *, count: int, size: Callable[[Item], int]
) -> Iterator[list[Item]]:
    """Yield the items in lists of at most ``count``, which end after ``MOST_BYTES``."""
    batch: list[Item] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if len(batch) >= count or total >= MOST_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def id_key(document: Mapping[str, Any]) -> Any:
    """Return the id so that equal are those that are one id to the server.

    In Python ``True == 1`` and ``NaN != NaN``, and not every value can be a key.
    """
    id = document["_id"]
    if isinstance(id, bool) or not isinstance(id, (int, float, Decimal128)):
        return bson.encode({"": id})
    number = id.to_decimal() if isinstance(id, Decimal128) else Decimal(id)
    return b"NaN" if number.is_nan() else number


def in_batches(
    collection: Collection[Row], fields: Mapping[str, int] | None = None, size: int = SIZE
) -> Iterator[list[Row]]:
    """Yield all documents in the order of ``_id``, in batches, whatever types their ids have.

    Each query has one reply of at most 16 MB, so no cursor stays open while a batch is worked on.
    """
    raw = collection.with_options(codec_options=RAW)
    documents = list(_one_reply(raw.find({}, fields), size))
    while documents:
        yield from _decode(documents, collection.codec_options)
        documents = _after(raw, documents[-1], fields, size)


def _after(
    collection: Collection[RawBSONDocument],
    last: RawBSONDocument,
    fields: Mapping[str, int] | None,
    size: int,
) -> list[RawBSONDocument]:
    """Return the documents behind the last one, in the order of ``_id``."""
    id = last["_id"]
    if isinstance(id, str) and "\N{REPLACEMENT CHARACTER}" in id:
        return _after_broken_text(collection, bytes(last.raw), fields, size)
    # Not {"_id": {"$gt": last}}, which passes over ids of other types; and min() is inclusive.
    cursor = collection.find({"_id": {"$ne": id}}, fields)
    return list(_one_reply(cursor.hint([("_id", 1)]).min([("_id", id)]), size))


def _after_broken_text(
    collection: Collection[RawBSONDocument],
    last: bytes,
    fields: Mapping[str, int] | None,
    size: int,
) -> list[RawBSONDocument]:
    """Do the same with the bytes of an id that Python cannot hold, which a cursor does not take."""
    start = len(b"size" + b"\2_id\0")
    text = last[start : start + 4 + int.from_bytes(last[start : start + 4], "little")]
    reply: Any = collection.database.command(
        "find",
        collection.name,
        filter={"_id": _document(b"\2$ne\0" + text)},
        min=_document(b"\2_id\0" + text),
        projection=fields or {},
        hint={"_id": 1},
        sort={"_id": 1},
        limit=size,
        singleBatch=True,
        codec_options=RAW,
        read_preference=collection.read_preference,
    )
    return list(reply["cursor"]["firstBatch"])


def _document(element: bytes) -> RawBSONDocument:
    return RawBSONDocument((len(element) + 5).to_bytes(4, "little") + element + b"\0", RAW)


def _one_reply(cursor: Cursor[RawBSONDocument], size: int) -> Cursor[RawBSONDocument]:
    # The minus: the server closes the cursor also where a reply has no room for so many.
    return cursor.sort("_id", 1).limit(-size).batch_size(size)


def _decode(
    documents: Iterable[RawBSONDocument], codec_options: CodecOptions[Row]
) -> Iterator[list[Row]]:
    batch = bytearray()
    for document in documents:
        batch += document.raw
        if len(batch) >= SIZE_BYTES:
            yield bson.decode_all(bytes(batch), codec_options)
            batch.clear()
    if batch:
        yield bson.decode_all(bytes(batch), codec_options)
