"""Sessions and their rotating refresh tokens.

A refresh token has the session's id, a secret of its family and a secret of its own. It can be used
once: it is exchanged for its successor. But an answer may be lost, and two tabs may refresh at the
same time. So the last exchanged token gives the same successor again, for
``CHABAD_AUTH["REFRESH_GRACE_SECONDS"]`` and until that successor is exchanged. The successor is
derived from the old secret with a key of the server, so it is not stored. Any other old token was
copied, and either copy may be the thief's: the session ends.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pymongo import ReturnDocument

from chabad_auth_django import journal
from chabad_auth_django.conf import conf
from chabad_auth_django.db.expressions import lookup
from chabad_auth_django.db.pages import Page, PageQuery, Position
from chabad_auth_django.db.transactions import atomic, on_commit
from chabad_auth_django.exceptions import InvalidToken, NotFound, ValidationError
from chabad_auth_django.models import Session
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.session import USER_AGENT_MAX_LENGTH, VOUCHED
from chabad_auth_django.services.identity import audit, search
from chabad_auth_django.services.signing_in import tokens
from chabad_auth_django.validators import to_object_id, validate_text

#: So many sessions are deleted in one transaction; more would take longer than it may.
MAX_TOGETHER = 10_000


def open_session(
    *,
    user_id: Any,
    auth_method: str,
    opened_by: str = VOUCHED,
    fills: str | None = None,
    host_hash: str | None = None,
    user_agent: str | None = None,
    cookie_until: datetime | None = None,
    check_users: bool = True,
) -> tuple[Session, str]:
    """Store a session of the user; return it and its first refresh token.

    ``opened_by``, ``fills`` and ``host_hash`` are those of ``Session``. With ``cookie_until`` the
    session ends at that time, and the second value is the secret of a cookie, which is not
    exchanged. ``check_users`` is that of ``insert_documents``.

    Raises ``UserNotFound`` and ``ValidationError``.
    """
    family, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    time = now()
    session = Session(
        user_id=user_id,
        family_hash=_hash(family),
        token_hash=_hash(secret) if cookie_until is None else _cookie_hash(secret),
        auth_method=auth_method,
        opened_by=opened_by,
        fills=fills,
        host_hash=host_hash,
        user_agent=_clean(user_agent),
        created_at=time,
        last_used_at=time,
        expires_at=cookie_until or _expiry(time),
    )
    Session.insert_documents([session], check_users=check_users)
    return session, f"{session.id}.{family}.{secret}"


def read_session(*, refresh_token: object) -> dict[str, Any]:
    """Return the stored session of a refresh token with lists of its ``users`` and ``blocks``.

    One command reads all. Raises ``InvalidToken`` where there is no such session, or where its
    family is another one.
    """
    session_id, family, _ = _parse(refresh_token)
    found = Session.collection().aggregate(
        [
            {"$match": {"_id": session_id, "familyHash": _hash(family)}},
            lookup("users", local="userId", foreign="_id"),
            lookup("blocks", local="userId", foreign="userId"),
        ]
    )
    stored = next(iter(found), None)
    if stored is None:
        raise InvalidToken
    return stored


def read_cookie_session(*, secret: object) -> dict[str, Any]:
    """Return the stored session of a cookie's secret, as ``read_session`` does."""
    stored = read_session(refresh_token=secret)
    if stored["tokenHash"] != _cookie_hash(_parse(secret)[2]):
        raise InvalidToken
    return stored


def rotate_session(*, refresh_token: object) -> tuple[Session, str]:
    """Exchange a refresh token; return its session and the next refresh token.

    Raises ``InvalidToken``; when the token was exchanged before, and does not give its successor
    again, the session is deleted. Do not call it in a transaction: a rollback would undo that.
    """
    session_id, family, secret = _parse(refresh_token)
    time = now()
    key = {"_id": session_id, "familyHash": _hash(family)}
    next_secret = _successor(session_id, secret, tokens.signing_keys()[0])
    stored = Session.collection().find_one_and_update(
        {**key, "tokenHash": _hash(secret), "expiresAt": {"$gt": time}, "endedAt": None},
        {
            "$set": {
                "tokenHash": _hash(next_secret),
                "previousHash": _hash(secret),
                "exchangedAt": time,
                "lastUsedAt": time,
                "expiresAt": _expiry(time),
            }
        },
        return_document=ReturnDocument.AFTER,
    )
    if stored is None:
        stored = Session.read(**key)
        if stored is None:
            raise InvalidToken
        next_secret = _given_again(stored, secret)
    return Session.from_stored(stored), f"{session_id}.{family}.{next_secret}"


