"""What Activity and Analytics have in common: time, application and session."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import DateTimeField, JSONField, NameField, now, to_utc
from chabad_auth_django.models.owned import OwnedDocument, OwnedQuerySet
from chabad_auth_django.models.queryset import bounded
from chabad_auth_django.models.registry import Sharding
from chabad_auth_django.validators import to_object_id

#: The shard key of a collection of events.
USER_KEY = {"userId": "hashed", "timestamp": 1}

#: How far a client's clock may be ahead; a later event would never expire.
CLOCK_SKEW = timedelta(minutes=5)


class Event(OwnedDocument):
    """Something that happened to a user at ``timestamp``."""

    meta = {"abstract": True}

    sharding = Sharding(
        key=USER_KEY,
        reason="the hash spreads the users evenly; the timestamp lets a chunk of one busy user be "
        "split",
        unique="_id of each shard only; it is random",
        targeted="those of one user",
    )

    app_id: str | None = NameField(db_field="appId")
    session_id: str | None = NameField(db_field="sessionId")
    event_data: dict[str, Any] | None = JSONField("EVENT_DATA_MAX_BYTES", db_field="eventData")
    timestamp: datetime = DateTimeField(required=True)

    @classmethod
    def _prepare(cls, documents: Sequence[Self]) -> None:
        for document in documents:
            if document.app_id is None:
                document.app_id = conf.DEFAULT_APP_ID
        super()._prepare(documents)

    @classmethod
    def find_by_user_id(cls, user_id: Any, limit: int = 100) -> OwnedQuerySet:
        """Return up to ``limit`` events of the user, newest first."""
        return cls._newest(limit, user_id=to_object_id(user_id))

    @classmethod
    def find_by_date_range(
        cls, start: datetime, end: datetime, user_id: Any = None, limit: int = 100
    ) -> OwnedQuerySet:
        """Return up to ``limit`` events with ``start <= timestamp < end``, newest first."""
        query = {} if user_id is None else {"user_id": to_object_id(user_id)}
        return cls._newest(limit, start, end, **query)

    @classmethod
    def oldest(cls) -> datetime:
        """Return the time before which events are expired; by default no event expires."""
        return datetime.min.replace(tzinfo=UTC)

    @classmethod
    def _newest(
        cls, limit: int, start: datetime | None = None, end: datetime | None = None, **query: Any
    ) -> OwnedQuerySet:
        oldest = cls.oldest()
        query["timestamp__gte"] = oldest if start is None else max(utc_argument(start), oldest)
        if end is not None:
            query["timestamp__lt"] = utc_argument(end)
        return cls.objects(**query).order_by("-timestamp").limit(bounded(limit))

    def clean(self) -> None:
        """Refuse a timestamp further in the future than ``CLOCK_SKEW``."""
        changed = self.is_new or "timestamp" in self.changes
        if changed and isinstance(self.timestamp, datetime) and self.timestamp > now() + CLOCK_SKEW:
            raise ValidationError(errors={"timestamp": "The time is in the future."})


def utc_argument(value: Any) -> datetime:
    """Return a datetime argument in UTC; raise ``ValidationError`` for another type."""
    if not isinstance(value, datetime):
        raise ValidationError("Expected a datetime.")
    return to_utc(value)
