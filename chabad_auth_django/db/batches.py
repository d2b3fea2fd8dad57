"""Reading a whole collection in batches by ``_id``, in flat memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import bson
from bson import CodecOptions, DBRef, Decimal128, MaxKey
from bson.codec_options import DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from chabad_auth_django.db.damaged import StoredDocument, decode_all

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
    document_class=StoredDocument,
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
    """Return a key for the id; two ids have one key if they are one id to the server.

    In Python ``True == 1`` and ``NaN != NaN``, and not every value can be a key.
    """
    id = document["_id"]
    if isinstance(id, bool) or not isinstance(id, (int, float, Decimal128)):
        return bson.encode({"": id})
    number = id.to_decimal() if isinstance(id, Decimal128) else Decimal(id)
    return b"NaN" if number.is_nan() else number


def in_batches(collection: Collection[Row], size: int = SIZE) -> Iterator[list[Row]]:
    """Yield all documents in the order of ``_id``, in batches, whatever types their ids have.

    Each query has one reply of at most 16 MB, so no cursor stays open while a batch is worked on.
    """
    raw = collection.with_options(codec_options=RAW)
    criteria: dict[str, Any] = {}
    least: list[tuple[str, Any]] = []
    skipped = 0
    while True:
        cursor = raw.find(criteria).sort("_id", 1)
        if least:
            cursor = cursor.hint([("_id", 1)]).min(least)
        # A negative limit makes the server close the cursor even if the reply has no room for all.
        documents = list(cursor.skip(skipped).limit(-size).batch_size(size))
        if not documents and not least:
            return
        if not documents:
            # The bounds of an index end before the greatest of all values.
            documents = list(raw.find({"_id": MaxKey()}))
        yield from _decode(documents, collection.codec_options)
        if not documents or isinstance(documents[-1]["_id"], MaxKey):
            return
        for id in (document["_id"] for document in documents):
            # A text that is no UTF-8, or a DBPointer, has been decoded to something else, which has
            # another place in the order, from where the scan would not end.
            if "\ufffd" in repr(id) or isinstance(id, DBRef):
                skipped += 1
            else:
                # Not {"_id": {"$gt": id}}, which passes over ids of other types.
                criteria, least, skipped = {"_id": {"$ne": id}}, [("_id", id)], 0


def _decode(
    documents: Iterable[RawBSONDocument], codec_options: CodecOptions[Row]
) -> Iterator[list[Row]]:
    batch = bytearray()
    for document in documents:
        batch += document.raw
        if len(batch) >= SIZE_BYTES:
            yield decode_all(bytes(batch), codec_options)
            batch.clear()
    if batch:
        yield decode_all(bytes(batch), codec_options)
