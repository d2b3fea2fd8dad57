"""The QuerySet of users: it deletes their data too, and keeps addresses and ids unique."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mongoengine.errors import NotUniqueError
from mongoengine.queryset.visitor import Q
from pymongo.read_preferences import ReadPreference

from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models.identifying import IDENTIFYING
from chabad_auth_django.models.queryset import (
    QuerySet,
    changed_fields,
    plain_operators,
    raw_operators,
)
from chabad_auth_django.validators import email_spellings

#: Users that one transaction removes.
DELETE_BATCH = 100

# Queries by several addresses -> their operator.
_EMAIL_LISTS = {"email__in": "$in", "email__nin": "$nin"}


class UserQuerySet(QuerySet):
    """A QuerySet whose ``delete()`` cascades."""

    def __call__(self, q_obj: Any = None, **query: Any) -> Any:
        """Filter the users; an e-mail address stands for every stored spelling."""
        for name, operator in _EMAIL_LISTS.items():
            if name in query:
                spellings = [text for value in query.pop(name) for text in email_spellings(value)]
                listed = Q(__raw__={"email": {operator: spellings}})
                q_obj = listed & q_obj if q_obj else listed
        return super().__call__(q_obj, **query)

    def delete(self, write_concern: Any = None, **kwargs: Any) -> int:
        """Remove the matching users and all their data; return how many users were removed.

        In batches, each in one transaction (specification: "Cascade Deletion Strategy").
        """
        self._refuse(bool(write_concern), "write_concern")
        count = 0
        ids = self._ids()
        for start in range(0, len(ids), DELETE_BATCH):
            count += self.model._remove(ids[start : start + DELETE_BATCH])
        return count

    def update(self, upsert: bool = False, **kwargs: Any) -> Any:
        """Update atomically; raise ``DuplicateEmail`` or ``ExternalIdTaken`` like ``save``.

        ``UserNotFound`` is raised where the users are deleted before they get what is theirs alone.
        """
        self._check_update(upsert, kwargs)
        values = self._identifying(kwargs)
        if not values:
            return super().update(**kwargs)
        ids = self._ids() if kwargs.get("multi", True) else self._ids(limit=1)
        return self._write(ids, values, partial(QuerySet.update, **kwargs))

    def modify(self, upsert: bool = False, remove: bool = False, **kwargs: Any) -> Any:
        """Update one user atomically; removing is refused: only ``delete`` cascades."""
        self._refuse(remove, "remove")
        self._check_update(upsert, kwargs)
        values = self._identifying(kwargs)
        if not values:
            return super().modify(**kwargs)
        ids = self._ids(limit=1)
        return self._write(ids, values, partial(QuerySet.modify, **kwargs))

    def _ids(self, limit: int | None = None) -> list[Any]:
        found = self.clone().read_preference(ReadPreference.PRIMARY)
        return list((found.limit(limit) if limit else found).scalar("id"))

    def _write(self, ids: list[Any], values: dict[str, Any], update: Callable[..., Any]) -> Any:
        def write() -> Any:
            result = update(self.filter(pk__in=ids))
            if ids and not result:
                # Otherwise the claims on external ids would stay.
                raise UserNotFound
            return result

        try:
            return self.model.write_identifying(user_ids=ids, values=values, write=write)
        except NotUniqueError as error:
            details = getattr(error.__context__, "details", None)
            raise self.model._already_exists(details) from error

    def _identifying(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the values of ``IDENTIFYING`` fields that the update sets; ``None`` removes one.

        Other ways to change them are refused, because the result would not be known beforehand.
        """
        for operator, names in raw_operators(kwargs):
            self._refuse(bool(changed_fields(operator, names, IDENTIFYING)), "raw updates")
        values: dict[str, Any] = {}
        for operator, names in plain_operators(self.model, kwargs):
            for name in changed_fields(operator, names, IDENTIFYING):
                self._refuse(operator not in ("$set", "$unset"), operator)
                values[name] = names[name] if operator == "$set" else None
        return values
