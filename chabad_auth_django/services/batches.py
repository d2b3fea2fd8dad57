"""Reading a whole collection in batches by ``_id``, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pymongo.collection import Collection

#: Documents of a batch.
SIZE = 1000

#: What is told how many documents were done.
Advance = Callable[[int], object]

Row = TypeVar("Row", bound=Mapping[str, Any])


def in_batches(
    collection: Collection[Row], fields: Mapping[str, int] | None = None, size: int = SIZE
) -> Iterator[list[Row]]:
    """Yield all documents in the order of ``_id``, in batches, whatever types their ids have.

    Each batch is a query of its own: no cursor has to outlive what is done with it.
    """
    cursor = collection.find({}, fields)
    while rows := list(cursor.sort("_id", 1).limit(size)):
        yield rows
        last = rows[-1]["_id"]
        # Not {"_id": {"$gt": last}}, which passes over ids of other types; and min() is inclusive.
        cursor = collection.find({"_id": {"$ne": last}}, fields)
        cursor = cursor.hint([("_id", 1)]).min([("_id", last)])
