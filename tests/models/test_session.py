import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Session, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes


def make(user_id: Any, **changes: Any) -> Session:
    fields = {
        "family_hash": "f",
        "token_hash": "t",
        "auth_method": "google",
        "opened_by": "vouched",
        "user_agent": "Firefox",
        "last_used_at": now(),
        "expires_at": now() + timedelta(days=1),
    }
    return Session(user_id=user_id, **fields | changes).save()


def test_a_session_is_stored_with_these_fields(user: User, raw: Database) -> None:
    make(user.id)
    stored = raw.sessions.find_one()
    assert {name: type(value) for name, value in stored.items()} == {
        "_id": ObjectId,
        "userId": ObjectId,
        "familyHash": str,
        "tokenHash": str,
        "authMethod": str,
        "openedBy": str,
        "userAgent": str,
        "createdAt": datetime,
        "lastUsedAt": datetime,
        "expiresAt": datetime,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auth_method", "fax"),
        ("auth_method", None),
        ("user_agent", "x" * 257),
        ("token_hash", None),
        ("family_hash", None),
        ("expires_at", None),
        ("expires_at", "tomorrow"),
    ],
)
def test_a_bad_field_is_refused(user: User, raw: Database, name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        make(user.id, **{name: value})
    assert raw.sessions.find_one() is None


def test_its_indexes_are_deployed(mongodb: str, raw: Database) -> None:
    found = raw.sessions.index_information()
    assert {str(index["key"]): index.get("expireAfterSeconds") for index in found.values()} == {
        "[('_id', 1)]": None,
        "[('userId', 1)]": None,
        "[('expiresAt', 1)]": 0,
    }
    assert indexes.compare().is_clean


def test_the_server_removes_an_expired_session_and_no_other(user: User, raw: Database) -> None:
    make(user.id, expires_at=now() - timedelta(seconds=1))
    kept = make(user.id, expires_at=now() + timedelta(hours=1))
    # Our server looks each second, another each minute.
    deadline = time.monotonic() + 90
    while raw.sessions.count_documents({}) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [session["_id"] for session in raw.sessions.find()] == [kept.id]
