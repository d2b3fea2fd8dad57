"""Blocking users: a blocked user can neither sign in nor use a session or token."""

from functools import partial
from typing import Any

from bson import ObjectId

from chabad_auth_django.db.transactions import atomic, on_commit, retry_transaction
from chabad_auth_django.exceptions import AlreadyExists, NotFound, PermissionDenied, UserNotFound
from chabad_auth_django.models import Block, Session, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.identity import administrators, audit


@atomic
def block_user(
    *, user_id: ObjectId, reason: str, text: str | None = None, blocked_by: ObjectId | None = None
) -> tuple[Block, bool]:
    """Block the user and end all sessions; return the block and whether it is new.

    A user who is blocked already gets the new reason and text. Raises ``PermissionDenied`` for
    oneself, ``LastAdministrator``, ``UserNotFound`` and ``ValidationError``.
    """
    if blocked_by == user_id:
        raise PermissionDenied("You cannot block yourself.")
    block = Block(user_id=user_id, reason=reason, text=text, blocked_by=blocked_by)
    block.created_at = now()
    block.validate()
    if User.read(_id=user_id) is None:
        raise UserNotFound
    entry = audit.record(action="user.block", user_id=user_id)

    def store() -> bool:
        changes = {"reason": reason, "text": text, "blockedBy": blocked_by}
        updated = Block.collection().update_one({"userId": user_id}, {"$set": changes})
        is_new = not updated.matched_count and _insert(block)
        if not (is_new or updated.modified_count or Session.read(**_open_sessions(user_id))):
            entry.withdraw()
        return is_new

    is_new = administrators.keep_one(user_id=user_id, left=administrators.nothing, change=store)
    # Not in the transaction: who has opened hundreds of thousands could not be blocked.
    on_commit(partial(_end_sessions, user_id))
    return find_block(user_id=user_id), is_new


@atomic
def unblock_user(*, user_id: ObjectId) -> None:
    """Let the user sign in again; the sessions stay ended. Raises ``NotFound``."""
    audit.record(action="user.unblock", user_id=user_id)
    if not Block.collection().delete_one({"userId": user_id}).deleted_count:
        raise NotFound("The user is not blocked.")
    # A sign-in may have opened one while the block was stored.
    _end_sessions(user_id)


def _end_sessions(user_id: ObjectId) -> None:
    # They are kept, so that a valid token is answered with "blocked" and not with "invalid".
    Session.collection().update_many(_open_sessions(user_id), {"$set": {"endedAt": now()}})


def _open_sessions(user_id: ObjectId) -> dict[str, Any]:
    return {"userId": user_id, "endedAt": None}


def find_block(*, user_id: Any) -> Block:
    """Return the block of the user; raise ``NotFound`` where there is none."""
    stored = Block.read(userId=user_id)
    if stored is None:
        raise NotFound("The user is not blocked.")
    return Block.from_stored(stored)


def _insert(block: Block) -> bool:
    try:
        block.save()
    except AlreadyExists as error:
        retry_transaction(error)
        return False
    return True
