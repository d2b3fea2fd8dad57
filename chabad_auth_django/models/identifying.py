"""Users' identifying fields: no two users have the same address or external id."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Self

from bson import ObjectId

from chabad_auth_django import signals
from chabad_auth_django.db.transactions import atomic, refusal_is_final
from chabad_auth_django.exceptions import (
    AlreadyExists,
    ChabadAuthError,
    DuplicateEmail,
    ValidationError,
)
from chabad_auth_django.models.personal import PersonalDocument
from chabad_auth_django.validators import email_spellings, normalize_email

#: The stored fields of which each value belongs to at most one user.
IDENTIFYING = frozenset({"email", "valuUserId", "merkosUserId"})


class IdentifyingDocument(PersonalDocument):
    """A Document with the ``IDENTIFYING`` fields."""

    meta = {"abstract": True}

    @property
    def normal_email(self) -> str | None:
        """The address in its normal form; ``None`` where another program stored none."""
        try:
            return normalize_email(self.field_values.get("email"))
        except ValidationError:
            return None

    def save(self, **kwargs: Any) -> Self:
        """Insert a new user, or update the changed fields of a stored one.

        Raises ``DuplicateEmail``, ``ExternalIdTaken``, ``UserNotFound`` and ``ValidationError``.
        """
        changed = () if self.is_new else self.changes
        names = IDENTIFYING.intersection(changed)
        if not names:
            return super().save(**kwargs)
        values = {name: self.field_values.get(self.field_name(name)) for name in names}
        self._validate_changes()
        self._write(values, partial(super().save, **kwargs))
        return self

    def patch(
        self, values: Mapping[str, Any], *, merge: Mapping[str, Mapping[str, Any]] | None = None
    ) -> bool:
        """Set the given fields atomically, remove those given as ``None``; keep all others.

        Raises ``DuplicateEmail`` and ``ExternalIdTaken`` too.
        """
        identifying = {
            stored: values[name]
            for name in values
            if (stored := self.stored_name(name)) in IDENTIFYING
        }
        write = partial(super().patch, values, merge=merge)
        if not identifying:
            return write()
        names = {self.field_name(stored): value for stored, value in identifying.items()}
        self.check(**{name: value for name, value in names.items() if value is not None})
        return bool(self._write(identifying, write))

    def _write(self, values: Mapping[str, Any], write: Callable[[], Any]) -> Any:
        return self.write_identifying(user_ids=[self.pk], values=values, write=write)

    @classmethod
    @atomic
    def write_identifying(
        cls, *, user_ids: Sequence[ObjectId], values: Mapping[str, Any], write: Callable[[], Any]
    ) -> Any:
        """Call ``write``, which gives the stored users the valid values, and return its result.

        ``values`` are by stored name; ``None`` is for a field that is removed. Raises
        ``DuplicateEmail`` and ``ExternalIdTaken`` where another user has one of them.
        """
        external_ids = dict(values)
        if email := external_ids.pop("email", None):
            cls.check_emails_are_free(emails=[email], but_for=user_ids)
        if external_ids:
            with refusal_is_final():
                signals.pre_external_ids_change.send(
                    sender=cls, user_ids=user_ids, values=external_ids
                )
        return write()

    @classmethod
    def check_emails_are_free(
        cls, *, emails: Iterable[str], but_for: Sequence[ObjectId] = ()
    ) -> None:
        """Raise ``DuplicateEmail`` where another user has one of them in another spelling.

        The unique index refuses the normal form, which is the one that is stored.
        """
        spellings: set[str] = set()
        for email in emails:
            spellings.update(email_spellings(email)[1:])
        if not spellings:
            return
        query = {"email": {"$in": list(spellings)}, "_id": {"$nin": list(but_for)}}
        if cls.collection().find_one(query, {"_id": 1}):
            raise DuplicateEmail

    @classmethod
    def _already_exists(cls, details: Mapping[str, Any] | None) -> ChabadAuthError:
        by_email = "email" in (details or {}).get("keyPattern", {})
        return DuplicateEmail() if by_email else AlreadyExists()
