"""The project, called as a host project calls it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bson import ObjectId
from django.conf import settings

from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.models import Activity, AppData, User
from chabad_auth_django.services.analytics import counts, rollups
from chabad_auth_django.services.data import events
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.signing_in import flows, sessions, tokens


def deploy() -> None:
    """Create the indexes."""
    indexes.create()


def roll_up() -> int:
    """Count the days that are over, as cron does; return how many were counted."""
    return len(list(rollups.run()))


def create_user(email: str, name: str) -> None:
    """Store a user, the profile and the preferences."""
    User.create_user(email=email, name=name, auth_methods=["google"])


def record_login(user_id: str, app_id: str, session_id: str) -> None:
    """Store what a sign-in leaves."""
    flows.record_login(user_id=user_id, app_id=app_id, session_id=session_id, auth_method="google")


def ingest(user_id: str, activities: list[dict[str, Any]]) -> int:
    """Store a batch of activities; return how many are new."""
    return events.ingest(model=Activity, user_id=ObjectId(user_id), events=activities).accepted


def list_activities(user_id: str) -> bytes:
    """Return the newest 100 activities of a user."""
    page = events.list_events(model=Activity, userId=ObjectId(user_id)).fetch()
    return to_json([shapes.activity(row) for row in page.rows])


def upsert_app_data(user_id: str, app_id: str, data_key: str, data_value: Any) -> int:
    """Store a value, whatever is there; return its version."""
    return AppData.upsert_app_data(user_id, app_id, data_key, data_value).version


def update_app_data(
    user_id: str, app_id: str, data_key: str, data_value: Any, expected_version: int
) -> int:
    """Store a value in place of the version that is expected; return the new version."""
    return AppData.update_app_data(
        user_id, app_id, data_key, data_value, expected_version=expected_version
    ).version


def count_events(start: str, end: str) -> list[dict[str, Any]]:
    """Count analytics events by name."""
    return counts.get_event_counts(
        start=datetime.fromisoformat(start), end=datetime.fromisoformat(end)
    )


def issue_token(user_id: str) -> str:
    """Return an access token of a user."""
    session, _ = sessions.open_session(user_id=user_id, auth_method="google")
    return tokens.issue_access_token(user_id=ObjectId(user_id), session_id=session.id)


def middleware() -> list[str]:
    """Return the middleware that serves the requests."""
    return list(settings.MIDDLEWARE)
