from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from support.commands import CommandCounter

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Preferences, Profile, User
from chabad_auth_django.services.lifecycle import creation


def test_the_complete_profile_is_the_user_with_both_documents(either_server: str) -> None:
    user = User.create_user(email="ann@example.org")
    complete = creation.get_complete_profile(email=" ANN@example.org")
    assert complete.user == user
    assert complete.profile.user_id == complete.preferences.user_id == user.id


def test_the_complete_profile_of_an_unknown_address_is_none(commands: CommandCounter) -> None:
    assert creation.get_complete_profile(email="nobody@example.org") is None
    assert commands.names == ["find"]


@pytest.mark.parametrize("email", [None, 5, {"$gt": ""}], ids=str)
def test_an_address_of_another_type_is_refused(mongodb: str, email: Any) -> None:
    with pytest.raises(ValidationError):
        creation.get_complete_profile(email=email)


def test_a_user_whom_another_program_stored_gets_what_is_missing(raw: Database) -> None:
    id = raw.users.insert_one({"email": "ann@example.org"}).inserted_id
    complete = creation.get_complete_profile(email="ann@example.org")
    assert (complete.user.id, complete.preferences.theme) == (id, "auto")
    for name in ("profiles", "preferences"):
        assert [row["userId"] for row in raw[name].find()] == [id]


def test_the_dependents_of_several_users_are_stored_with_one_insert_each(
    commands: CommandCounter,
) -> None:
    creation.create_dependents(user_ids=[ObjectId(), ObjectId()])
    assert commands.names == ["insert", "insert"]


@pytest.mark.parametrize(
    ("collection", "create"),
    [("profiles", Profile.create_profile), ("preferences", Preferences.create_preferences)],
)
def test_dependents_are_what_the_documents_themselves_would_store(
    raw: Database, user: User, collection: str, create: Callable[[ObjectId], Any]
) -> None:
    made = raw[collection].find_one_and_delete({"userId": user.id})
    create(user.id)
    stored = raw[collection].find_one({"userId": user.id})
    for name in ("_id", "createdAt", "updatedAt"):
        assert type(made.pop(name)) is type(stored.pop(name))
    assert made == stored
