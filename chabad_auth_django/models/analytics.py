"""Analytics: categorised events to aggregate (specification: section 6)."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from chabad_auth_django.models.counting import EVENTS, count
from chabad_auth_django.models.event import Event
from chabad_auth_django.models.fields import NameField, TextField
from chabad_auth_django.models.owned import OwnedQuerySet
from chabad_auth_django.validators import validate_text

EVENT_CATEGORIES = ("engagement", "conversion", "error", "custom")


class Analytics(Event):
    """An event to be counted by name and category."""

    is_mongoose = True
    meta = {
        "collection": EVENTS,
        "indexes": [
            ["user_id"],
            ["event_name"],
            ["event_category"],
            ["timestamp"],
            ["user_id", "-timestamp"],
            ["event_category", "-timestamp"],
            ["event_name", "-timestamp"],
            ["app_id", "-timestamp"],
            ["session_id", "-timestamp"],
        ],
    }

    sharding = replace(
        Event.sharding,
        targeted="those of one user; counts of all users are made on every shard and added up",
    )

    event_name: str = NameField(db_field="eventName", required=True)
    event_category: str = TextField(
        db_field="eventCategory", required=True, choices=EVENT_CATEGORIES
    )

    @classmethod
    def create_analytics(cls, **fields: Any) -> Self:
        """Store an event; ``timestamp`` is now by default.

        Raises ``ValidationError``, and ``UserNotFound`` when the user was deleted.
        """
        return cls(**fields).save()

    @classmethod
    def find_by_event_name(cls, event_name: str, limit: int = 100) -> OwnedQuerySet:
        """Return up to ``limit`` events of the name, newest first."""
        return cls._newest(limit, event_name=validate_text(event_name))

    @classmethod
    def find_by_category(cls, event_category: str, limit: int = 100) -> OwnedQuerySet:
        """Return up to ``limit`` events of the category, newest first."""
        return cls._newest(limit, event_category=validate_text(event_category))

    @classmethod
    def get_event_counts(
        cls, start: datetime, end: datetime, user_id: Any = None
    ) -> list[dict[str, Any]]:
        """Count the events with ``start <= timestamp < end`` by name, the most frequent first.

        Returns ``[{"eventName": str, "count": int}]``, at most ``MAX_LIMIT`` of them. Raises
        ``EventsArchived`` where a day that is not whole is archived.
        """
        return count("eventName", "eventName", start, end, user_id)

    @classmethod
    def get_category_counts(
        cls, start: datetime, end: datetime, user_id: Any = None
    ) -> list[dict[str, Any]]:
        """Count the events with ``start <= timestamp < end`` by category, the most frequent first.

        Returns ``[{"category": str, "count": int}]``.
        """
        return count("eventCategory", "category", start, end, user_id)

    def add_event_data(self, key: str, value: Any) -> None:
        """Store the value under the key; raise ``ValidationError`` for an unsafe key or value."""
        self.merge_json("event_data", key, value)
