"""Reads that are described before they are sent, so that several can go in one command.

The documents come back raw. Each reader decodes its own, so one that cannot be decoded harms nobody
else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

Row = dict[str, Any]

#: The tag of the read whose documents are left undecoded.
_LAST = "last"

_BATCH_BYTES = 2**20

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


@dataclass(frozen=True)
class Read:
    """A query of one collection: at most ``limit`` documents in the order."""

    collection: Collection[Row]
    query: Mapping[str, Any]
    order: Mapping[str, int] = field(default_factory=dict)
    limit: int = 1

    def send(self) -> Found:
        """Return the documents; a command of its own is sent for them when they are decoded."""
        cursor: Any = self.collection.find_raw_batches(self.query).limit(self.limit)
        batches: Iterable[bytes] = cursor.sort(self.order) if self.order else cursor
        return Found(batches, self.collection.codec_options)

    def stages(self, tag: str) -> list[dict[str, Any]]:
        """Return the stages of a pipeline that find the documents and put each under the tag."""
        order: list[dict[str, Any]] = [{"$sort": dict(self.order)}] if self.order else []
        # A stored document may have any field; under a tag it cannot pass for another one.
        tagged = {"$replaceRoot": {"newRoot": {tag: "$$ROOT"}}}
        return [{"$match": self.query}, *order, {"$limit": self.limit}, tagged]


@dataclass(frozen=True)
class Found:
    """Batches of BSON documents, which may each be under a tag."""

    batches: Iterable[bytes]
    codec: CodecOptions[Row]
    tag: str | None = None

    def row(self) -> Row | None:
        """Return the first document, or ``None``."""
        rows, _ = self.rows(self.codec)
        return next(iter(rows), None)

    def rows(
        self, codec: CodecOptions[Row], *, max_bytes: float = float("inf")
    ) -> tuple[list[Row], bool]:
        """Return the documents, and whether they end because they have ``max_bytes``.

        There are at least two of those, the last of which has gone beyond.
        """
        rows: list[Row] = []
        left = max_bytes
        for batch in self.batches:
            if len(batch) <= left:
                left -= len(batch)
                rows += bson.decode_all(batch, codec)
                continue
            for document in _split(batch):
                rows.append(bson.decode(document, codec))
                left -= len(document)
                if left < 0 and len(rows) > 1:
                    return self._untagged(rows), True
        return self._untagged(rows), False

    def _untagged(self, rows: list[Row]) -> list[Row]:
        return rows if self.tag is None else [row[self.tag] for row in rows]


def send_together(
    reads: Mapping[str, Read], last: Read | None = None
) -> tuple[dict[str, Row | None], Found | None]:
    """Return the document of each read by its name, and what the last read has found.

    With one command, which takes less time than one for each. The reads are of one database; those
    with a name find at most one document.
    """
    named = {**reads, _LAST: last} if last else dict(reads)
    (name, first), *others = named.items()
    unions = [
        {"$unionWith": {"coll": read.collection.name, "pipeline": read.stages(name)}}
        for name, read in others
    ]
    # Otherwise the first batch has 101 documents, and the rest takes another command.
    size = sum(read.limit for read in named.values()) + 1
    collection = first.collection.with_options(codec_options=_RAW)
    documents = collection.aggregate([*first.stages(name), *unions], batchSize=size)
    found: dict[str, Row | None] = dict.fromkeys(reads)
    rest: Iterable[RawBSONDocument] = ()
    for document in documents:
        name, content = _untag(bytes(document.raw))
        if name == _LAST:
            rest = chain([document], documents)
            break
        found[name] = bson.decode(content, reads[name].collection.codec_options)
    if last is None:
        return found, None
    return found, Found(_batches(rest), last.collection.codec_options, _LAST)


def aggregate_together(
    pipelines: Mapping[str, tuple[Collection[Row], list[dict[str, Any]]]],
    session: ClientSession | None = None,
) -> dict[str, list[Row]]:
    """Return what each pipeline finds, by its name, with one command.

    The collections are of one database. What is found should be small: all of it is read.
    """
    tagged = [
        (
            collection,
            [*stages, {"$project": {"_id": 0, "tag": {"$literal": name}, "row": "$$ROOT"}}],
        )
        for name, (collection, stages) in pipelines.items()
    ]
    (first, begin), *others = tagged
    unions = [
        {"$unionWith": {"coll": collection.name, "pipeline": stages}}
        for collection, stages in others
    ]
    found: dict[str, list[Row]] = {name: [] for name in pipelines}
    # In one batch, as far as 16 MB go.
    for row in first.aggregate([*begin, *unions], batchSize=1_000_000, session=session):
        found[row["tag"]].append(row["row"])
    return found


def _batches(documents: Iterable[RawBSONDocument]) -> Iterator[bytes]:
    """Yield the documents many at a time, which are decoded in less time than one by one."""
    batch: list[bytes] = []
    size = 0
    for document in documents:
        batch.append(bytes(document.raw))
        size += len(document.raw)
        if size >= _BATCH_BYTES:
            yield b"".join(batch)
            batch, size = [], 0
    yield b"".join(batch)


def _split(batch: bytes) -> Iterator[bytes]:
    """Yield each document of a batch: BSON begins with its length."""
    start = 0
    while start < len(batch):
        end = start + int.from_bytes(batch[start : start + 4], "little")
        yield batch[start:end]
        start = end


def _untag(document: bytes) -> tuple[str, bytes]:
    """Return the name of the document's only field, and the document that it holds.

    In BSON the field stands between the length of the whole and the NUL at its end: a byte for the
    type, the name and a NUL, the value.
    """
    end = document.index(0, 5)
    return document[5:end].decode(), document[end + 1 : -1]
