"""Answering every error as ``{"code", "detail", "errors"?}``; the base view uses this handler."""

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import mongoengine
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.log import log_response
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    OperationFailure,
    ProtocolError,
    PyMongoError,
)
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from chabad_auth_django import exceptions as domain
from chabad_auth_django.api.http import outcomes
from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.validators import MAX_ECHO

#: How many messages an error has, and how long each is; the others are counted.
MAX_ERRORS, MAX_TEXT = 20, 300
#: Bytes of all messages, and of what is stored now: with the rest an error stays below 16 KiB.
MAX_ERRORS_BYTES = 12 * 1024

#: What a 401 asks for.
CHALLENGE = 'Bearer realm="api"'

#: Domain error -> status; the first match counts.
STATUSES: tuple[tuple[type[domain.ChabadAuthError], int], ...] = (
    (domain.ValidationError, 400),
    (domain.NotFound, 404),
    (domain.AlreadyExists, 409),
    (domain.AmbiguousEmail, 409),
    (domain.VersionConflict, 409),
    (domain.DocumentChanged, 412),
    (domain.LastAuthMethod, 409),
    (domain.LastAdministrator, 409),
    (domain.PermissionDenied, 403),
    (domain.InvalidToken, 401),
    (domain.InvalidCredentials, 401),
    (domain.AuthMethodDisabled, 403),
    (domain.SecondFactorRequired, 403),
    (domain.Blocked, 403),
    (domain.LastIdentity, 409),
    (domain.EmailNotVerified, 403),
    (domain.IssuerUnavailable, 503),
    (domain.Unavailable, 503),
    (domain.IdempotencyKeyReused, 422),
    (domain.IdempotencyInProgress, 409),
    (domain.EventsArchived, 409),
    (domain.ReplicaSetRequired, 409),
    (domain.ExtraRequired, 409),
    (domain.TooSlow, 400),
)

#: Labels and codes with which the server says that a write may succeed on the next try.
_TRANSIENT_LABELS = (
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
    "RetryableWriteError",
)

_UNAVAILABLE_CODES = frozenset(
    (
        6,  # HostUnreachable
        7,  # HostNotFound
        13,  # Unauthorized: whoever runs it gives the user its roles back
        18,  # AuthenticationFailed: a password was changed
        24,  # LockTimeout
        43,  # CursorNotFound
        46,  # LockBusy
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        100,  # UnsatisfiableWriteConcern
        112,  # WriteConflict
        117,  # ConflictingOperationInProgress
        133,  # FailedToSatisfyReadPreference
        134,  # ReadConcernMajorityNotAvailableYet
        175,  # QueryPlanKilled
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        211,  # KeyNotFound: a new primary has not read its keys yet
        225,  # TransactionTooOld
        237,  # CursorKilled
        239,  # SnapshotTooOld
        244,  # TransactionAborted
        246,  # SnapshotUnavailable
        251,  # NoSuchTransaction
        262,  # ExceededTimeLimit
        267,  # PreparedTransactionInProgress
        279,  # ClientDisconnect
        290,  # TransactionExceededLifetimeLimitSeconds
        365,  # TemporarilyUnavailable
        391,  # ReauthenticationRequired
        8000,  # AtlasError: of its limits, or a password was changed
        9001,  # SocketException
        10058,  # LegacyNotPrimary
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
    )
)


#: With what another program stored in it, a document would have more than 16 MB. 388: it does not
#: fit into the cache of the server.
_TOO_LARGE_CODES = frozenset((388, 10334, 17419))

#: A validator that another team has given the collection refuses the document.
_DOCUMENT_VALIDATION_FAILURE = 121

#: Errors for which REST framework's text repeats a part of the request or does not help.
_DETAILS: dict[type[drf.APIException], str] = {
    drf.MethodNotAllowed: "This method is not allowed. The header Allow names those that are.",
    drf.NotAcceptable: "The answer is JSON: accept application/json.",
    drf.NotAuthenticated: "Sign in first: send an access token, or the cookie of a session.",
    drf.UnsupportedMediaType: "Send the body as JSON, with Content-Type: application/json.",
}

#: What Django raises for a host that is not in ALLOWED_HOSTS, thousands of query parameters, a form
#: without a boundary or in an unknown encoding, and a client that hangs up half-way.
_UNREADABLE = (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError)


class BodyTooLarge(drf.APIException):
    """The body is longer than ``CHABAD_AUTH["BODY_MAX_BYTES"]``."""

    status_code = 413
    default_code = "body_too_large"
    default_detail = "The body is too large. Send less at once."


class LengthRequired(drf.APIException):
    """A body that does not say where it ends: Django would take it for an empty one."""

    status_code = 411
    default_code = "length_required"
    default_detail = "A body takes the header Content-Length."


