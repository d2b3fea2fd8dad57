"""The requests that are sent to the contestants' servers, and the budget of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from benchmarks.data import Data, app_data_value, iso, sent_activities

#: Events in one batch.
BATCH = 50

#: The application that is written to, another one in each run.
APP = "@run"

#: The key of each connection.
KEY = "key-@thread"


@dataclass(frozen=True)
class Request:
    """A request; ``@run``, ``@thread`` and ``@request`` are as in ``wrk.load``.

    ``budget`` is a ratio of requests per second, ``commands`` how many the project may send to
    MongoDB. ``user`` is whose token is sent: see ``Data``. The collection that it writes to is
    empty where it only reads; ``documents`` is how many each request stores there, none where it
    changes one.
    """

    title: str
    budget: float
    commands: int
    path: str
    method: str = "GET"
    body: str = ""
    collection: str = ""
    documents: int = 0
    user: str = "reader"

    @property
    def changes_versions(self) -> bool:
        """Tell whether each request must know the version that the one before has made."""
        return self.method == "PUT"


def requests(data: Data) -> list[Request]:
    """Return the requests; those that count come first, when the events were just rolled up."""
    days = urlencode({"start": iso(data.end - timedelta(days=30)), "end": iso(data.end)})
    value = f"app-data/{APP}/{KEY}/"
    new_value = {"dataValue": app_data_value(0), "version": "@request"}
    events = [_numbered(event, index) for index, event in enumerate(sent_activities(data, BATCH))]
    counts = f"analytics/event-counts/?{days}"
    sent = {"user": "writer", "collection": "activities", "method": "POST"}
    return [
        Request("event counts, 30 days", 1.5, 4, counts),
        Request("event counts of few events", 0.9, 4, counts, user="newcomer"),
        Request("list of 100 activities", 0.90, 1, "activities/?limit=100"),
        Request("own profile", 0.90, 1, "profile/"),
        Request("AppData get", 0.90, 1, "app-data/cteen/settings/"),
        Request(
            "AppData put with version",
            0.80,
            2,
            value,
            "PUT",
            _dump(new_value),
            "appdatas",
            user="writer",
        ),
        Request("one event", 0.75, 3, "activities/", body=_dump(events[0]), documents=1, **sent),
        Request("batch of 50", 0.80, 3, "activities/", body=_dump(events), documents=BATCH, **sent),
    ]


def _numbered(event: dict[str, Any], index: int) -> dict[str, Any]:
    # No two events are equal: an equal one would be a duplicate.
    return {
        **event,
        "appId": APP,
        "sessionId": "session-@thread",
        "eventData": {"page": f"/pages/{index}", "position": "@request", "seen": True},
    }


def _dump(value: Any) -> str:
    # The number of the request is sent as a number.
    return json.dumps(value).replace('"@request"', "@request")
