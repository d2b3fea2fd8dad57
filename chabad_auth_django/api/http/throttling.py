"""Limits on how often a caller may send requests.

The rates are ``CHABAD_AUTH["THROTTLE_RATES"]`` over the defaults; a scope with ``None`` is not
counted. The counts are in Django's default cache, which all processes must share. While the cache
does not answer, ``CHABAD_AUTH["THROTTLE_WITHOUT_CACHE"]`` decides.

Callers who are not signed in are counted by address. ``NUM_PROXIES`` in ``REST_FRAMEWORK`` must say
how many proxies are in front, 0 for none. Without it a client can write any address into
``X-Forwarded-For``, and so avoid the limit. ``chabad_auth.W004`` asks for it.
"""

import hashlib
import logging
import time
import unicodedata
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from chabad_auth_django.conf import Conf, conf
from chabad_auth_django.exceptions import InvalidToken, Unavailable
from chabad_auth_django.services.signing_in import sessions
from chabad_auth_django.validators import MAX_NAME_LENGTH

logger = logging.getLogger("chabad_auth_django.api")

#: Seconds between two warnings of one process that the cache is away.
WARNING_INTERVAL = 10.0

_warned_at = float("-inf")


def _warn(error: Exception) -> None:
    global _warned_at
    if time.monotonic() >= _warned_at + WARNING_INTERVAL:
        _warned_at = time.monotonic()
        # The text of the error may hold what was sent to the cache.
        logger.warning(
            "The cache is away, so requests cannot be counted (%s): THROTTLE_WITHOUT_CACHE is %r.",
            type(error).__qualname__,
            conf.THROTTLE_WITHOUT_CACHE,
        )


class ScopedThrottle(SimpleRateThrottle):
    """Count by the scope ``read`` or ``write``, or by the view's ``throttle_scope``.

    A caller is a user, else an address.
    """

    def __init__(self) -> None:
        """Set no rate yet: the scope depends on the request."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Tell whether the caller is within the rate of the scope."""
        method_scope = "read" if request.method in SAFE_METHODS else "write"
        self.scope = getattr(view, "throttle_scope", None) or method_scope
        default = Conf.THROTTLE_RATES.default.get(self.scope)
        self.rate = conf.THROTTLE_RATES.get(self.scope, default)
        if self.rate is None:
            return True
        rate: Any = self.parse_rate(self.rate)
        self.num_requests, self.duration = rate
        self.key = self.get_cache_key(request, view)
        if self.key is None:
            return True
        try:
            return self._count(*rate)
        except Exception as error:
            _warn(error)
            if conf.THROTTLE_WITHOUT_CACHE == "allow":
                return True
            raise Unavailable("Requests cannot be counted now. Try again.") from error

    def wait(self) -> float:
        """Return the seconds until the next request is within the rate.

        REST framework knows none where more were counted, at a rate that has been lowered since.
        """
        return float(self.duration - (self.now - self.history[self.num_requests - 1]))

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return the key under which the caller's requests are counted."""
        user: Any = request.user
        return self._cache_key(str(user.id) if user else self.get_ident(request))

    def _count(self, limit: int, seconds: int) -> bool:
        """Count the request and tell whether it is within the rate."""
        self.now = self.timer()
        # Later times are of a clock that was wrong. They would count until then, maybe for years.
        counted = self.cache.get(self.key, [])
        self.history = [at for at in counted if abs(self.now - at) < seconds]
        if len(self.history) >= limit:
            return False
        return bool(self.throttle_success())

    def get_ident(self, request: Request) -> str:
        """Return the client's address; a server that listens on a socket may tell none."""
        ident = super().get_ident(request) or ""
        with suppress(ValueError):
            if ident.startswith("[") or ident.count(":") == 1:
                # Some proxies add the port, which is another one on each connection.
                ident = urlsplit(f"//{ident}").hostname or ident
            address = ip_address(ident)
            if isinstance(address, IPv6Address):
                # The first 64 bits name a network. One client has all of its addresses.
                return str(address.ipv4_mapped or int(address) >> 64)
        return ident

    def _cache_key(self, ident: str) -> str:
        # Hashed: the cache must not hold e-mail addresses, and it does not accept every key.
        digest = hashlib.sha256(ident.encode(errors="replace")).hexdigest()
        return f"chabad_auth.throttle.{self.scope}.{digest}"


class AccountThrottle(ScopedThrottle):
    """Count the tries to sign in to one account, from any address.

    A stranger can use up an account's tries. Its other ways to sign in are not limited by that.
    """

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return the key of the username; ``None``, which is not counted, without one."""
        name = request.data.get("username") if isinstance(request.data, dict) else None
        # A longer name is refused anyway. The time to normalize a name grows with its square.
        if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH:
            return None
        # A database may find the account by it all the same, whatever the accents, the case and the
        # characters without a glyph are. With upper case a dotless "i" is an "i", too.
        folded = unicodedata.normalize("NFKD", name).upper().casefold()
        return self._cache_key(f"account {''.join(filter(str.isalnum, folded))}")


class RefreshThrottle(ScopedThrottle):
    """Count the refreshes of one session, and the guesses of one address.

    Many sessions may come from one address: those of an office, or of a front end that renders on
    its server. Guesses from that address do not count against these sessions.
    """

    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return the key of the session whose family the token belongs to, else of the address.

        The session stays on the view, which need not read it again.
        """
        token = request.data.get("refreshToken") if isinstance(request.data, dict) else None
        try:
            view.session = sessions.read_session(refresh_token=token)
        except InvalidToken:
            return self._cache_key(self.get_ident(request))
        return self._cache_key(f"session {view.session['_id']}")
