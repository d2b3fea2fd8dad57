"""A client of the API that another process serves."""

import json
import ssl
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any

#: Seconds after which a client gives up: more than any answer may take.
CLIENT_TIMEOUT = 40


@dataclass(frozen=True)
class Answer:
    """One request, as its client saw it; ``status`` is 0 without an answer in JSON."""

    started: float
    ended: float
    status: int
    retry_after: str | None
    body: Any


class Client:
    """One user who calls the server; with a ``context`` by TLS."""

    def __init__(self, port: int, token: str, context: ssl.SSLContext | None = None) -> None:
        self._port, self._context = port, context
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            # What a proxy in front says.
            "X-Forwarded-Proto": "https",
        }

    def send(self, method: str, path: str, data: Any = None, key: str | None = None) -> Answer:
        """Send a request on a connection of its own and return the answer."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        payload = None if data is None else json.dumps(data)
        started = time.monotonic()
        connection = self._connection()
        with closing(connection), suppress(OSError, HTTPException, ValueError):
            connection.request(method, f"/api/{path}", payload, headers)
            response = connection.getresponse()
            content = response.read()
            body = json.loads(content) if content else None
            retry_after = response.headers["Retry-After"]
            return Answer(started, time.monotonic(), response.status, retry_after, body)
        return Answer(started, time.monotonic(), 0, None, None)

    def _connection(self) -> HTTPConnection:
        if self._context:
            options = {"timeout": CLIENT_TIMEOUT, "context": self._context}
            return HTTPSConnection("127.0.0.1", self._port, **options)
        return HTTPConnection("127.0.0.1", self._port, timeout=CLIENT_TIMEOUT)
