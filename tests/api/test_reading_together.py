"""What a request reads first comes with the caller in one command, and decides nothing about it."""

from collections.abc import Callable
from typing import Any

import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from rest_framework.test import APIClient
from support.commands import CommandCounter

from chabad_auth_django.models import Activity, AppData, Session, User
from chabad_auth_django.services.identity import blocking

ACTIVITIES = "/api/users/me/activities/"
VALUE = "/api/users/me/app-data/cteen/settings/"
PROFILE = "/api/users/me/profile/"
OWN = (ACTIVITIES, VALUE, PROFILE)


@pytest.fixture(autouse=True)
def stored(mongodb: str, owner: User) -> None:
    AppData.upsert_app_data(owner.id, "cteen", "settings", 1)
    Activity.create_activity(user_id=owner.id, app_id="cteen", event_type="opened")


def undecodable(owner: User) -> RawBSONDocument:
    """Return a profile whose `bio` is no UTF-8."""
    row = bson.encode({"_id": ObjectId(), "userId": owner.id, "bio": "????"})
    return RawBSONDocument(row.replace(b"????", b"\xff\xfe\xfd\xfc"))


def test_each_caller_who_must_go_is_refused_before_what_came_along_is_looked_at(
    api: APIClient, owner: User, raw: Database[Any], subtests: Any
) -> None:
    raw.profiles.delete_many({})
    raw.profiles.insert_one(undecodable(owner))
    changes: dict[str, tuple[Callable[[], Any], int]] = {
        "blocked": (lambda: blocking.block_user(user_id=owner.id, reason="abuse"), 403),
        "signed out": (lambda: Session.objects.delete(), 401),
        "deleted": (lambda: raw.users.delete_one({"_id": owner.id}), 401),
    }
    for name, (change, status) in changes.items():
        change()
        for path in OWN:
            with subtests.test(state=name, path=path):
                assert api.get(path).status_code == status
        raw.blocks.delete_many({})


def test_a_resource_that_cannot_be_decoded_is_no_failed_authentication(
    api: APIClient, owner: User, raw: Database[Any]
) -> None:
    raw.profiles.delete_many({})
    raw.profiles.insert_one(undecodable(owner))
    assert api.get("/api/users/me/").status_code == 200
    api.raise_request_exception = False
    assert api.get(PROFILE).status_code not in (401, 403)


def test_documents_with_the_names_of_tags_pass_for_nobody_else(
    api: APIClient, owner: User, raw: Database[Any]
) -> None:
    names = {"user": {"_id": owner.id, "roles": ["admin"]}, "block": None, "session": {}, "last": 1}
    for collection in ("users", "profiles", "sessions"):
        raw[collection].update_many({}, {"$set": names})
    assert api.get(PROFILE).json()["userId"] == str(owner.id)
    assert api.get("/api/users/").status_code == 403
    for name in ("user", "block", "session"):
        raw.profiles.delete_many({})
        fields = bson.encode({name: names["user"]})[4:-1]
        fields += bson.encode({"_id": ObjectId(), "userId": owner.id})[4:]
        # The server stores the _id first, wherever it is sent.
        raw.profiles.insert_one(RawBSONDocument((len(fields) + 4).to_bytes(4, "little") + fields))
        assert api.get(PROFILE).json()["userId"] == str(owner.id)


def test_a_session_of_another_user_or_of_nobody_opens_nothing(
    api: APIClient, raw: Database[Any]
) -> None:
    for change in ({"$set": {"userId": ObjectId()}}, {"$unset": {"userId": ""}}):
        raw.sessions.update_many({}, change)
        assert api.get(PROFILE).status_code == 401


def test_what_a_query_may_not_say_is_refused_after_the_caller(
    api: APIClient, login: Any, commands: CommandCounter
) -> None:
    for query in ("?limit=0", "?cursor=x", "?since=never", "?unknown=1"):
        assert login(None).get(ACTIVITIES + query).status_code == 401
        assert api.get(ACTIVITIES + query).status_code == 400


def test_a_large_page_comes_with_the_caller_too(
    api: APIClient, owner: User, commands: CommandCounter
) -> None:
    Activity.objects.insert(
        [Activity(user_id=owner.id, event_type="opened", event_data={"n": n}) for n in range(1_000)]
    )
    commands.clear()
    found = api.get(f"{ACTIVITIES}?limit=1000").json()["results"]
    assert len(found) == 1_000
    assert commands.names == ["aggregate"]


def test_another_users_path_is_read_after_the_permission(
    api: APIClient, admin: User, commands: CommandCounter
) -> None:
    commands.clear()
    assert api.get(f"/api/users/{admin.id}/activities/").status_code == 403
    assert "activities" not in str(commands.sent)
