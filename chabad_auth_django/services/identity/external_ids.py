"""Which user an external id belongs to: at most one, whatever races.

A user has an external id when its field (``valuUserId`` or ``merkosUserId``) and the claim
(``ExternalId``) say so. The field is written first: without transactions a crash in between leaves
a field without a claim, which is adopted like one that another program set.
"""

from __future__ import annotations

from typing import Any

from chabad_auth_django.db.transactions import RetryTransaction, atomic, in_transaction
from chabad_auth_django.exceptions import AlreadyExists, ExternalIdTaken
from chabad_auth_django.models import ExternalId, User
from chabad_auth_django.validators import to_object_id


@atomic
def find_user_by_external_id(*, field: str, value: str) -> User | None:
    """Return the user to whom the external id belongs, or ``None``.

    A user whom another program gave the id, and who is the only one with it, gets the claim now.
    Raises ``ExternalIdTaken`` when several have it, and ``ValidationError``.
    """
    user = _claimant(field, value)
    if user is None:
        found = list(User.objects(__raw__={field: value}).limit(2))
        if len(found) > 1:
            raise ExternalIdTaken
        if found:
            user = found[0]
            _claim(user, field, value)
    return user


def read_user_by_external_id(*, field: str, value: str) -> User | None:
    """Return the user to whom the external id belongs, without claiming it for a user."""
    query = {field: value}
    found = list(User.collection().find(query).limit(2))
    if len(found) > 1 and (claim := ExternalId.read(_id=ExternalId.key(field, value))):
        found = list(User.collection().find({"_id": claim["userId"], **query}))
    return User.from_stored(found[0]) if len(found) == 1 else None


def check_is_free(*, field: str, value: str) -> None:
    """Raise ``ExternalIdTaken`` where a user has the external id, and ``ValidationError``."""
    if _claimant(field, value) or User.collection().find_one({field: value}, {"_id": 1}):
        raise ExternalIdTaken


@atomic
def link_external_id(*, user_id: Any, field: str, value: str) -> User:
    """Give the user the external id; return the user. Nothing changes when it has it.

    Raises ``ExternalIdTaken`` when another user has it or the user has another one, which
    ``unlink_external_id`` takes away, ``UserNotFound`` and ``ValidationError``.
    """
    user = User(id=to_object_id(user_id))
    holder = find_user_by_external_id(field=field, value=value)
    if holder is not None:
        if holder.id != user.id:
            raise ExternalIdTaken
        return holder
    if not user.update_atomically({"$set": {field: value}}, **{field: {"$in": [None, "", value]}}):
        raise ExternalIdTaken
    _claim(user, field, value)
    return user


@atomic
def unlink_external_id(*, user_id: Any, field: str) -> User:
    """Take the external id in the field from the user; return the user.

    Raises ``UserNotFound`` and ``ValidationError``.
    """
    prefix = ExternalId.prefix(field)
    user = User(id=to_object_id(user_id))
    user.update_atomically({"$unset": {field: 1}})
    ExternalId.collection().delete_many({"userId": user.id, "_id": {"$regex": f"^{prefix}"}})
    return user


def _claimant(field: str, value: str) -> User | None:
    claims, key = ExternalId.collection(), ExternalId.key(field, value)
    claim = claims.find_one({"_id": key})
    if claim is None:
        return None
    user: User | None = User.objects(__raw__={"_id": claim["userId"], field: value}).first()
    if user is None:
        # The user is gone, or has another id by now.
        claims.delete_one({"_id": key, "userId": claim["userId"]})
    return user


def _claim(user: User, field: str, value: str) -> None:
    try:
        ExternalId(id=ExternalId.key(field, value), user_id=user.id).save()
    except AlreadyExists as error:
        if in_transaction():
            raise RetryTransaction("The external id was claimed meanwhile.") from error
        claimant = _claimant(field, value)
        if claimant is None or claimant.id != user.id:
            User.collection().update_one({"_id": user.id, field: value}, {"$unset": {field: 1}})
            raise ExternalIdTaken from error
