"""Session: a device on which a user is signed in."""

from __future__ import annotations

from datetime import datetime

from chabad_auth_django.models.fields import AuthMethodField, DateTimeField, TextField
from chabad_auth_django.models.owned import OwnedDocument

USER_AGENT_MAX_LENGTH = 256


class Session(OwnedDocument):
    """A family of refresh tokens, of which the last one is good. Secrets are stored hashed.

    ``family_hash`` is of the part that all tokens of the family share: it tells an old token
    from a guess by somebody who only knows the session's id.
    """

    meta = {
        "collection": "sessions",
        "indexes": [["user_id"], {"fields": ["expires_at"], "expireAfterSeconds": 0}],
    }

    family_hash: str = TextField(db_field="familyHash", required=True)
    token_hash: str = TextField(db_field="tokenHash", required=True)
    auth_method: str = AuthMethodField(db_field="authMethod", required=True)
    user_agent: str | None = TextField(db_field="userAgent", max_length=USER_AGENT_MAX_LENGTH)
    created_at: datetime = DateTimeField(db_field="createdAt")
    last_used_at: datetime = DateTimeField(db_field="lastUsedAt", required=True)
    expires_at: datetime = DateTimeField(db_field="expiresAt", required=True)
