"""Limits on how often one caller may do what."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from chabad_auth_django.conf import conf


class ScopedThrottle(SimpleRateThrottle):
    """Count by the scope ``read`` or ``write``, or by the view's ``throttle_scope``.

    The rates are ``CHABAD_AUTH["THROTTLE_RATES"]``; ``None`` does not count at all. A caller is a
    user, else an address; behind a proxy set REST framework's ``NUM_PROXIES``.
    """

    def __init__(self) -> None:
        """Leave the rate open until the request tells the scope."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Tell whether the caller is within the rate of the scope."""
        method_scope = "read" if request.method in SAFE_METHODS else "write"
        self.scope = getattr(view, "throttle_scope", None) or method_scope
        self.rate = conf.THROTTLE_RATES.get(self.scope)
        if self.rate is None:
            return True
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: Any) -> str:
        """Return the key under which the caller's requests are counted."""
        user: Any = request.user
        ident = str(user.id) if user else self.get_ident(request)
        return f"chabad_auth.throttle.{self.scope}.{ident}"
