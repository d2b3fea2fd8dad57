"""Events that can be archived: they come back byte by byte."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import bson
from bson import Timestamp
from bson.raw_bson import RawBSONDocument

from chabad_auth_django.db.damaged import StoredDocument
from chabad_auth_django.services.analytics.event_keys import CODEC

#: How many of the events that are left are named.
SHOWN = 20


@dataclass
class Left:
    """The events of a month that stay where they are: how many, and the ids of the first."""

    month: str
    count: int = 0
    ids: list[Any] = field(default_factory=list)

    def add(self, id: Any) -> None:
        """Count an event."""
        self.count += 1
        if len(self.ids) < SHOWN:
            self.ids.append(id)


def movable_events(events: Iterable[RawBSONDocument], left: Left) -> Iterator[RawBSONDocument]:
    """Yield what comes back byte by byte, and can be counted in the archive; note the others."""
    for event in events:
        try:
            read = StoredDocument(event.raw, CODEC)
            fields = dict(read)
            movable = isinstance(fields["timestamp"], datetime) and (
                # Not so for duplicate fields, and for texts that are not UTF-8.
                bson.encode(fields) == event.raw
                # The server stores its own time instead.
                and not any(value == Timestamp(0, 0) for value in fields.values())
            )
        except (bson.errors.BSONError, ValueError):
            movable = False
        if movable:
            yield read
        else:
            left.add(event["_id"])
