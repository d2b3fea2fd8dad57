"""The Documents."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    DynamicField,
    EmailField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
    URLField,
    connect,
)

# Writes wait for the majority by the server's default: asked for here, it fails in transactions.
client = connect(host=os.environ["MONGODB_URI"], uuidRepresentation="standard")

NAME = {"max_length": 255}


def now() -> datetime:
    """Return the time, with the milliseconds that MongoDB keeps."""
    time = datetime.now(UTC).replace(tzinfo=None)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


class User(Document):
    """A user."""

    meta = {"collection": "users", "auto_create_index": False}

    email = EmailField(required=True)
    name = StringField(max_length=200)
    auth_methods = ListField(StringField(**NAME), db_field="authMethods")
    roles = ListField(StringField(**NAME), default=lambda: ["user"])
    permissions = ListField(StringField(**NAME))
    last_login = DateTimeField(db_field="lastLogin")
    created_at = DateTimeField(db_field="createdAt", default=now)
    updated_at = DateTimeField(db_field="updatedAt", default=now)

    is_authenticated = True


class Avatar(EmbeddedDocument):
    """A picture."""

    url = URLField(required=True)
    thumbnail_url = URLField(db_field="thumbnailUrl")


class Profile(Document):
    """The profile of a user."""

    meta = {"collection": "profiles", "auto_create_index": False}

    user_id = ObjectIdField(db_field="userId", required=True)
    display_name = StringField(db_field="displayName", max_length=100)
    bio = StringField(max_length=500)
    avatar = EmbeddedDocumentField(Avatar)
    metadata = DictField()
    created_at = DateTimeField(db_field="createdAt", default=now)
    updated_at = DateTimeField(db_field="updatedAt", default=now)


class Notifications(EmbeddedDocument):
    """The channels of notifications."""

    email = BooleanField(default=True)
    push = BooleanField(default=True)
    in_app = BooleanField(db_field="inApp", default=True)


class Widgets(EmbeddedDocument):
    """The widgets."""

    enabled = ListField(StringField(**NAME))
    disabled = ListField(StringField(**NAME))
    customizations = DictField()


class Dashboard(EmbeddedDocument):
    """The dashboard."""

    layout = StringField(default="grid")
    default_view = StringField(db_field="defaultView", default="overview")
    favorite_apps = ListField(StringField(**NAME), db_field="favoriteApps")


class Preferences(Document):
    """The preferences of a user."""

    meta = {"collection": "preferences", "auto_create_index": False}

    user_id = ObjectIdField(db_field="userId", required=True)
    theme = StringField(choices=("light", "dark", "auto"), default="auto")
    language = StringField(default="en")
    notifications = EmbeddedDocumentField(Notifications, default=Notifications)
    widgets = EmbeddedDocumentField(Widgets, default=Widgets)
    dashboard = EmbeddedDocumentField(Dashboard, default=Dashboard)
    created_at = DateTimeField(db_field="createdAt", default=now)
    updated_at = DateTimeField(db_field="updatedAt", default=now)


class Activity(Document):
    """Something that a user did."""

    meta = {"collection": "activities", "auto_create_index": False}

    user_id = ObjectIdField(db_field="userId", required=True)
    app_id = StringField(db_field="appId", **NAME)
    session_id = StringField(db_field="sessionId", **NAME)
    event_type = StringField(db_field="eventType", required=True, **NAME)
    event_data: Any = DynamicField(db_field="eventData")
    metadata: Any = DynamicField()
    timestamp = DateTimeField(default=now)


class Analytics(Document):
    """An event to be counted."""

    meta = {"collection": "analytics", "auto_create_index": False}

    user_id = ObjectIdField(db_field="userId", required=True)
    app_id = StringField(db_field="appId", **NAME)
    session_id = StringField(db_field="sessionId", **NAME)
    event_name = StringField(db_field="eventName", required=True, **NAME)
    event_category = StringField(
        db_field="eventCategory", choices=("engagement", "conversion", "error", "custom")
    )
    event_data: Any = DynamicField(db_field="eventData")
    timestamp = DateTimeField(default=now)


class AppData(Document):
    """A value that an application keeps for a user."""

    meta = {"collection": "appdatas", "auto_create_index": False}

    user_id = ObjectIdField(db_field="userId", required=True)
    app_id = StringField(db_field="appId", required=True, **NAME)
    data_key = StringField(db_field="dataKey", required=True, **NAME)
    data_value: Any = DynamicField(db_field="dataValue")
    version = IntField()
    created_at = DateTimeField(db_field="createdAt")
    updated_at = DateTimeField(db_field="updatedAt")
