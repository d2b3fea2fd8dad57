"""The errors of the domain: each has a machine-readable code and a message, and no HTTP in it."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from django.utils.translation import gettext


class Text(str):
    """A message in English, made of a template and values, that can be translated later."""

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Self:
        """Return the message with its values."""
        text = super().__new__(cls, template.format(**values) if values else template)
        text.template = template
        text.values = values
        return text


class Reason(Text):
    """A message with a code that tells a program what is wrong with a value."""

    code: str

    def __new__(cls, template: str, code: str = "", /, **values: Any) -> Self:
        """Return the message with its values."""
        reason = super().__new__(cls, template, **values)
        reason.code = code
        return reason


def translated(text: str) -> str:
    """Return the message in the active language, or in English where no catalogue has it.

    The API calls it when it answers. Logs, commands and the audit trail stay in English.
    """
    if isinstance(text, Text) and text.values:
        return gettext(text.template).format(**text.values)
    return gettext(text)


class ChabadAuthError(Exception):
    """Base of every error that this package raises on purpose.

    ``code`` is stable and meant for programs, ``detail`` for people.
    """

    code = "error"
    default_detail = "The operation failed."
    #: Seconds after which the caller may try again; ``None`` if another try is useless.
    retry_after: float | None = None

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

    def __str__(self) -> str:
        """Return the detail, and each message behind the name of its field."""
        return " ".join([self.detail, *_messages(self.errors)])


def _messages(errors: Any, path: str = "") -> Iterator[str]:
    if not isinstance(errors, Mapping):
        yield f"{path}: {errors}"
        return
    for name, value in errors.items():
        # A position in a list is no name.
        yield from _messages(value, path if isinstance(name, int) else f"{path}.{name}".strip("."))


class NotFound(ChabadAuthError):
    """The document does not exist."""

    code = "not_found"
    default_detail = "The document does not exist."


class UserNotFound(NotFound):
    """The user does not exist, or was deleted while something was written for them."""

    code = "user_not_found"
    default_detail = "The user does not exist."


class DeletionOpen(ChabadAuthError):
    """The user is being deleted, and the deletion would remove what is stored now.

    On a server without transactions the user may also be being imported.
    """

    code = "deletion_open"
    default_detail = (
        "This user is just being deleted or imported. If that was interrupted, wait until "
        "chabad_purge_deleted has finished it."
    )


class AlreadyExists(ChabadAuthError):
    """A document with the same unique key exists."""

    code = "already_exists"
    default_detail = "A document with this key exists already."


class DuplicateEmail(AlreadyExists):
    """Another user has the e-mail address (specification: ``email`` must be unique)."""

    code = "duplicate_email"
    default_detail = "A user with this e-mail address exists already."


class AmbiguousEmail(ChabadAuthError):
    """Other programs stored the e-mail address in several spellings, for several users."""

    code = "ambiguous_email"
    default_detail = "Several users have this e-mail address. Name one by its id."


class LastAuthMethod(ChabadAuthError):
    """Removing the authentication method would leave the user without any."""

    code = "last_auth_method"
    default_detail = (
        "The last authentication method of a user cannot be removed. Add another one first."
    )


class LastAdministrator(ChabadAuthError):
    """Removing or demoting the user would leave nobody who may do everything."""

    code = "last_administrator"
    default_detail = (
        "The last administrator cannot be removed or demoted. Make another user one first."
    )


class UnknownGrant(ValidationError):
    """No setting names the role or the permission that is to be granted."""

    code = "unknown_grant"
    default_detail = "No setting knows this role or permission."


class DocumentChanged(ChabadAuthError):
    """The stored document is no longer the one that the caller expects."""

    code = "document_changed"
    default_detail = "Somebody else changed the document. Read it again, then repeat the change."


class VersionConflict(ChabadAuthError):
    """The stored version of an AppData differs from the expected one (optimistic locking).

    ``current_version`` and ``current_value`` are what is stored now.
    """

    code = "version_conflict"
    default_detail = "Somebody else changed the value. Read it again, then repeat the change."

    def __init__(
        self, detail: str | None = None, *, current_version: int = 0, current_value: Any = None
    ) -> None:
        super().__init__(detail)
        self.current_version = current_version
        self.current_value = current_value


class InvalidToken(ChabadAuthError):
    """The token is not accepted; the caller is not told why."""

    code = "invalid_token"
    default_detail = "The token is invalid, expired or revoked. Sign in again."


class InvalidCredentials(ChabadAuthError):
    """No backend of the host project knows the username with this password."""

    code = "invalid_credentials"
    default_detail = "The username or the password is wrong."


class AuthMethodDisabled(ChabadAuthError):
    """``CHABAD_AUTH["AUTH_METHODS"]`` does not allow the authentication method."""

    code = "auth_method_disabled"
    default_detail = "This way of signing in is not allowed. Use another one."


class CredentialsDisabled(AuthMethodDisabled):
    """Accounts of the Django project do not sign in, by password or with a session."""

    code = "credentials_disabled"
    default_detail = (
        "Signing in with an account of this site takes django.contrib.auth in INSTALLED_APPS, "
        '"credentials" in CHABAD_AUTH["AUTH_METHODS"] and CHABAD_AUTH["HOST_ID"].'
    )


class SecondFactorRequired(ChabadAuthError):
    """The account has a second factor, which was not given."""

    code = "second_factor_required"
    default_detail = "This account has a second factor. Sign in on the page that asks for it."


class Blocked(ChabadAuthError):
    """The user is blocked and may not sign in."""

    code = "blocked"
    default_detail = "This user is blocked. Only the site's staff can end the block."


class LastIdentity(ChabadAuthError):
    """Unlinking the identity would leave the user without any."""

    code = "last_identity"
    default_detail = "The last identity of a user cannot be unlinked. Link another one first."


class EmailNotVerified(ChabadAuthError):
    """No verified e-mail address tells which user the account belongs to.

    The error is the same whether a user has the address or not.
    """

    code = "email_not_verified"
    default_detail = (
        "The sign-in has no verified e-mail address. Confirm the address, then sign in again."
    )


class ExternalIdTaken(AlreadyExists):
    """The external id belongs to another user, or the user has another one."""

    code = "external_id_taken"
    default_detail = (
        "The external id or the account belongs to another user. Unlink it there first."
    )


class IssuerUnavailable(ChabadAuthError):
    """The keys of the token's issuer cannot be fetched; another try later may work."""

    code = "issuer_unavailable"
    default_detail = "The issuer of the token cannot be reached. Try again later."
    retry_after = 10


