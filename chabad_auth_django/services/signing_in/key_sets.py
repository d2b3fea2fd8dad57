"""The keys that issuers publish at their JWKS URLs (RFC 7517).

PyJWT's ``PyJWKClient`` is not enough. While it fetches, tokens with known keys wait too. It uses no
old keys while the issuer does not answer, and no keys without an id. It reads unlimited answers.
"""

import http.client
import json
import logging
import threading
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib import request
from urllib.parse import urlsplit

import jwt

from chabad_auth_django import __version__
from chabad_auth_django.exceptions import InvalidToken, IssuerUnavailable

#: Seconds that a caller waits for keys to be fetched.
TIMEOUT = 5.0

#: Seconds after which fetched keys are fetched again; they are used until that is done.
LIFESPAN = 10 * 60

#: Seconds for which fetched keys are used while the issuer is away.
MAX_AGE = 24 * 60 * 60

#: Seconds between two fetches that tokens without a known key cause.
REFETCH_SECONDS = 60

#: Seconds after a failed fetch in which none is tried.
RETRY_SECONDS = 10

#: Bytes of an issuer's answer.
MAX_BYTES = 256 * 1024

# Some issuers refuse urllib's User-Agent.
_HEADERS = {"Accept": "application/json", "User-Agent": f"chabad-auth-django/{__version__}"}

_FAILURES = (
    http.client.HTTPException,
    jwt.PyJWTError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)

logger = logging.getLogger("chabad_auth_django")


class KeySet:
    """The keys at one JWKS URL. One background thread at a time fetches them."""

    def __init__(self, url: str, algorithms: Sequence[str]) -> None:
        self._url, self._algorithms = url, algorithms
        self._lock = threading.Lock()
        self._fetching: threading.Thread | None = None
        self._keys: tuple[jwt.PyJWK, ...] = ()
        self._fetched_at = self._retry_at = self._search_at = float("-inf")

    def versions(self) -> Iterator[tuple[jwt.PyJWK, ...]]:
        """Yield the known keys, then, if the caller goes on, the keys that are fetched again.

        Only the second step waits. Raises ``IssuerUnavailable``, and ``InvalidToken`` if keys were
        fetched for another unknown token a short time ago.
        """
        fetched_at = self._fetched_at
        age = time.monotonic() - fetched_at
        if age >= LIFESPAN:
            with self._lock:
                if self._may_fetch(fetched_at) and time.monotonic() >= self._retry_at:
                    self._start()
        if age < MAX_AGE:
            yield self._keys
        self._wait_for_newer(fetched_at)
        yield self._keys

    def _wait_for_newer(self, fetched_at: float) -> None:
        with self._lock:
            if self._may_fetch(fetched_at):
                now = time.monotonic()
                if now < self._retry_at:
                    raise IssuerUnavailable
                if now < self._search_at:
                    raise InvalidToken
                self._search_at = now + REFETCH_SECONDS
                self._start()
            fetching = self._fetching
        if fetching:
            fetching.join(TIMEOUT)
        if self._fetched_at == fetched_at:
            raise IssuerUnavailable

    def _may_fetch(self, fetched_at: float) -> bool:
        """Tell whether no other thread has fetched keys since, or is fetching them."""
        is_fetching = self._fetching is not None and self._fetching.is_alive()
        return not is_fetching and self._fetched_at == fetched_at

    def _start(self) -> None:
        self._fetching = threading.Thread(target=self._fetch, daemon=True)
        self._fetching.start()

    def _fetch(self) -> None:
        try:
            keys = _usable_keys(json.loads(_download(self._url)), self._algorithms)
        except _FAILURES as error:
            self._retry_at = self._search_at = time.monotonic() + RETRY_SECONDS
            host = urlsplit(self._url).hostname
            logger.warning("No keys could be fetched from %s: %s", host, type(error).__name__)
        else:
            self._keys = keys
            self._fetched_at = time.monotonic()


_key_sets: dict[tuple[str, ...], KeySet] = {}


def get_key_set(*, url: str, algorithms: Sequence[str]) -> KeySet:
    """Return the keys at the URL for the algorithms, the same for every caller."""
    name = (url, *algorithms)
    return _key_sets.get(name) or _key_sets.setdefault(name, KeySet(url, algorithms))


def forget_key_sets(*, except_at: Container[str]) -> None:
    """Forget the keys at every other URL."""
    for name in list(_key_sets):
        if name[0] not in except_at:
            _key_sets.pop(name, None)


def _download(url: str) -> bytes:
    opener = request.OpenerDirector()
    # None of the handlers follows a redirect, which could lead to another host or off TLS.
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    deadline = time.monotonic() + TIMEOUT
    body = b""
    with opener.open(request.Request(url, headers=_HEADERS), timeout=TIMEOUT) as response:  # noqa: S310
        if response.status != 200:
            raise ValueError
        while chunk := response.read1(MAX_BYTES):
            body += chunk
            if len(body) > MAX_BYTES or time.monotonic() > deadline:
                raise ValueError
    return body


def _usable_keys(document: Any, algorithms: Sequence[str]) -> tuple[jwt.PyJWK, ...]:
    """Return each key of the set for each algorithm that it may verify.

    A key need not say what it is for. If it does, it is used for nothing else.
    """
    keys = []
    for item in document["keys"]:
        if not isinstance(item, dict) or item.get("use") not in (None, "sig"):
            continue
        if "verify" not in (item.get("key_ops") or ["verify"]):
            continue
        for algorithm in algorithms:
            if item.get("alg") in (None, algorithm):
                # A key of another type does not fit, and a damaged one does not count.
                with suppress(jwt.PyJWTError):
                    keys.append(jwt.PyJWK(item, algorithm))
    # A secret that is published lets everybody sign.
    public_keys = tuple(key for key in keys if hasattr(key.key, "verify"))
    if not public_keys:
        raise ValueError
    return public_keys
