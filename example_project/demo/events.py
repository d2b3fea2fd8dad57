"""What the people of the demo did in the last 90 days: the same story on every run."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from chabad_auth_django.models import Activity, Analytics, User

ACTIVITIES = 12_000
ANALYTICS = 8_000

#: Documents that one insert sends.
BATCH = 1_000

APPS = ("cteen", "ckids", "jli", "my-shlichus")

#: Event type -> how often it happens.
ACTIVITY_TYPES = {
    "page_viewed": 60,
    "lesson_opened": 20,
    "lesson_completed": 10,
    "event_registered": 6,
    "profile_updated": 4,
}

#: Event name and category -> how often it happens.
ANALYTICS_EVENTS = {
    ("page_view", "engagement"): 50,
    ("video_played", "engagement"): 20,
    ("registration_completed", "conversion"): 12,
    ("donation_made", "conversion"): 4,
    ("request_failed", "error"): 6,
    ("theme_previewed", "custom"): 8,
}


@dataclass(frozen=True)
class History:
    """The events that were loaded, all of them before ``end``."""

    end: datetime
    activities: list[Activity]
    analytics: list[Analytics]


def load(users: Sequence[User], advance: Callable[[int], None]) -> History:
    """Store the events of the users; call ``advance`` with the size of each batch."""
    # Repeatable, not secret.
    chance = random.Random("demo")  # noqa: S311
    end = timezone.now().replace(microsecond=0)
    history = History(end, [], [])
    for model, make, stored, total in (
        (Activity, _activity, history.activities, ACTIVITIES),
        (Analytics, _analytics, history.analytics, ANALYTICS),
    ):
        while len(stored) < total:
            batch = [make(chance, users, end) for _ in range(min(BATCH, total - len(stored)))]
            model.objects.insert(batch)
            stored += batch
            advance(len(batch))
    return history


def _activity(chance: random.Random, users: Sequence[User], end: datetime) -> Activity:
    (event_type,) = chance.choices(list(ACTIVITY_TYPES), ACTIVITY_TYPES.values())
    return Activity(event_type=event_type, **_common(chance, users, end))


def _analytics(chance: random.Random, users: Sequence[User], end: datetime) -> Analytics:
    ((name, category),) = chance.choices(list(ANALYTICS_EVENTS), ANALYTICS_EVENTS.values())
    return Analytics(event_name=name, event_category=category, **_common(chance, users, end))


def _common(chance: random.Random, users: Sequence[User], end: datetime) -> dict[str, Any]:
    # An hour less than 90 days, so that the TTL index removes nothing during the demo.
    age = chance.uniform(1, timedelta(days=90, hours=-1).total_seconds())
    return {
        "user_id": chance.choice(users).id,
        "app_id": chance.choice(APPS),
        "session_id": f"session-{chance.randrange(5_000)}",
        "event_data": {"device": chance.choice(("phone", "tablet", "desktop"))},
        "timestamp": end - timedelta(seconds=age),
    }
