"""The works."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo.client_session import ClientSession
from rest_framework.renderers import JSONRenderer

from benchmarks.contestants.plain.documents import (
    Activity,
    Analytics,
    AppData,
    Preferences,
    Profile,
    User,
    client,
    now,
)
from benchmarks.contestants.plain.serializers import ActivitySerializer


def create_user(email: str, name: str) -> None:
    """Store a user, the profile and the preferences."""

    def save(session: ClientSession) -> None:
        with session.bind(end_session=False):
            user = User(email=email.strip().lower(), name=name, auth_methods=["google"]).save()
            Profile(user_id=user.id).save()
            Preferences(user_id=user.id).save()

    with client.start_session() as session:
        session.with_transaction(save)


def record_login(user_id: str, app_id: str, session_id: str) -> None:
    """Store what a sign-in leaves."""

    def save(session: ClientSession) -> None:
        with session.bind(end_session=False):
            user = User.objects.get(id=user_id)
            user.last_login = user.updated_at = now()
            user.save()
            event = {
                "user_id": user.id,
                "app_id": app_id,
                "session_id": session_id,
                "event_data": {"authMethod": "google"},
                "timestamp": user.last_login,
            }
            Activity(event_type="login", **event).save()
            Analytics(event_name="login", event_category="engagement", **event).save()

    with client.start_session() as session:
        session.with_transaction(save)


def insert_activities(user_id: Any, activities: list[Activity]) -> None:
    """Store activities, then take them back if the user is gone."""
    Activity.objects.insert(activities, load_bulk=False)
    if not User.objects(id=user_id).only("id").first():
        Activity.objects(id__in=[activity.id for activity in activities]).delete()
        raise User.DoesNotExist


def ingest(user_id: str, activities: list[dict[str, Any]]) -> int:
    """Store a batch of activities; return how many are new."""
    documents = [
        Activity(
            user_id=user_id,
            app_id=sent.get("appId"),
            session_id=sent.get("sessionId"),
            event_type=sent.get("eventType"),
            event_data=sent.get("eventData"),
            metadata=sent.get("metadata"),
            timestamp=datetime.fromisoformat(sent["timestamp"]),
        )
        for sent in activities
    ]
    insert_activities(user_id, documents)
    return len(documents)


def list_activities(user_id: str) -> bytes:
    """Return the newest 100 activities of a user."""
    found = Activity.objects(user_id=user_id).order_by("-timestamp").limit(100)
    rendered: bytes = JSONRenderer().render(ActivitySerializer(found, many=True).data)
    return rendered


def upsert_app_data(user_id: str, app_id: str, data_key: str, data_value: Any) -> int:
    """Store a value, whatever is there; return its version."""
    time = now()
    document = AppData.objects(user_id=user_id, app_id=app_id, data_key=data_key).modify(
        upsert=True,
        new=True,
        set__data_value=data_value,
        set__updated_at=time,
        set_on_insert__created_at=time,
        inc__version=1,
    )
    version: int = document.version
    return version


def update_app_data(
    user_id: str, app_id: str, data_key: str, data_value: Any, expected_version: int
) -> int:
    """Store a value in place of the version that is expected; return the new version."""
    version: int = replace_value(
        {"user_id": user_id, "app_id": app_id, "data_key": data_key}, data_value, expected_version
    ).version
    return version


def replace_value(key: dict[str, Any], data_value: Any, version: int) -> AppData:
    """Store a value in place of a version; return what is stored."""
    document: AppData | None = AppData.objects(**key, version=version).modify(
        new=True, set__data_value=data_value, set__updated_at=now(), inc__version=1
    )
    if document is None:
        raise AppData.DoesNotExist
    return document


def count_events(start: str, end: str) -> list[dict[str, Any]]:
    """Count analytics events by name."""
    return count(
        timestamp__gte=datetime.fromisoformat(start), timestamp__lt=datetime.fromisoformat(end)
    )


def count(**criteria: Any) -> list[dict[str, Any]]:
    """Count analytics events by name, the most frequent first."""
    return list(
        Analytics.objects(**criteria).aggregate(
            [
                {"$group": {"_id": "$eventName", "count": {"$sum": 1}}},
                {"$sort": {"count": -1, "_id": 1}},
                {"$project": {"_id": 0, "eventName": "$_id", "count": 1}},
            ]
        )
    )
