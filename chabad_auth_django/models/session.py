"""Session: a device on which a user is signed in."""

from datetime import datetime
from typing import Any, Self

from chabad_auth_django.models.fields import AuthMethodField, DateTimeField, TextField, now
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.queryset import MAX_LIMIT
from chabad_auth_django.models.registry import ID_KEY, Sharding
from chabad_auth_django.validators import to_object_id

USER_AGENT_MAX_LENGTH = 256

#: ``opened_by`` of a session that no account opened, but code of the project.
VOUCHED = "vouched"


class Session(OwnedDocument):
    """A family of refresh tokens, of which only the last is valid. Secrets are stored as hashes.

    ``family_hash`` is of the part that all tokens of the family share: it tells an old token
    from a guess by somebody who only knows the session's id. ``previous_hash`` is of the token
    that was exchanged last, at ``exchanged_at``.

    ``opened_by`` is the ``_id`` of the ``ExternalId`` that opened the session, or ``VOUCHED``. The
    session counts only while the user has what that claim ``fills``. One that an account of a
    Django host opened keeps ``host_hash``, the session hash that the account had then: it changes
    with the password.

    A blocked user's sessions have ``ended_at``; those that end otherwise are deleted.
    """

    meta = {
        "collection": "sessions",
        "indexes": [["user_id"], {"fields": ["expires_at"], "expireAfterSeconds": 0}],
    }

    exported = False
    sharding = Sharding(
        key=ID_KEY,
        reason="a refresh token names the session's _id",
        unique="_id",
        targeted="a refresh; listing and revoking those of a user ask every shard",
    )

    family_hash: str = TextField(db_field="familyHash", required=True)
    token_hash: str = TextField(db_field="tokenHash", required=True)
    previous_hash: str | None = TextField(db_field="previousHash")
    exchanged_at: datetime | None = DateTimeField(db_field="exchangedAt")
    auth_method: str = AuthMethodField(db_field="authMethod", required=True)
    opened_by: str = TextField(db_field="openedBy", required=True)
    fills: str | None = TextField()
    host_hash: str | None = TextField(db_field="hostHash")
    user_agent: str | None = TextField(db_field="userAgent", max_length=USER_AGENT_MAX_LENGTH)
    created_at: datetime = DateTimeField(db_field="createdAt")
    last_used_at: datetime = DateTimeField(db_field="lastUsedAt", required=True)
    expires_at: datetime = DateTimeField(db_field="expiresAt", required=True)
    ended_at: datetime | None = DateTimeField(db_field="endedAt")

    @classmethod
    def find_live(cls, user_id: Any) -> list[Self]:
        """Return the user's sessions that have not ended, the last used first."""
        # The server removes what has expired once a minute; until then it is not shown.
        live = cls.objects(user_id=to_object_id(user_id), expires_at__gt=now(), ended_at=None)
        return list(live.order_by("-last_used_at").limit(MAX_LIMIT))