class PreconditionFailed(drf.APIException):
    """``If-Match`` or ``If-None-Match`` does not hold; ``current`` is what is stored."""

    status_code = 412
    default_code = "precondition_failed"
    default_detail = "Somebody else changed the resource. Read it again, then repeat the change."

    def __init__(self, current: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.current = current
        self.headers = headers or {}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Return the response for every error; report a bug as Django does."""
    set_rollback()
    response = _respond(error)
    if response is None:
        return _bug(error, context)
    outcomes.tell(
        status=response.status_code, code=response.data["code"], error=error, context=context
    )
    return response


def _bug(error: Exception, context: dict[str, Any]) -> Response:
    request = context["request"]._request
    got_request_exception.send(sender=type(context["view"]), request=request)
    text = "The server made a mistake. Try again, or tell whoever runs it."
    response = Response(body("error", text), 500)
    log_response(
        "%s: %s",
        response.reason_phrase,
        request.path,
        response=response,
        request=request,
        exception=error,
    )
    return response


def _respond(error: Exception) -> Response | None:
    if isinstance(error, domain.ChabadAuthError):
        return _domain_response(error)
    if isinstance(error, Http404):
        error = drf.NotFound()
    elif isinstance(error, PermissionDenied):
        error = drf.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        error = BodyTooLarge()
    elif isinstance(error, _UNREADABLE):
        error = drf.ParseError()
    if isinstance(error, drf.APIException):
        return _framework_response(error)
    if isinstance(error, DocumentTooLarge) or not _TOO_LARGE_CODES.isdisjoint(_codes(error)):
        return Response(body("too_large", "The document is too large. Store less in it."), 413)
    if _DOCUMENT_VALIDATION_FAILURE in _codes(error):
        error = domain.ValidationError(
            "The database does not accept this. Send other values, or tell whoever runs it."
        )
        return _domain_response(error)
    if isinstance(error, (OperationalError, InterfaceError)):
        # The host project's own database, which holds its sessions.
        return _domain_response(domain.Unavailable())
    if is_outage(error):
        return _domain_response(domain.Unavailable())
    return None


def is_outage(error: BaseException | None) -> bool:
    """Tell whether the error comes from the network, an election, a shutdown or a time limit."""
    if isinstance(error, (mongoengine.OperationError, mongoengine.ConnectionFailure)):
        # mongoengine's wrapping of what the driver raised.
        return is_outage(error.__context__)
    if not isinstance(error, PyMongoError):
        return False
    return (
        # The last of them comes from DNS, too, and from a member that is not the primary.
        isinstance(error, (ConnectionFailure, ProtocolError, ConfigurationError))
        or error.timeout
        or any(error.has_error_label(label) for label in _TRANSIENT_LABELS)
        or not _UNAVAILABLE_CODES.isdisjoint(_codes(error))
    )


def _codes(error: Exception) -> set[int]:
    if not isinstance(error, OperationFailure):
        return set()
    # The code of a bulk write says nothing; the reason for the failure is in the details.
    details: Any = error.details or {}
    causes = details.get("writeErrors", []) + details.get("writeConcernErrors", [])
    return {error.code or 0, *(cause["code"] for cause in causes)}


def status_of(error: domain.ChabadAuthError) -> int:
    """Return the status with which the error is answered."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 400)


def body(code: str, detail: str, errors: Any = None) -> dict[str, Any]:
    """Return the body of an error; of many ``errors`` it has the first, by the paths of fields."""
    shape: dict[str, Any] = {"code": code, "detail": domain.translated(detail)[:MAX_TEXT]}
    if errors:
        shape["errors"] = _bounded(_messages(errors))
    return shape


def _messages(errors: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the path of what is wrong, such as ``widgets.enabled.3``, a code and a message."""
    if isinstance(errors, Mapping):
        for name, value in errors.items():
            is_whole = name in ("", api_settings.NON_FIELD_ERRORS_KEY)
            yield from _messages(value, path if is_whole else f"{path}.{name}".lstrip("."))
    elif isinstance(errors, (list, tuple)):
        for index, value in enumerate(errors):
            is_message = isinstance(value, str)
            yield from _messages(value, path if is_message else f"{path}.{index}".lstrip("."))
    else:
        yield path, getattr(errors, "code", None) or "invalid", _text(errors)


def _text(message: Any) -> str:
    return domain.translated(message if isinstance(message, str) else str(message))


def _bounded(messages: Iterator[tuple[str, str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    size = count = 0
    for path, code, message in islice(messages, MAX_ERRORS):
        entry = {"code": code, "detail": message[:MAX_TEXT]}
        size += len(to_json([path[:MAX_ECHO], entry]))
        if size > MAX_ERRORS_BYTES:
            count += 1
        else:
            found.setdefault(path[:MAX_ECHO], []).append(entry)
    count += sum(1 for _ in messages)
    if count:
        text = domain.translated(domain.Text("{count} more are wrong.", count=count))
        more = {"code": "more", "detail": text}
        found.setdefault("", []).append(more)
    return found


def _domain_response(error: domain.ChabadAuthError) -> Response:
    status = status_of(error)
    data = body(error.code, error.detail, getattr(error, "errors", None))
    if isinstance(error, domain.VersionConflict):
        data["current"] = {"version": error.current_version}
        if has_room(error.current_value):
            data["current"]["dataValue"] = error.current_value
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    return Response(data, status, headers=headers)


def has_room(value: Any) -> bool:
    """Tell whether an error has room for the value beside all else."""
    return len(to_json(value)) <= MAX_ERRORS_BYTES


def _framework_response(error: drf.APIException) -> Response:
    headers = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, drf.ValidationError):
        message = "The request is invalid: correct the fields that errors names."
        data = body("invalid", message, error.detail)
    else:
        detail = _DETAILS.get(type(error)) or str(error.detail)
        data = body(str(error.get_codes()), detail)
    if isinstance(error, PreconditionFailed):
        data["current"] = error.current if has_room(error.current) else None
    return Response(data, error.status_code, headers=headers)
