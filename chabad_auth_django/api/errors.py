"""Every error as ``{"code", "detail", "errors"?}``; installed by the base view, not by the host."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from pymongo.errors import (
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    PyMongoError,
    WTimeoutError,
)
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from chabad_auth_django import exceptions as domain
from chabad_auth_django.api.rendering import to_json

logger = logging.getLogger("chabad_auth_django.api")

#: Seconds after which a client may try again while MongoDB has no primary.
RETRY_AFTER = 5

#: Domain error -> status; the first match counts.
STATUSES: tuple[tuple[type[domain.ChabadAuthError], int], ...] = (
    (domain.ValidationError, 400),
    (domain.NotFound, 404),
    (domain.AlreadyExists, 409),
    (domain.VersionConflict, 409),
    (domain.LastAuthMethod, 409),
    (domain.PermissionDenied, 403),
    (domain.InvalidToken, 401),
    (domain.InvalidCredentials, 401),
    (domain.CredentialsDisabled, 400),
    (domain.EmailNotVerified, 403),
    (domain.IssuerUnavailable, 503),
)

#: Labels and codes with which the server says that a write may succeed on the next try.
_TRANSIENT_LABELS = (
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
    "RetryableWriteError",
    "NoWritesPerformed",
)


class BodyTooLarge(drf.APIException):
    """The body is longer than ``CHABAD_AUTH["BODY_MAX_BYTES"]``."""

    status_code = 413
    default_code = "body_too_large"
    default_detail = "The body is too large."


class PreconditionFailed(drf.APIException):
    """``If-Match`` or ``If-None-Match`` does not hold; ``current`` is what is stored."""

    status_code = 412
    default_code = "precondition_failed"
    default_detail = "The resource was changed by somebody else."

    def __init__(self, current: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.current = current
        self.headers = headers or {}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response for every error that a client, the network or MongoDB can cause.

    ``None`` for a bug: DRF raises it on, and it is logged and answered by the base view.
    """
    set_rollback()
    if isinstance(error, domain.ChabadAuthError):
        return _domain_response(error)
    if isinstance(error, Http404):
        error = drf.NotFound()
    elif isinstance(error, PermissionDenied):
        error = drf.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        error = BodyTooLarge()
    if isinstance(error, drf.APIException):
        return _framework_response(error)
    if isinstance(error, DocumentTooLarge):
        return Response(body("too_large", "The document would be too large."), 413)
    if isinstance(error, PyMongoError) and is_outage(error):
        return Response(
            body("unavailable", "The database does not answer now. Try again."),
            503,
            headers={"Retry-After": str(RETRY_AFTER)},
        )
    return None


def is_outage(error: PyMongoError) -> bool:
    """Tell whether the error comes from the network, an election or a time limit."""
    return (
        isinstance(error, (ConnectionFailure, ExecutionTimeout, WTimeoutError))
        or error.timeout
        or any(error.has_error_label(label) for label in _TRANSIENT_LABELS)
    )


def body(code: str, detail: str, errors: Any = None) -> dict[str, Any]:
    """Return the one shape of an error."""
    shape = {"code": code, "detail": detail}
    return {**shape, "errors": errors} if errors else shape


def _domain_response(error: domain.ChabadAuthError) -> Response:
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 400)
    data = body(error.code, error.detail, getattr(error, "errors", None))
    if isinstance(error, domain.VersionConflict):
        data["current"] = {"version": error.current_version, "dataValue": error.current_value}
    return Response(data, status)


def _framework_response(error: drf.APIException) -> Response:
    headers = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, drf.ValidationError):
        data = body("invalid", "The request is invalid.", _errors(error.detail))
    else:
        data = body(str(error.get_codes()), str(error.detail))
    if isinstance(error, PreconditionFailed):
        data["current"] = error.current
    return Response(data, error.status_code, headers=headers)


def _errors(detail: Any) -> Any:
    return {"": detail} if isinstance(detail, list) else detail


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an unknown path in the one shape; for a host that serves nothing but the API."""
    return HttpResponse(
        to_json(body("not_found", "There is nothing here.")),
        status=404,
        content_type="application/json",
    )


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer a bug in the one shape; for a host that serves nothing but the API."""
    return HttpResponse(
        to_json(body("error", "The server made a mistake.")),
        status=500,
        content_type="application/json",
    )
