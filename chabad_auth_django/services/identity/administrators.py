"""Keeping the last administrator from being removed, demoted or blocked.

An administrator holds ``"*"``, directly or by a role, and is not blocked. Two demotions at once
could each rely on the other administrator. Therefore each change first writes to one shared
document, and then looks for other administrators. In transactions these writes conflict, and one
change runs again. Without transactions the shared document names the users who are about to be
removed or demoted. They do not count as administrators, so only the first of several changes
succeeds.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument

from chabad_auth_django.conf import conf
from chabad_auth_django.db.expressions import lookup
from chabad_auth_django.db.transactions import atomic, in_transaction, on_refusal
from chabad_auth_django.exceptions import LastAdministrator
from chabad_auth_django.models import Guard, User

EVERYTHING = "*"

#: Milliseconds after which a name is ignored: its process was killed, or its answer was lost.
LEASE = 60_000

_KEY = {"_id": "administrators"}

T = TypeVar("T")

#: The permissions that a user has after a change.
Left = Callable[[User], set[str]]


def nothing(user: User) -> set[str]:
    """Return the permissions of a user who is removed."""
    return set()


@atomic
def keep_one(*, user_id: ObjectId, left: Left, change: Callable[[], T]) -> T:
    """Run the change, after which the user has the permissions ``left``; return its result.

    Raises ``LastAdministrator`` where the change would leave none.
    """
    if in_transaction() and not _loses_everything(user_id, left):
        # A concurrent promotion changes the user, and so conflicts with this transaction.
        return change()
    entry = ObjectId()
    on_refusal(partial(_withdraw, entry))
    going = _announce(entry, user_id)
    check_one_stays(user_id=user_id, left=left, going=going)
    result = change()
    _withdraw(entry)
    return result


def check_one_stays(*, user_id: ObjectId, left: Left, going: tuple[ObjectId, ...] = ()) -> None:
    """Raise ``LastAdministrator`` if no administrator but those ``going`` would be left."""
    if not _loses_everything(user_id, left):
        return
    roles = [role for role, granted in conf.ROLE_PERMISSIONS.items() if EVERYTHING in granted]
    others = {
        "_id": {"$nin": [user_id, *going]},
        "$or": [{"permissions": EVERYTHING}, {"roles": {"$in": roles}}],
    }
    blocks = lookup("blocks", local="_id", foreign="userId")
    found = User.collection().aggregate([{"$match": others}, blocks, {"$match": {"blocks": []}}])
    # A document of another program may match and grant nothing.
    if not any(EVERYTHING in User.from_stored(row).effective_permissions() for row in found):
        raise LastAdministrator


def _loses_everything(user_id: ObjectId, left: Left) -> bool:
    user = User.find_by_id(user_id)
    return (
        user is not None
        and EVERYTHING in user.effective_permissions()
        and EVERYTHING not in left(user)
    )


def _announce(entry: ObjectId, user_id: ObjectId) -> tuple[ObjectId, ...]:
    """Name the user in the shared document; return all who are named there."""
    since = {"$subtract": ["$$NOW", LEASE]}
    live = {
        "$filter": {"input": {"$ifNull": ["$going", []]}, "cond": {"$gt": ["$$this.since", since]}}
    }
    new = {"id": entry, "userId": user_id, "since": "$$NOW"}
    document: Any = Guard.collection().find_one_and_update(
        _KEY,
        [{"$set": {"going": {"$concatArrays": [live, [new]]}}}],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return tuple(item["userId"] for item in document["going"])


def forget(*, user_id: ObjectId) -> None:
    """Take a deleted user out of the shared document, where a killed process has left it."""
    Guard.collection().update_one(_KEY, {"$pull": {"going": {"userId": user_id}}})


def _withdraw(entry: ObjectId) -> None:
    Guard.collection().update_one(_KEY, {"$pull": {"going": {"id": entry}}})
