"""The owner of an external id: at most one user, even if several writes race.

A user has an external id when its field (``valuUserId`` or ``merkosUserId``) and the claim
(``ExternalId``) say so. Whatever writes a user first claims the values that its fields will have
(``claim_fields``). Without transactions such a claim is pending until the field is written, and
counts for ``PENDING_SECONDS``. Linking writes the field first: a crash in between leaves a field
without a claim, which is adopted like one that another program set.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from bson import ObjectId

from chabad_auth_django.db import connection
from chabad_auth_django.db.transactions import atomic, on_commit, on_incomplete, retry_transaction
from chabad_auth_django.exceptions import AlreadyExists, ExternalIdTaken, ValidationError
from chabad_auth_django.models import ExternalId, User
from chabad_auth_django.models.external_id import EXTERNAL_ID_FIELDS
from chabad_auth_django.models.fields import now
from chabad_auth_django.texts import is_text
from chabad_auth_django.validators import to_object_id

#: Seconds for which a claim counts whose user does not have the external id yet.
PENDING_SECONDS = 60


class FieldValue(NamedTuple):
    """What a field of a user holds or is about to hold."""

    user_id: ObjectId
    field: str
    value: str

    @property
    def key(self) -> str:
        """The ``_id`` of the claim."""
        return ExternalId.key(self.field, self.value)


def fields_of(*, stored: Mapping[str, Any]) -> list[FieldValue]:
    """Return the external ids of a user, given as it is stored; leave out what cannot be one."""
    found = []
    for field in EXTERNAL_ID_FIELDS:
        value: Any = stored.get(field)
        with suppress(ValidationError):
            ExternalId.key(field, value)
            found.append(FieldValue(stored["_id"], field, value))
    return found


def check_fields_are_free(*, items: Sequence[FieldValue]) -> None:
    """Raise ``ExternalIdTaken`` where another user has one of the external ids."""
    owners = {item.key: item.user_id for item in items}
    if len({(item.key, item.user_id) for item in items}) > len(owners):
        raise ExternalIdTaken
    for field in EXTERNAL_ID_FIELDS:
        values = [item.value for item in items if item.field == field]
        query = {field: {"$in": values}}
        for row in User.collection().find(query, {field: 1}) if values else ():
            value = row[field]
            if all(_is_other(value, wanted) for wanted in values):
                continue
            if not isinstance(value, str) or owners[ExternalId.key(field, value)] != row["_id"]:
                raise ExternalIdTaken


def claim_fields(*, items: Sequence[FieldValue]) -> None:
    """Claim external ids for users who are stored with them next, or get them next.

    Raises ``ExternalIdTaken`` where another user has one of them.
    """
    if not items:
        return
    owners = {item.key: item.user_id for item in items}
    claims = ExternalId.collection()
    found = list(claims.find({"_id": {"$in": list(owners)}}))
    # After the claims: one that is no longer pending is stale only if no user has the id by then.
    check_fields_are_free(items=items)
    for claim in found:
        if claim["userId"] == owners[claim["_id"]]:
            del owners[claim["_id"]]
        elif _is_pending(claim):
            raise ExternalIdTaken
        else:
            # Its user was deleted, or has another id.
            claims.delete_one({"_id": claim["_id"], "userId": claim["userId"]})
    time = now()
    rows = [{"_id": key, "userId": owners[key], "createdAt": time} for key in owners]
    if not connection.supports_transactions():
        rows = [{**row, "pendingSince": time} for row in rows]
        mine = {"_id": {"$in": list(owners)}, "userId": {"$in": list(owners.values())}}
        on_incomplete(lambda error: claims.delete_many(mine))
        on_commit(partial(claims.update_many, mine, {"$unset": {"pendingSince": 1}}))
    try:
        ExternalId.insert_rows(rows, check_users=False)
    except AlreadyExists as error:
        retry_transaction(error)
        raise ExternalIdTaken from error


def change_fields(
    *, user_ids: Sequence[ObjectId], values: Mapping[str, str | None], **kwargs: Any
) -> None:
    """Claim the new external ids, by field, of stored users, and free what they had.

    Receives ``pre_external_ids_change``. Raises ``ExternalIdTaken`` where another user has one of
    them.
    """
    items = [
        FieldValue(user_id, field, value)
        for field, value in values.items()
        for user_id in user_ids
        if value is not None
    ]
    claim_fields(items=items)
    kept = [item.key for item in items]
    for field in values:
        mine = {"$regex": f"^{ExternalId.prefix(field)}", "$nin": kept}
        ExternalId.collection().delete_many({"userId": {"$in": list(user_ids)}, "_id": mine})


@atomic
def find_user_by_external_id(*, field: str, value: str) -> User | None:
    """Return the user to whom the external id belongs, or ``None``.

    A user whom another program gave the id, and who is the only one with it, gets the claim now.
    Raises ``ExternalIdTaken`` when several have it, and ``ValidationError``.
    """
    user = _claimant(field, value)
    if user is None:
        rows = User.collection().find({field: value}).limit(10)
        found = [
            User.from_stored(row)
            for row in rows
            if isinstance(row["_id"], ObjectId) and not _is_other(row[field], value)
        ]
        if len(found) > 1:
            raise ExternalIdTaken
        if found:
            user = found[0]
            _claim(user, field, value)
    return user


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
    if user is None and not _is_pending(claim):
        # The user was deleted, or has another id.
        claims.delete_one({"_id": key, "userId": claim["userId"]})
    return user


def _is_other(stored: Any, value: str) -> bool:
    """Tell whether it is another id, which the collation of the collection takes for the same."""
    return is_text(stored) and stored != value


def _is_pending(claim: Mapping[str, Any]) -> bool:
    since = claim.get("pendingSince")
    return since is not None and now() - since < timedelta(seconds=PENDING_SECONDS)


def _claim(user: User, field: str, value: str) -> None:
    try:
        ExternalId(id=ExternalId.key(field, value), user_id=user.id).save()
    except AlreadyExists as error:
        retry_transaction(error)
        claimant = _claimant(field, value)
        if claimant is None or claimant.id != user.id:
            User.collection().update_one({"_id": user.id, field: value}, {"$unset": {field: 1}})
            raise ExternalIdTaken from error
