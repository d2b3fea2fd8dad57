"""Every error in the words of the front ends: ``message``, ``error`` and ``code`` are texts."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response

from chabad_auth_django.api.http import errors


class NotFromUs(APIException):
    """A page of another site sent the request, or nothing tells that a page of ours did."""

    status_code = 403
    default_code = "csrf_failed"
    default_detail = "The request does not come from a page of this site."


class VersionConflict(APIException):
    """The stored value has another version; ``current`` is what is stored, ``None`` for nothing."""

    status_code = 409
    default_code = "version_conflict"
    default_detail = "Somebody else changed the value. Read it again, then repeat the change."

    def __init__(self, current: dict[str, Any] | None) -> None:
        super().__init__()
        self.current = current


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Return the response for every error; report a bug as Django does."""
    response = errors.exception_handler(error, context)
    response.data = shape(response.data)
    if isinstance(error, VersionConflict):
        current = error.current
        if current is not None and not errors.has_room(current):
            current = {name: current[name] for name in current if name != "data"}
        response.data["current"] = current
    return response


def shape(data: dict[str, Any]) -> dict[str, Any]:
    """Return the error of the API as the front ends read it."""
    detail = data["detail"]
    rest = {name: value for name, value in data.items() if name not in ("detail", "code")}
    return {
        "success": False,
        "status": "error",
        "message": detail,
        "error": detail,
        "code": data["code"],
        **rest,
    }
