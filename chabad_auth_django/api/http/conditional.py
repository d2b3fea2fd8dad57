"""Conditional requests (RFC 9110, section 13): ``ETag``, ``If-Match``, ``If-None-Match``."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from chabad_auth_django.api.http.errors import PreconditionFailed
from chabad_auth_django.db.expressions import content
from chabad_auth_django.exceptions import Text, ValidationError

Row = Mapping[str, Any]
Shape = Callable[[Row], dict[str, Any]]

_CONDITIONS = {
    "If-Match": "HTTP_IF_MATCH",
    "If-None-Match": "HTTP_IF_NONE_MATCH",
    "If-Unmodified-Since": "HTTP_IF_UNMODIFIED_SINCE",
}


def etag(row: Row) -> str:
    """Return the entity tag: a digest of the stored document, in app data behind the version.

    The version is not enough: other programs may change a value without it.
    """
    version = row.get("version") if "dataKey" in row else None
    prefix = f"{version}-" if isinstance(version, int) and not isinstance(version, bool) else ""
    return f'"{prefix}{hashlib.blake2b(content(row), digest_size=12).hexdigest()}"'


def respond(request: Request, row: Row, shape: Shape, status: int = 200) -> Response:
    """Return the resource with its ``ETag``; 304 without a body where the caller has it."""
    tag = etag(row)
    headers = {"ETag": tag}
    if request.method in ("GET", "HEAD"):
        # A proxy that compresses makes tags weak. A weak tag serves reading, but not writing.
        known = [tag.removeprefix("W/") for tag in _tags(request, "HTTP_IF_NONE_MATCH")]
        if _matches(known, tag):
            return Response(None, 304, headers=headers)
    return Response(shape(row), status, headers=headers)


def check_if_match(request: Request, row: Row, shape: Shape) -> None:
    """Raise ``PreconditionFailed`` (412) with what is stored when ``If-Match`` names another."""
    if not _matches(_tags(request, "HTTP_IF_MATCH"), etag(row)):
        raise changed(row, shape)


def changed(row: Row | None, shape: Shape) -> PreconditionFailed:
    """Return the 412 with what is stored now; ``None`` stands for nothing."""
    if row is None:
        return PreconditionFailed()
    return PreconditionFailed(shape(row), {"ETag": etag(row)})


def matches_any(request: Request) -> bool:
    """Tell whether ``If-Match`` is ``*``, which matches whatever is stored."""
    return "*" in _tags(request, "HTTP_IF_MATCH")


def refuse_conditions(request: Request, heeded: Collection[str]) -> None:
    """Raise ``ValidationError`` for a condition that this write would ignore."""
    for name, variable in _CONDITIONS.items():
        if variable in request.META and name not in heeded:
            raise ValidationError(errors={name: Text("This request takes no `{name}`.", name=name)})


def create_only(request: Request) -> bool:
    """Tell whether ``If-None-Match: *`` asks to store nothing but what is new.

    Raises ``ValidationError`` for a list of tags, which cannot be heeded here.
    """
    tags = _tags(request, "HTTP_IF_NONE_MATCH")
    if tags not in ([], ["*"]):
        raise ValidationError(errors={"If-None-Match": "A write takes `*` only."})
    return bool(tags)


def _tags(request: Request, header: str) -> list[str]:
    value = request.META.get(header)
    return [] if value is None else [tag.strip() for tag in value.split(",")]


def _matches(tags: Sequence[str], current: str) -> bool:
    return "*" in tags or current in tags
