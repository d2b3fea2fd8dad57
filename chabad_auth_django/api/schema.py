"""What the OpenAPI description says of every endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

#: An error: ``code`` for programs, ``detail`` for people, ``errors`` by field.
ERROR = inline_serializer(
    "Error",
    {
        "code": serializers.CharField(),
        "detail": serializers.CharField(),
        "errors": serializers.DictField(required=False),
    },
)


F = TypeVar("F", bound=Callable[..., Any])


def describe(**options: Any) -> Callable[[F], F]:
    """Return drf-spectacular's ``extend_schema`` for a method of a view.

    That takes REST framework's global ``DEFAULT_SCHEMA_CLASS`` for the base, which is the host
    project's; ours is always drf-spectacular's.
    """

    def decorator(method: F) -> F:
        setattr(method, "schema", AutoSchema)  # noqa: B010 — functions declare no attributes
        described: F = extend_schema(**options)(method)
        delattr(method, "schema")
        return described

    return decorator


_DESCRIPTIONS = {
    400: "The request is invalid; `errors` says what, by field.",
    401: "No valid token or session.",
    403: "The caller may not do this.",
    404: "There is no such resource.",
    409: "The change conflicts with what is stored.",
    412: "`If-Match` does not hold; `current` is what is stored.",
    413: "The body, or what it would make, is too large.",
    415: "The body has another content type than JSON.",
    422: "The `Idempotency-Key` was used with another request.",
    429: "Too many requests; see `Retry-After`.",
    503: "The database does not answer now; see `Retry-After`.",
}


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """Return the documented errors: those that every endpoint has, and the given ones."""
    return {
        status: OpenApiResponse(ERROR, description=_DESCRIPTIONS[status])
        for status in sorted({400, 401, 403, 404, 429, 503, *statuses})
    }


def header(name: str, description: str) -> OpenApiParameter:
    """Return an optional request header."""
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)


IF_MATCH = header("If-Match", "Change only what still has this `ETag`.")
IF_NONE_MATCH = header("If-None-Match", "Answer 304 to a reader who has this `ETag`.")
IDEMPOTENCY_KEY = header(
    "Idempotency-Key", "The same key again within a day answers as the first time."
)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer``."""

    target_class = "chabad_auth_django.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The host project's session cookie."""

    target_class = "chabad_auth_django.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the security scheme."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


def only_ours(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Keep the endpoints of this package: the host project's views may describe themselves."""
    return [
        endpoint
        for endpoint in endpoints
        if getattr(endpoint[3], "cls", object).__module__.startswith("chabad_auth_django.")
    ]
