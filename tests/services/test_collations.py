"""Users whose collection ignores accents and case, as a schema of Mongoose may say.

Nobody is taken for the user whose address or external id differs by them.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from support.signed_in import identity

from chabad_auth_django.exceptions import AmbiguousEmail, EmailNotVerified, UserNotFound
from chabad_auth_django.models import User
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.identity import external_ids
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import flows


@pytest.fixture
def victim(mongodb: str, raw: Database, fresh_indexes: None) -> Iterator[ObjectId]:
    raw.users.drop()
    raw.create_collection("users", collation={"locale": "en", "strength": 1})
    indexes.create()
    row = {"email": "Ann@münchen.de", "merkosUserId": "AbC", "roles": ["user"]}
    yield raw.users.insert_one(row).inserted_id
    raw.users.drop()


def sign_in(**values: Any) -> User:
    return flows.sign_in(identity=identity(subject="mallory", **values)).user


def test_an_address_that_looks_alike_is_another(victim: ObjectId) -> None:
    with pytest.raises(AmbiguousEmail):
        User.find_by_email("ann@munchen.de")
    with pytest.raises(EmailNotVerified):
        sign_in(email="ann@munchen.de")
    with pytest.raises(UserNotFound):
        creation.find_user(name="ann@munchen.de")
    # Upper and lower case make no other mailbox.
    assert sign_in(email="ann@münchen.de").id == victim


def test_an_external_id_in_other_letters_is_another(victim: ObjectId) -> None:
    find = external_ids.find_user_by_external_id
    assert find(field="merkosUserId", value="abc") is None
    assert User.find_by_merkos_id("abc") is None
    with pytest.raises(UserNotFound):
        creation.find_user(name="abc")
    bob = User.create_user(email="bob@example.org", merkos_user_id="abc")
    for value, id in (("abc", bob.id), ("AbC", victim)):
        found = find(field="merkosUserId", value=value)
        assert found is not None and found.id == id
