"""The errors of the domain: each has a machine-readable code and a message, and no HTTP in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ChabadAuthError(Exception):
    """Base of every error that this package raises on purpose.

    ``code`` is stable and meant for programs, ``detail`` for people.
    """

    code = "error"
    default_detail = "The operation failed."

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.default_detail
        super().__init__(self.detail)


class ValidationError(ChabadAuthError):
    """A value breaks a rule of the specification; ``errors`` maps field names to messages."""

    code = "invalid"
    default_detail = "The value is invalid."

    def __init__(self, detail: str | None = None, errors: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.errors = dict(errors or {})


class NotFound(ChabadAuthError):
    """The document does not exist, or no longer."""

    code = "not_found"
    default_detail = "The document does not exist."


class UserNotFound(NotFound):
    """The user does not exist, or was deleted while something was written for them."""

    code = "user_not_found"
    default_detail = "The user does not exist."


class AlreadyExists(ChabadAuthError):
    """A document with the same unique key exists."""

    code = "already_exists"
    default_detail = "A document with this key exists already."


class DuplicateEmail(AlreadyExists):
    """Another user has the e-mail address (specification: ``email`` must be unique)."""

    code = "duplicate_email"
    default_detail = "A user with this e-mail address exists already."


class LastAuthMethod(ChabadAuthError):
    """Removing the authentication method would leave the user without any."""

    code = "last_auth_method"
    default_detail = "The last authentication method of a user cannot be removed."


class VersionConflict(ChabadAuthError):
    """The stored version of an AppData differs from the expected one (optimistic locking).

    ``current_version`` and ``current_value`` tell the loser what is stored now.
    """

    code = "version_conflict"
    default_detail = "The value was changed by somebody else."

    def __init__(self, *, current_version: int, current_value: Any) -> None:
        super().__init__()
        self.current_version = current_version
        self.current_value = current_value


class IndexBuildFailed(ChabadAuthError):
    """An index cannot be built on the documents that are stored."""

    code = "index_build_failed"
