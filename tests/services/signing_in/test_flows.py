from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from support.receivers import connected

from chabad_auth_django import signals
from chabad_auth_django.db import connection
from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import UserNotFound, ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in.flows import record_login


def counts() -> list[int]:
    database = connection.get_database()
    return [database[name].count_documents({}) for name in ("activities", "analytics")]


@pytest.mark.parametrize("form", [ObjectId, str])
def test_a_login_is_on_the_user_and_in_both_events(either_server: str, form: type) -> None:
    user = User.create_user(email="ann@example.org")
    returned = record_login(
        user_id=form(user.id), app_id="cteen", session_id="s1", auth_method="google"
    )
    database = connection.get_database()
    stored, activity, analytics = (
        database[name].find_one() for name in ("users", "activities", "analytics")
    )
    assert returned.to_mongo() == without_version(stored)
    expected = {
        "userId": user.id,
        "appId": "cteen",
        "sessionId": "s1",
        "timestamp": stored["lastLogin"],
        "eventData": {"authMethod": "google"},
    }
    del activity["_id"], analytics["_id"]
    assert activity == expected | {"eventType": "login", "__v": 0}
    assert analytics == expected | {"eventName": "login", "eventCategory": "engagement", "__v": 0}


def test_what_is_not_known_of_a_login_is_left_out(raw: Database, user: User) -> None:
    record_login(user_id=user.id)
    assert set(raw.activities.find_one()) == {"_id", "userId", "eventType", "timestamp", "__v"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"user_id": "0" * 24}, UserNotFound),
        ({"user_id": None}, ValidationError),
        ({"user_id": b"0123456789ab"}, ValidationError),
        ({"user_id": {"$gt": ""}}, ValidationError),
        ({"app_id": ""}, ValidationError),
        ({"app_id": {"$gt": ""}}, ValidationError),
        ({"session_id": "x" * 256}, ValidationError),
        ({"auth_method": float("nan")}, ValidationError),
    ],
    ids=str,
)
def test_a_login_that_is_refused_stores_nothing(
    raw: Database, user: User, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        record_login(**{"user_id": user.id, **arguments})
    assert counts() == [0, 0]
    assert "lastLogin" not in raw.users.find_one()


def test_the_signal_is_sent_once_after_commit(either_server: str) -> None:
    user = User.create_user(email="ann@example.org")
    seen: list[Any] = []

    def receive(**arguments: Any) -> None:
        # In a transaction these reads would see nothing: they go through another session.
        seen.append((arguments, counts(), User.find_by_email(user.email).last_login))

    with connected(signals.user_logged_in, receive):
        returned = record_login(user_id=user.id, app_id="cteen", auth_method="google")
        with pytest.raises(UserNotFound):
            record_login(user_id=ObjectId())
    [(arguments, stored, last_login)] = seen
    assert arguments["user"] == user
    assert (arguments["auth_method"], arguments["app_id"]) == ("google", "cteen")
    assert (stored, last_login) == ([1, 1], returned.last_login)
