"""What is stored and read, with dicts and PyMongo's own defaults."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import DESCENDING, MongoClient, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

client: MongoClient[dict[str, Any]] = MongoClient(os.environ["MONGODB_URI"], w="majority")
database = client.get_default_database()
users = database["users"]
profiles = database["profiles"]
preferences = database["preferences"]
activities = database["activities"]
analytics = database["analytics"]
app_data = database["appdatas"]


class Invalid(Exception):
    """What the caller sent cannot be stored."""


class Gone(Exception):
    """The user has been deleted."""


class Conflict(Exception):
    """Another version is stored."""


def now() -> datetime:
    """Return the time, with the milliseconds that MongoDB keeps."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def name(value: Any) -> str:
    """Return a name of at most 255 characters."""
    if not isinstance(value, str) or not value.strip() or len(value) > 255:
        raise Invalid("Expected a name.")
    return value


def create_user(email: str, name: str) -> ObjectId:
    """Store a user, the profile and the preferences in one transaction."""
    email = email.strip().lower()
    if not EMAIL.fullmatch(email):
        raise Invalid("Expected an e-mail address.")
    user_id, time = ObjectId(), now()
    times = {"createdAt": time, "updatedAt": time}
    user = {
        "_id": user_id,
        "email": email,
        "name": name,
        "authMethods": ["google"],
        "roles": ["user"],
        "permissions": [],
        **times,
    }
    profile = {"userId": user_id, "metadata": {}, **times}
    defaults = {
        "userId": user_id,
        "theme": "auto",
        "language": "en",
        "notifications": {"email": True, "push": True, "inApp": True},
        "widgets": {"enabled": [], "disabled": [], "customizations": {}},
        "dashboard": {"layout": "grid", "defaultView": "overview", "favoriteApps": []},
        **times,
    }

    def insert(session: ClientSession) -> None:
        profiles.insert_one(profile, session=session)
        preferences.insert_one(defaults, session=session)
        users.insert_one(user, session=session)

    with client.start_session() as session:
        session.with_transaction(insert)
    return user_id


def record_login(user_id: ObjectId, app_id: str, session_id: str) -> dict[str, Any]:
    """Set the time of the login and store both events, in one transaction; return the user."""
    time = now()
    event = {
        "userId": user_id,
        "appId": name(app_id),
        "sessionId": name(session_id),
        "eventData": {"authMethod": "google"},
        "timestamp": time,
    }

    def change(session: ClientSession) -> dict[str, Any]:
        user = users.find_one_and_update(
            {"_id": user_id},
            {"$set": {"lastLogin": time, "updatedAt": time}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        if user is None:
            raise Gone
        activities.insert_one({**event, "eventType": "login"}, session=session)
        analytics.insert_one(
            {**event, "eventName": "login", "eventCategory": "engagement"}, session=session
        )
        return user

    with client.start_session() as session:
        return session.with_transaction(change)


def activity(user_id: ObjectId, sent: Any) -> dict[str, Any]:
    """Return the document of an activity that a client sent."""
    if not isinstance(sent, dict):
        raise Invalid("Expected an object.")
    document: dict[str, Any] = {"userId": user_id, "eventType": name(sent.get("eventType"))}
    for field in ("appId", "sessionId"):
        if sent.get(field) is not None:
            document[field] = name(sent[field])
    for field in ("eventData", "metadata"):
        if sent.get(field) is not None:
            if not isinstance(sent[field], dict):
                raise Invalid("Expected an object.")
            document[field] = sent[field]
    if sent.get("timestamp") is None:
        document["timestamp"] = now()
    else:
        try:
            document["timestamp"] = datetime.fromisoformat(sent["timestamp"])
        except (TypeError, ValueError):
            raise Invalid("Expected a time.") from None
    return document


def insert_activities(user_id: ObjectId, documents: list[dict[str, Any]]) -> None:
    """Store activities, then take them back if the user is gone."""
    activities.insert_many(documents, ordered=False)
    if users.find_one({"_id": user_id}, {"_id": 1}) is None:
        activities.delete_many({"_id": {"$in": [document["_id"] for document in documents]}})
        raise Gone


def list_activities(user_id: ObjectId, limit: int) -> list[dict[str, Any]]:
    """Return activities of a user, newest first."""
    found = activities.find({"userId": user_id}).sort("timestamp", DESCENDING).limit(limit)
    return list(found)


def upsert_app_data(
    user_id: ObjectId, app_id: str, data_key: str, data_value: Any
) -> dict[str, Any]:
    """Store a value, whatever is there; return what is stored."""
    time = now()
    arguments: tuple[dict[str, Any], dict[str, Any]] = (
        {"userId": user_id, "appId": name(app_id), "dataKey": name(data_key)},
        {
            "$set": {"dataValue": data_value, "updatedAt": time},
            "$inc": {"version": 1},
            "$setOnInsert": {"createdAt": time},
        },
    )
    while True:
        try:
            return app_data.find_one_and_update(
                *arguments, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            # Somebody else created it in between: this time it is found.
            continue


def update_app_data(
    user_id: ObjectId, app_id: str, data_key: str, data_value: Any, version: int
) -> dict[str, Any]:
    """Store a value in place of a version; return what is stored."""
    stored = app_data.find_one_and_update(
        {"userId": user_id, "appId": name(app_id), "dataKey": name(data_key), "version": version},
        {"$set": {"dataValue": data_value, "updatedAt": now()}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
    )
    if stored is None:
        raise Conflict
    return stored


def count_events(
    start: datetime, end: datetime, user_id: ObjectId | None = None
) -> list[dict[str, Any]]:
    """Count analytics events by name, the most frequent first."""
    match: dict[str, Any] = {"timestamp": {"$gte": start, "$lt": end}}
    if user_id is not None:
        match["userId"] = user_id
    return list(
        analytics.aggregate(
            [
                {"$match": match},
                {"$group": {"_id": "$eventName", "count": {"$sum": 1}}},
                {"$sort": {"count": -1, "_id": 1}},
                {"$project": {"_id": 0, "eventName": "$_id", "count": 1}},
            ]
        )
    )
