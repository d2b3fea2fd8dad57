"""Paging by a cursor, which stays valid while documents come and go."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson
from bson import ObjectId
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from chabad_auth_django.api.http.rendering import EPOCH
from chabad_auth_django.db.pages import Page, Position, Row


def encode(position: Position) -> str:
    """Return the position as an opaque string."""
    key = position.key
    if isinstance(key, datetime):
        key = (key - EPOCH) // timedelta(milliseconds=1)
    value = [str(key) if isinstance(key, ObjectId) else key, str(position.id), position.backward]
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def decode(cursor: str | None, kind: type) -> Position | None:
    """Return the position in a list whose keys are of the kind; raise ``ValidationError`` (400)."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key, id, backward = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if kind is datetime and isinstance(key, int):
            key = EPOCH + timedelta(milliseconds=key)
        elif kind is ObjectId and isinstance(key, str):
            key = ObjectId(key)
        if isinstance(key, kind) and isinstance(id, str) and isinstance(backward, bool):
            return Position(key, ObjectId(id), backward)
    except Exception:  # noqa: S110 — whatever is wrong with a forged cursor, the answer is the same
        pass
    raise ValidationError({"cursor": ["The cursor is not one of this list."]})


def respond(
    request: Request, page: Page, shape: Callable[[Iterable[Row]], list[dict[str, Any]]]
) -> Response:
    """Return ``{"results", "next", "previous"}``."""
    url = request.build_absolute_uri()

    def link(position: Position | None) -> str | None:
        return replace_query_param(url, "cursor", encode(position)) if position else None

    return Response(
        {
            "results": shape(page.rows),
            "next": link(page.next),
            "previous": link(page.previous),
        }
    )
