from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from support.commands import CommandCounter

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.services import accounts


def test_the_complete_profile_is_the_user_with_both_documents(either_server: str) -> None:
    user = User.create_user(email="ann@example.org")
    complete = accounts.get_complete_profile(email=" ANN@example.org")
    assert complete.user == user
    assert complete.profile.user_id == complete.preferences.user_id == user.id


def test_the_complete_profile_of_an_unknown_address_is_none(commands: CommandCounter) -> None:
    assert accounts.get_complete_profile(email="nobody@example.org") is None
    assert commands.names == ["find"]


@pytest.mark.parametrize("email", [None, 5, {"$gt": ""}], ids=str)
def test_an_address_of_another_type_is_refused(mongodb: str, email: Any) -> None:
    with pytest.raises(ValidationError):
        accounts.get_complete_profile(email=email)


def test_a_user_whom_another_program_stored_gets_what_is_missing(raw: Database) -> None:
    id = raw.users.insert_one({"email": "ann@example.org"}).inserted_id
    complete = accounts.get_complete_profile(email="ann@example.org")
    assert (complete.user.id, complete.preferences.theme) == (id, "auto")
    for name in ("profiles", "preferences"):
        assert [row["userId"] for row in raw[name].find()] == [id]


def test_the_dependents_of_several_users_are_stored_with_one_insert_each(
    commands: CommandCounter,
) -> None:
    accounts.create_dependents(user_ids=[ObjectId(), ObjectId()])
    assert commands.names == ["insert", "insert"]
