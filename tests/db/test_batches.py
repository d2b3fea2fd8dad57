from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure
from support import exotic
from support.exotic import EXOTIC

from chabad_auth_django.db import batches
from chabad_auth_django.db.batches import in_batches

DOCUMENT_BYTES = 200_000


@pytest.fixture
def large(raw: Database) -> Iterator[Collection]:
    """More than a reply of the server holds, which is 16 MB, and ids of several types."""
    ids = [None, *range(60), *(str(number) for number in range(60)), {"x": 1}, b"z", True]
    raw.large.insert_many([{"_id": id, "value": bytes(DOCUMENT_BYTES)} for id in ids])
    yield raw.large
    raw.large.drop()


def open_cursors(database: Database) -> int:
    return int(database.command("serverStatus")["metrics"]["cursor"]["open"]["total"])


def test_large_documents_come_in_batches_of_bounded_size(large: Collection) -> None:
    most = max(sum(len(bson.encode(row)) for row in rows) for rows in in_batches(large))
    assert most < batches.SIZE_BYTES + 2 * DOCUMENT_BYTES


def test_each_of_many_large_documents_comes_once_and_in_order(large: Collection) -> None:
    found = [row["_id"] for rows in in_batches(large) for row in rows]
    assert found == [row["_id"] for row in large.find({}, {"_id": 1}).sort("_id", 1)]


def test_no_cursor_stays_open_while_a_batch_is_worked_on(large: Collection) -> None:
    before = open_cursors(large.database)
    rows = in_batches(large)
    next(rows)
    assert open_cursors(large.database) <= before


def test_an_empty_collection_has_no_batch(raw: Database) -> None:
    assert list(in_batches(raw.nothing)) == []


@pytest.mark.parametrize("size", [1, 3, 100])
def test_ids_of_every_type_end_no_scan_and_none_of_it(raw: Database, size: int) -> None:
    """Some of them have another type when Python has read them, or nothing that comes behind."""
    odd = raw.odd.with_options(codec_options=batches.RAW)
    for id in [*EXOTIC.values(), *(ObjectId() for _ in range(5))]:
        # Which of them are no ids knows the server.
        with suppress(OperationFailure):
            odd.insert_one(exotic.raw({"_id": id}))
    stored = [row.raw for row in odd.find().sort("_id", 1)]
    found = [row.raw for rows in islice(in_batches(odd, size=size), 100) for row in rows]
    assert len(stored) > 50
    assert found == stored


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_ids_that_are_broken_texts_end_no_scan_and_none_of_it(raw: Database, size: int) -> None:
    """One text stands for several then: what Python reads is no place to go on from."""
    texts = [b"\xff\xfea", b"\xff\xfeb", b"\xff\xfe", b"a\xff", b"\xed\xa0\x80", "\ufffd".encode()]
    for text in texts:
        document = bson.encode({"_id": "x" * len(text), "a": 1})
        raw.broken.insert_one(RawBSONDocument(document.replace(b"x" * len(text), text)))
    nested = bson.encode({"_id": {"a": "abc"}}).replace(b"abc", b"\xff\xfeb")
    raw.broken.insert_one(RawBSONDocument(nested))
    raw.broken.insert_many([{"_id": id} for id in (1, "b", b"z", "zz", None)])
    stored = {row.raw for row in raw.broken.with_options(codec_options=batches.RAW).find()}
    scan = in_batches(raw.broken.with_options(codec_options=batches.RAW), size)
    found = [row.raw for rows in islice(scan, 50) for row in rows]
    assert len(found) == len(stored) == 12
    assert set(found) == stored
