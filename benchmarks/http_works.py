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

    ``budget`` is a ratio of requests per second. The collection that it writes to is empty where
    it only reads; ``documents`` is how many each request stores there, none where it changes one.
    """

    title: str
    budget: float
    path: str
    method: str = "GET"
    body: str = ""
    collection: str = ""
    documents: int = 0

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
    return [
        Request("event counts, 30 days", 1, f"analytics/event-counts/?{days}"),
        Request("list of 100 activities", 0.80, "activities/?limit=100"),
        Request("own profile", 0.60, "profile/"),
        Request("AppData get", 0.60, "app-data/cteen/settings/"),
        Request("AppData put with version", 0.65, value, "PUT", _dump(new_value), "appdatas"),
        Request("one event", 0.70, "activities/", "POST", _dump(events[0]), "activities", 1),
        Request("batch of 50", 0.80, "activities/", "POST", _dump(events), "activities", BATCH),
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
