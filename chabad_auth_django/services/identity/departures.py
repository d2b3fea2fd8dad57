"""Accounts at issuers that were unlinked, or whose users were deleted, within a day.

A client may still hold a token from before, which must not count.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne

from chabad_auth_django.models import DepartedIdentity, ExternalId
from chabad_auth_django.models.external_id import ISSUER
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity.identity import Identity


def remember_users(*, user_ids: Sequence[ObjectId]) -> None:
    """Keep for a day which accounts at issuers the users had, whom the caller is deleting."""
    claims = ExternalId.collection().find({"userId": {"$in": list(user_ids)}}, {"_id": 1})
    remember(keys=[claim["_id"] for claim in claims])


def purge_claims(*, user_id: ObjectId, ids: Sequence[Any] | None) -> int:
    """Delete a batch of the claims of a deleted user and remember them; return how many.

    A crash without transactions leaves them to the purge.
    """
    remember_users(user_ids=[user_id])
    claims = ExternalId.collection()
    return claims.delete_many(ExternalId.owned_ids(user_id, ids)).deleted_count


def remember(*, keys: Sequence[str]) -> None:
    """Keep for a day that the issuers' accounts among these claims are nobody's from now on."""
    update = {"$set": {"departedAt": now()}}
    updates = [
        UpdateOne({"_id": DepartedIdentity.keys(key)[0]}, update, upsert=True)
        for key in keys
        if ExternalId.parse_account_key(key)[0] == ISSUER
    ]
    if updates:
        DepartedIdentity.collection().bulk_write(updates)


def vouches_for_a_new_user(*, identity: Identity) -> bool:
    """Tell whether the issuer's token is younger than every deletion of a user of the account."""
    # A deletion is remembered for this long. An older token may be from before one.
    oldest = now() - timedelta(seconds=DepartedIdentity.LIFETIME)
    if identity.issued_at is None or identity.issued_at < oldest:
        return False
    return not has_departed_since(identity=identity)


def has_departed_since(*, identity: Identity) -> bool:
    """Tell whether the account was unlinked, or its user deleted, after it was vouched for."""
    since = {} if identity.issued_at is None else {"departedAt": {"$gte": identity.issued_at}}
    keys = {"$in": DepartedIdentity.keys(identity.key)}
    return DepartedIdentity.read(_id=keys, **since) is not None
