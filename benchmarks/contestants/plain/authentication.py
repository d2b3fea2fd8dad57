"""Who is calling."""

from __future__ import annotations

import os
from typing import Any

import jwt
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from benchmarks.contestants.plain.documents import User


class BearerAuthentication(BaseAuthentication):
    """Authenticate with a token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Return the user whom the token names."""
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            claims = jwt.decode(
                token,
                os.environ["BENCHMARK_SIGNING_KEY"],
                algorithms=["HS256"],
                audience="chabad-auth",
                issuer="chabad-auth",
            )
        except jwt.PyJWTError:
            raise AuthenticationFailed from None
        user = User.objects(id=claims["sub"]).first()
        if user is None:
            raise AuthenticationFailed
        return user, None