class IdempotencyKeyReused(ChabadAuthError):
    """The idempotency key belongs to another request."""

    code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request. Send a new one."


class IdempotencyInProgress(ChabadAuthError):
    """The request with this idempotency key is running, or was abandoned a short time ago."""

    code = "idempotency_in_progress"
    default_detail = "The request with this Idempotency-Key is not done yet. Try again later."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class Unavailable(ChabadAuthError):
    """The database cannot be reached or has no primary; another try later may work."""

    code = "unavailable"
    default_detail = "The database does not answer now. Try again."
    retry_after = 5


class IndexBuildFailed(ChabadAuthError):
    """An index cannot be built on the documents that are stored."""

    code = "index_build_failed"


class ReplicaSetRequired(ChabadAuthError):
    """A standalone server keeps no log of changes and has no transactions."""

    code = "replica_set_required"
    default_detail = "This takes a MongoDB replica set (one member is enough) or a sharded cluster."


class ExtraRequired(ChabadAuthError):
    """An optional package is not installed, which this takes."""

    code = "extra_required"


class EventsArchived(ChabadAuthError):
    """The events are archived, so that only whole days in UTC can be counted."""

    code = "events_archived"
    default_detail = (
        "Some of these events are archived: begin and end at midnight UTC and count by UTC days, "
        "weeks or months, or restore the archive."
    )


class CountedAlready(ChabadAuthError):
    """Events that an import would store are counted here already, and would be counted twice."""

    code = "counted_already"


class TooSlow(ChabadAuthError):
    """The answer would take too long, and another try would too."""

    code = "too_slow"
    default_detail = (
        "Counting this takes too long: ask for a shorter range, for UTC days, weeks or months, or "
        "without distinct."
    )


class ArchiveError(ChabadAuthError):
    """An archive is missing, damaged or not this database's, or could not be written exactly."""

    code = "archive_error"


class FileThere(ChabadAuthError):
    """A file of that name exists, and the caller did not ask to replace it."""

    code = "file_there"


class PermissionDenied(ChabadAuthError):
    """The actor may not do this."""

    code = "permission_denied"
    default_detail = "You may not do this. Ask an administrator for the permission."
