"""Events, deletions and the like for the pages with figures to show, some of them hostile."""

from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from support.staff_people import HOSTILE

from chabad_auth_django.models import Analytics, Deletion, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import rollups
from chabad_auth_django.services.lifecycle import receipts

#: Names that stand for what other programs have stored, whatever our rules are.
NAMES: tuple[Any, ...] = (*HOSTILE.values(), None, 7, {"$gt": ""}, "x" * 500)


def store(user_id: ObjectId, time: datetime, count: int = 1, **fields: Any) -> None:
    """Store events as another program does."""
    event = {"userId": user_id, "eventName": "open", "eventCategory": "custom", "appId": "app"}
    Analytics.collection().insert_many(
        {**event, "timestamp": time, **fields, "_id": ObjectId()} for _ in range(count)
    )


def populate() -> User:
    """Store events with hostile names, roll them up, and begin two erasures."""
    email = "ann@example.org"
    user = User.find_by_email(email) or User.create_user(email=email)
    # As another program stores it, whatever our limits are.
    User.collection().update_one({"_id": user.id}, {"$set": {"name": HOSTILE["all"]}})
    for number, name in enumerate(NAMES):
        time = now() - timedelta(hours=9 * number + 1)
        data = {"text": HOSTILE["all"]}
        store(user.id, time, eventName=name, appId=name, sessionId=name, eventData=data)
    list(rollups.run())
    for name in ("gone", "erased"):
        gone = User.create_user(email=f"{name}@example.org")
        receipts.begin(user_id=gone.id, seconds=0)
    since = now() - timedelta(minutes=11)
    Deletion.collection().update_one({}, {"$set": {"since": since}})
    return user
