"""Sessions and their rotating refresh tokens.

A refresh token is the session's id, a secret of its family and 256 random bits of its own. Each is
good once: it is exchanged for the next one. An old one that turns up again was copied, and nobody
can tell whose copy is the thief's: the session ends.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import InvalidToken, NotFound, ValidationError
from chabad_auth_django.models import Session
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.queryset import MAX_LIMIT
from chabad_auth_django.models.session import USER_AGENT_MAX_LENGTH
from chabad_auth_django.validators import to_object_id


def open_session(
    *, user_id: Any, auth_method: str, user_agent: str | None = None
) -> tuple[Session, str]:
    """Store a session of the user; return it and its first refresh token.

    Raises ``UserNotFound`` and ``ValidationError``.
    """
    family, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    time = now()
    session = Session(
        user_id=user_id,
        family_hash=_hash(family),
        token_hash=_hash(secret),
        auth_method=auth_method,
        user_agent=_clean(user_agent),
        created_at=time,
        last_used_at=time,
        expires_at=_expiry(time),
    ).save()
    return session, f"{session.id}.{family}.{secret}"


def rotate_session(*, refresh_token: object) -> tuple[Session, str]:
    """Exchange a refresh token; return its session and the next refresh token.

    Raises ``InvalidToken``; when the token was exchanged before, the session is revoked. Not to
    be called in a transaction: its rollback would undo that.
    """
    session_id, family, secret = _parse(refresh_token)
    next_secret = secrets.token_urlsafe(32)
    time = now()
    key = {"_id": session_id, "familyHash": _hash(family)}
    stored = Session.collection().find_one_and_update(
        {**key, "tokenHash": _hash(secret), "expiresAt": {"$gt": time}},
        {
            "$set": {
                "tokenHash": _hash(next_secret),
                "lastUsedAt": time,
                "expiresAt": _expiry(time),
            }
        },
        return_document=ReturnDocument.AFTER,
    )
    if stored is None:
        Session.collection().delete_one(key)
        raise InvalidToken
    return Session._from_son(stored), f"{session_id}.{family}.{next_secret}"


def list_sessions(*, user_id: Any) -> list[Session]:
    """Return the user's sessions that have not expired, the last used first."""
    # The server removes what has expired once a minute; until then it is not shown.
    live = Session.objects(user_id=to_object_id(user_id), expires_at__gt=now())
    return list(live.order_by("-last_used_at").limit(MAX_LIMIT))


def count_sessions(*, user_id: Any) -> int:
    """Return how many sessions of the user are stored."""
    return Session.collection().count_documents({"userId": to_object_id(user_id)})


def revoke_session(*, user_id: Any, session_id: Any) -> None:
    """End a session of the user; raise ``NotFound`` when the user has none with this id."""
    key = {"_id": to_object_id(session_id), "userId": to_object_id(user_id)}
    if not Session.collection().delete_one(key).deleted_count:
        raise NotFound("The session does not exist.")


def revoke_all_sessions(*, user_id: Any, keep: Any = None) -> int:
    """End the user's sessions, but for the one whose id is ``keep``; return how many."""
    query: dict[str, Any] = {"userId": to_object_id(user_id)}
    if keep is not None:
        query["_id"] = {"$ne": to_object_id(keep)}
    return int(Session.collection().delete_many(query).deleted_count)


def _hash(secret: str) -> str:
    # 256 random bits take no slow hash; looking a hash up tells no time about the secret.
    return hashlib.sha256(secret.encode()).hexdigest()


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
