"""Reads that are described before they are sent, so that several can go in one command."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from chabad_auth_django.db import damaged
from chabad_auth_django.db.batches import RAW

Row = dict[str, Any]

_BATCH_BYTES = 2**20


@dataclass(frozen=True)
class Found:
    """Batches of BSON documents, or the only document, decoded."""

    batches: Iterable[bytes]
    codec: CodecOptions[Row]
    only: Row | None = None

    def row(self) -> Row | None:
        """Return the first document, or ``None``."""
        if self.only is not None:
            return self.only
        rows, _ = self.rows(self.codec)
        return next(iter(rows), None)

    def rows(
        self, codec: CodecOptions[Row], *, max_bytes: float = float("inf")
    ) -> tuple[list[Row], bool]:
        """Return the documents, and whether they end because they have ``max_bytes``.

        There are at least two of those, the last of which exceeds them.
        """
        rows: list[Row] = []
        left = max_bytes
        for batch in self.batches:
            if len(batch) <= left:
                left -= len(batch)
                rows += damaged.decode_all(batch, codec)
                continue
            for document in damaged.split(batch):
                rows.append(damaged.decode(document, codec))
                left -= len(document)
                if left < 0 and len(rows) > 1:
                    return rows, True
        return rows, False


@dataclass(frozen=True)
class Read:
    """A query of one collection: at most ``limit`` documents in the order."""

    collection: Collection[Row]
    query: Mapping[str, Any]
    order: Mapping[str, int] = field(default_factory=dict)
    limit: int = 1

    def send(self) -> Found:
        """Return the documents; the command is sent when they are decoded."""
        cursor: Any = self.collection.find_raw_batches(self.query).limit(self.limit)
        batches: Iterable[bytes] = cursor.sort(self.order) if self.order else cursor
        return Found(batches, self.collection.codec_options)

    def stages(self) -> list[dict[str, Any]]:
        """Return the stages of a pipeline that find the documents."""
        order: list[dict[str, Any]] = [{"$sort": dict(self.order)}] if self.order else []
        return [{"$match": self.query}, *order, {"$limit": self.limit}]

    def tagged(self, tag: str) -> list[dict[str, Any]]:
        """Return the stages that find the only document and put it under the tag."""
        return [{"$match": self.query}, {"$replaceRoot": {"newRoot": {tag: "$$ROOT"}}}]


def send_together(
    reads: Mapping[str, Read], last: Read | None = None
) -> tuple[dict[str, Row | None], Found | None]:
    """Return the document of each read by its name, and what the last read has found.

    With one command, which takes less time than one for each. The reads are of one database; those
    with a name have queries that only one document meets, and one codec. Many documents are left
    undecoded: how many of them are wanted depends on their size.
    """
    (name, first), *others = reads.items()
    unions = [(read.collection.name, read.tagged(name)) for name, read in others]
    if last:
        unions.append((last.collection.name, last.stages()))
    # Otherwise the first batch has 101 documents, and the rest takes another command.
    size = len(reads) + (last.limit if last else 0) + 1
    stages = [{"$unionWith": {"coll": coll, "pipeline": pipeline}} for coll, pipeline in unions]
    codec = first.collection.codec_options
    is_raw = last is not None and (last.limit > 1 or last.collection.codec_options != codec)
    collection: Any = first.collection.with_options(RAW) if is_raw else first.collection
    documents = collection.aggregate([*first.tagged(name), *stages], batchSize=size)
    found: dict[str, Row | None] = dict.fromkeys(reads)
    rest: Iterable[Any] = ()
    for document in documents:
        tag = next(iter(document))
        if tag not in found:
            # A stored document begins with its _id, so it cannot pass for one under a tag.
            rest = chain([document], documents)
            break
        found[tag] = damaged.decode(document[tag].raw, codec) if is_raw else document[tag]
    if last is None:
        return found, None
    if is_raw:
        return found, Found(_batches(rest), last.collection.codec_options)
    return found, Found((), codec, next(iter(rest), None))


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
