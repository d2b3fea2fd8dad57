"""Limits on how often one caller may do what.

The rates are ``CHABAD_AUTH["THROTTLE_RATES"]`` over the defaults; a scope with ``None`` is not
counted, and costs no look at the cache. The counts are in Django's default cache, which all
processes must share.

A caller who is not signed in is an address. ``NUM_PROXIES`` in ``REST_FRAMEWORK`` says how many
proxies are in front, 0 for none: without it the address is whatever the client writes into
``X-Forwarded-For``, and each request may come from another one. ``chabad_auth.W004`` asks for it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from chabad_auth_django.conf import DEFAULTS, conf
from chabad_auth_django.validators import MAX_NAME_LENGTH


class ScopedThrottle(SimpleRateThrottle):
    """Count by the scope ``read`` or ``write``, or by the view's ``throttle_scope``.

    A caller is a user, else an address.
    """

    def __init__(self) -> None:
        """Leave the rate open until the request tells the scope."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Tell whether the caller is within the rate of the scope."""
        method_scope = "read" if request.method in SAFE_METHODS else "write"
        self.scope = getattr(view, "throttle_scope", None) or method_scope
        self.rate = {**DEFAULTS["THROTTLE_RATES"], **conf.THROTTLE_RATES}.get(self.scope)
        if self.rate is None:
            return True
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return the key under which the caller's requests are counted."""
        user: Any = request.user
        return self._cache_key(str(user.id) if user else self.get_ident(request))

    def _cache_key(self, ident: str) -> str:
        # Hashed: the cache must not learn e-mail addresses, and not every key suits it.
        digest = hashlib.sha256(ident.encode(errors="replace")).hexdigest()
        return f"chabad_auth.throttle.{self.scope}.{digest}"


class AccountThrottle(ScopedThrottle):
    """Count the tries to sign in to one account, from however many addresses they come.

    Whoever knows an account's name can use its tries up; other ways to sign in stay open.
    """

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return the key of the username; ``None``, which is not counted, without one."""
        name = request.data.get("username") if isinstance(request.data, dict) else None
        # A longer name is refused anyway, and the time to normalise one grows with its square.
        if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH:
            return None
        return self._cache_key(f"account {unicodedata.normalize('NFKC', name).strip().casefold()}")
