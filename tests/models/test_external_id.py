from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from chabad_auth_django.exceptions import AlreadyExists, UserNotFound, ValidationError
from chabad_auth_django.models import ExternalId, User
from chabad_auth_django.services.deployment import indexes


def claim(user: User, field: str = "valuUserId", value: str = "v1") -> ExternalId:
    return ExternalId(id=ExternalId.key(field, value), user_id=user.id).save()


def test_field_and_value_are_the_key(user: User, raw: Database) -> None:
    claim(user)
    stored = raw.external_ids.find_one()
    assert stored["_id"] == "valuUserId:v1"
    assert {name: type(value) for name, value in stored.items()} == {
        "_id": str,
        "userId": ObjectId,
        "createdAt": datetime,
    }


def test_an_external_id_is_claimed_once(user: User, raw: Database) -> None:
    other = User.create_user(email="bob@example.org")
    claim(user)
    with pytest.raises(AlreadyExists):
        claim(other)
    claim(other, "merkosUserId")
    claim(other, "valuUserId", "v2")
    assert raw.external_ids.count_documents({"userId": user.id}) == 1
    assert raw.external_ids.count_documents({"userId": other.id}) == 2


@pytest.mark.parametrize("field", ["email", "valu_user_id", "", "$where", None, {"$gt": ""}])
def test_only_the_fields_of_the_specification_hold_external_ids(field: Any) -> None:
    with pytest.raises(ValidationError):
        ExternalId.key(field, "v1")


@pytest.mark.parametrize("value", ["", None, 5, "x" * 256, "a\0b", "\ud800", {"$gt": ""}])
def test_a_value_that_is_no_name_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        ExternalId.key("valuUserId", value)


def test_there_is_no_claim_without_its_user(mongodb: str, raw: Database) -> None:
    with pytest.raises(UserNotFound):
        ExternalId(id="valuUserId:v1", user_id=ObjectId()).save()
    assert raw.external_ids.find_one() is None


def test_its_index_is_deployed(mongodb: str, raw: Database) -> None:
    found = raw.external_ids.index_information()
    assert {str(index["key"]) for index in found.values()} == {"[('_id', 1)]", "[('userId', 1)]"}
    assert indexes.compare().is_clean