def _given_again(stored: Mapping[str, Any], secret: str) -> str:
    """Return the successor again for the last exchanged token; after its grace end the session."""
    if stored.get("endedAt") is not None or stored["expiresAt"] <= now():
        raise InvalidToken
    grace = timedelta(seconds=conf.REFRESH_GRACE_SECONDS)
    if stored.get("previousHash") == _hash(secret) and now() < stored["exchangedAt"] + grace:
        for key in tokens.signing_keys():
            successor = _successor(stored["_id"], secret, key)
            if _hash(successor) == stored["tokenHash"]:
                return successor
    audit.record(action="session.revoke", user_id=stored["userId"], session=stored["_id"])
    Session.collection().delete_one({"_id": stored["_id"], "familyHash": stored["familyHash"]})
    journal.tell(
        journal.SECURITY,
        "refresh_token_reused",
        "An old refresh token of user {user} was used again: session {session} has ended",
        user=stored["userId"],
        session=stored["_id"],
    )
    raise InvalidToken


def list_all_sessions(
    *,
    limit: int = 100,
    position: Position | None = None,
    user_id: Any = None,
    auth_method: str | None = None,
    used_since: datetime | None = None,
) -> Page:
    """Return a page of the sessions that have not ended, the last opened first.

    They match every criterion given. Raises ``TooSlow``.
    """
    query: dict[str, Any] = {"expiresAt": {"$gt": now()}, "endedAt": None}
    if user_id is not None:
        query["userId"] = to_object_id(user_id)
    if auth_method is not None:
        query["authMethod"] = validate_text(auth_method)
    if used_since is not None:
        query["lastUsedAt"] = {"$gte": used_since}
    with search.time_limit():
        return PageQuery(
            Session.collection(),
            query,
            field="_id",
            descending=True,
            limit=limit,
            position=position,
            owner=None if user_id is None else "userId",
        ).fetch()


def count_sessions(*, user_id: Any) -> int:
    """Return how many sessions of the user are stored."""
    return Session.collection().count_documents({"userId": to_object_id(user_id)})


@atomic
def revoke_session(*, user_id: Any, session_id: Any) -> None:
    """End a session of the user; raise ``NotFound`` when the user has none with this id."""
    key = {"_id": to_object_id(session_id), "userId": to_object_id(user_id)}
    audit.record(action="session.revoke", user_id=key["userId"], session=key["_id"])
    if not Session.collection().delete_one(key).deleted_count:
        raise NotFound("The session does not exist.")


@atomic
def revoke_all_sessions(*, user_id: Any, keep: Any = None) -> int:
    """End the user's sessions, but for the one whose id is ``keep``; return how many."""
    query: dict[str, Any] = {"userId": to_object_id(user_id)}
    if keep is not None:
        query["_id"] = {"$ne": to_object_id(keep)}
    count = Session.collection().count_documents(query)
    if count:
        audit.record(action="session.revoke", user_id=query["userId"])
        delete = partial(Session.collection().delete_many, query)
        if count <= MAX_TOGETHER:
            delete()
        else:
            on_commit(delete, robust=False)
    return count


def keep_host_session(*, session_id: Any, opened_by: str, host_hash: str | None) -> None:
    """Keep the session of an account whose password, and with it the session hash, changed."""
    key = {"_id": to_object_id(session_id), "openedBy": opened_by}
    Session.collection().update_one(key, {"$set": {"hostHash": host_hash}})


def _hash(secret: str) -> str:
    # 256 random bits need no slow hash. A look-up by a hash does not leak the secret by its time.
    return hashlib.sha256(secret.encode()).hexdigest()


def _cookie_hash(secret: str) -> str:
    # Another hash, so that a cookie is not accepted as a refresh token, nor the reverse.
    return _hash(f"cookie {secret}")


def _successor(session_id: Any, secret: str, key: bytes) -> str:
    return hmac.new(key, f"refresh {session_id} {secret}".encode(), "sha256").hexdigest()


def _parse(refresh_token: object) -> tuple[Any, str, str]:
    if not isinstance(refresh_token, str) or len(refresh_token) > conf.TOKEN_MAX_BYTES:
        raise InvalidToken
    if not refresh_token.isascii() or refresh_token.count(".") != 2:
        raise InvalidToken
    session_id, family, secret = refresh_token.split(".")
    try:
        return to_object_id(session_id), family, secret
    except ValidationError:
        raise InvalidToken from None


def _expiry(time: datetime) -> datetime:
    return time + timedelta(seconds=conf.REFRESH_TOKEN_SECONDS)


def _clean(user_agent: str | None) -> str | None:
    if not user_agent:
        return None
    return user_agent.encode(errors="replace").decode()[:USER_AGENT_MAX_LENGTH]
