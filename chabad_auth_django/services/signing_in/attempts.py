"""Logging and counting sign-ins."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chabad_auth_django import journal
from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import ChabadAuthError


@contextmanager
def attempt(method: str) -> Iterator[None]:
    """Log and count a refusal that the block raises; the log names no user."""
    try:
        yield
    except ChabadAuthError as error:
        journal.count("sign_ins", method=method, result=error.code)
        journal.tell(
            journal.SECURITY,
            "sign_in_refused",
            "A sign-in by {method} was refused: {code}",
            method=method,
            code=error.code,
        )
        raise


def succeeded(*, user_id: Any, method: str) -> None:
    """Log that the user signed in."""
    # Code of the project may name any method; a counter must not grow with it.
    known = method if method in conf.AUTH_METHODS else "other"
    journal.count("sign_ins", method=known, result="ok")
    journal.tell(
        journal.SECURITY,
        "signed_in",
        "User {user} signed in by {method}",
        level=logging.INFO,
        user=user_id,
        method=method,
    )
