"""Logging and counting the answers to requests, by route."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chabad_auth_django import journal
from chabad_auth_django.db import errors

METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))


@contextmanager
def counted(request: HttpRequest) -> Iterator[list[HttpResponseBase]]:
    """Count the answer that the block puts into the list; an empty list counts as a bug (500)."""
    started = time.perf_counter()
    answers: list[HttpResponseBase] = []
    try:
        yield answers
    finally:
        labels = {"method": _method(request), "route": _route(request)}
        status, code = _outcome(answers[0]) if answers else (500, "error")
        journal.count("requests", status=str(status), code=code, **labels)
        journal.count("request_seconds", time.perf_counter() - started, **labels)


def tell(*, status: int, code: str, error: Exception, context: dict[str, Any]) -> None:
    """Log outages and throttled callers."""
    request = context["request"]
    user = getattr(request, "_user", None)
    fields: dict[str, Any] = {
        "method": _method(request),
        "route": _route(request),
        "code": code,
        "user": user.id if user else "-",
    }
    if status == 503:
        cause = errors.name(error.__cause__ or error)
        message = "{method} {route} was answered 503 {code} after {cause}; user {user}"
        journal.tell(journal.API, "unavailable", message, cause=cause, **fields)
    elif status == 429:
        scope = getattr(context["view"], "throttle_scope", None) or "read or write"
        message = "{method} {route} was stopped by the throttle {scope}; user {user}"
        journal.tell(journal.SECURITY, "throttled", message, scope=scope, **fields)


def _outcome(answer: HttpResponseBase) -> tuple[int, str]:
    data: Any = getattr(answer, "data", None)
    if answer.status_code < 400:
        return answer.status_code, "ok"
    return answer.status_code, data.get("code", "error") if isinstance(data, dict) else "error"


def _route(request: Any) -> str:
    match = getattr(request, "resolver_match", None)
    return match.route if match else "-"


def _method(request: Any) -> str:
    return request.method if request.method in METHODS else "other"
