"""The link to the next page of a list, which every answer has."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson


def next_link(url: str, limit: int, time: datetime, id: Any) -> str:
    """Return the link to what comes after the row with this time (UTC) and id."""
    milliseconds = round(time.replace(tzinfo=UTC).timestamp() * 1000)
    position = orjson.dumps([milliseconds, str(id), False])
    cursor = base64.urlsafe_b64encode(position).decode().rstrip("=")
    return f"{url}?{urlencode({'cursor': cursor, 'limit': limit})}"
