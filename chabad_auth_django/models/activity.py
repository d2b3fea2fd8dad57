"""Activity: what users did, for 90 days (specification: section 4)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

from chabad_auth_django.conf import Conf, conf
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.event import Event
from chabad_auth_django.models.fields import JSONField, NameField, now
from chabad_auth_django.models.owned import OwnedQuerySet
from chabad_auth_django.validators import to_object_id, validate_text


class Activity(Event):
    """An event of a user, removed by the server ``ACTIVITY_RETENTION_DAYS`` after ``timestamp``."""

    is_mongoose = True
    meta = {
        "collection": "activities",
        "indexes": [
            ["user_id"],
            ["app_id"],
            # chabad_sync_indexes puts the configured retention here.
            {
                "fields": ["timestamp"],
                "expireAfterSeconds": Conf.ACTIVITY_RETENTION_DAYS.default * 86_400,
            },
            ["session_id"],
            ["user_id", "-timestamp"],
            ["app_id", "-timestamp"],
            ["session_id", "-timestamp"],
            ["event_type", "-timestamp"],
        ],
    }

    retention_setting = "ACTIVITY_RETENTION_DAYS"
    sharding = replace(
        Event.sharding,
        targeted="those of one user; by application, session or type they ask every shard; the "
        "TTL works",
    )

    event_type: str = NameField(db_field="eventType", required=True)
    metadata: dict[str, Any] | None = JSONField("METADATA_MAX_BYTES")

    @classmethod
    def create_activity(cls, **fields: Any) -> Self:
        """Store an event; ``timestamp`` is now by default.

        Raises ``ValidationError``, and ``UserNotFound`` when the user was deleted.
        """
        return cls(**fields).save()

    @classmethod
    def find_by_app_id(cls, app_id: str, limit: int = 100) -> OwnedQuerySet:
        """Return up to ``limit`` events of the application, newest first."""
        return cls._newest(limit, app_id=validate_text(app_id))

    @classmethod
    def find_by_session_id(cls, session_id: str, limit: int = 100) -> OwnedQuerySet:
        """Return up to ``limit`` events of the session, newest first."""
        return cls._newest(limit, session_id=validate_text(session_id))

    @classmethod
    def find_by_event_type(cls, event_type: str, limit: int = 100) -> OwnedQuerySet:
        """Return up to ``limit`` events of the type, newest first."""
        return cls._newest(limit, event_type=validate_text(event_type))

    @classmethod
    def get_recent_activity(
        cls, user_id: Any, hours: float = 24, limit: int = 100
    ) -> OwnedQuerySet:
        """Return up to ``limit`` events of the user's last ``hours``, newest first."""
        if isinstance(hours, bool) or not isinstance(hours, (int, float)) or not 0 < hours < 1e6:
            raise ValidationError("The hours are a positive number.")
        start = now() - timedelta(hours=hours)
        return cls._newest(limit, start, user_id=to_object_id(user_id))

    @classmethod
    def oldest(cls) -> datetime:
        """Return the time before which the server removes events.

        It does so once a minute; until then readers hide what is overdue.
        """
        return now() - timedelta(days=conf.ACTIVITY_RETENTION_DAYS)

    def add_metadata(self, key: str, value: Any) -> None:
        """Store the value under the key; raise ``ValidationError`` for an unsafe key or value."""
        self.merge_json("metadata", key, value)
