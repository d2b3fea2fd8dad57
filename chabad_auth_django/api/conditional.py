"""Conditional requests (RFC 9110, section 13): ``ETag``, ``If-Match``, ``If-None-Match``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import bson
from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.errors import PreconditionFailed

Row = Mapping[str, Any]
Shape = Callable[[Row], dict[str, Any]]


def etag(row: Row) -> str:
    """Return the entity tag of a stored document: its version, or a digest of all it holds."""
    if "version" in row:
        return f'"{row["version"]}"'
    return f'"{hashlib.blake2b(bson.encode(row), digest_size=12).hexdigest()}"'


def respond(request: Request, row: Row, shape: Shape, status: int = 200) -> Response:
    """Return the resource with its ``ETag``; 304 without a body where the caller has it."""
    tag = etag(row)
    headers = {"ETag": tag}
    if request.method in ("GET", "HEAD") and matches(request, "HTTP_IF_NONE_MATCH", row):
        return Response(None, 304, headers=headers)
    return Response(shape(row), status, headers=headers)


def check_if_match(request: Request, row: Row, shape: Shape) -> None:
    """Raise ``PreconditionFailed`` (412) with what is stored when ``If-Match`` names another."""
    if not matches(request, "HTTP_IF_MATCH", row):
        raise changed(row, shape)


def changed(row: Row | None, shape: Shape) -> PreconditionFailed:
    """Return the 412 that tells what is stored now; ``None``: nothing is."""
    if row is None:
        return PreconditionFailed()
    return PreconditionFailed(shape(row), {"ETag": etag(row)})


def matches(request: Request, header: str, row: Row) -> bool:
    """Tell whether the header lists the row's tag, or is ``*``."""
    tags = [tag.strip().removeprefix("W/") for tag in request.META.get(header, "").split(",")]
    return "*" in tags or etag(row) in tags


def expected_versions(request: Request) -> list[int] | None:
    """Return the versions that ``If-Match`` lists; ``None`` for ``*``, which any version matches.

    A tag that is no version of ours matches none.
    """
    tags = [tag.strip() for tag in request.META["HTTP_IF_MATCH"].split(",")]
    if "*" in tags:
        return None
    digits = [tag[1:-1] for tag in tags if tag[:1] == tag[-1:] == '"']
    return [int(text) for text in digits if text.isascii() and text.isdigit() and len(text) < 19]
