"""One mailbox is one user, whatever spelling of its address is stored or given."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.database import Database
from support.ways_of_storing import each_change, each_creation, save

from chabad_auth_django.exceptions import AmbiguousEmail, DuplicateEmail
from chabad_auth_django.models import User
from chabad_auth_django.services.identity.users import list_users

UNICODE, ASCII = "ann@münchen.de", "ann@xn--mnchen-3ya.de"

SPELLINGS = [
    UNICODE,
    ASCII,
    "Ann@MÜNCHEN.de",
    "ann@mu\u0308nchen.de",
    "ann@XN--MNCHEN-3YA.de",
    "ann@münchen。de",
    "ann@münchen.de.",
]


@pytest.mark.parametrize("given", SPELLINGS, ids=ascii)
@pytest.mark.parametrize("stored", [UNICODE, ASCII], ids=ascii)
def test_a_user_is_found_by_each_spelling(raw: Database, stored: str, given: str) -> None:
    id = raw.users.insert_one({"email": stored}).inserted_id
    User.create_user(email="bob@example.org")
    assert User.find_by_email(given).id == id
    assert [user.id for user in User.objects(email=given)] == [id]
    assert [user.id for user in User.objects(email__in=["x@example.org", given])] == [id]
    assert [user.email for user in User.objects(email__nin=[given])] == ["bob@example.org"]
    assert [row["_id"] for row in list_users(email=given).fetch().rows] == [id]


@pytest.mark.parametrize("given", ["ann@πρωτεΐνη.gr", "ANN@ΠΡΩΤΕΪ́ΝΗ.GR"], ids=ascii)
def test_an_address_is_found_as_version_0_1_0_stored_it(raw: Database, given: str) -> None:
    for email in ("ann@πρωτεΐνη.gr", "ann@πρωτε\u03ca\u0301νη.gr"):
        id = raw.users.insert_one({"email": email}).inserted_id
        assert User.find_by_email(given).id == id
        raw.users.delete_one({"_id": id})


def test_an_address_is_found_as_another_program_stored_it(raw: Database) -> None:
    for email in ("Ann@Example.org", "bob@under_score.org", "eve@☃.net"):
        id = raw.users.insert_one({"email": email}).inserted_id
        assert User.find_by_email(email).id == id


@pytest.mark.parametrize("given", SPELLINGS, ids=ascii)
@pytest.mark.parametrize("stored", [UNICODE, ASCII], ids=ascii)
@each_creation
def test_a_second_spelling_of_a_stored_mailbox_is_refused(
    raw: Database, stored: str, given: str, create: Callable[..., object]
) -> None:
    raw.users.insert_one({"email": stored})
    with pytest.raises(DuplicateEmail):
        create(email=given)
    assert raw.users.count_documents({}) == 1
    assert raw.profiles.count_documents({}) == 0


def test_an_address_as_another_program_stored_it_is_refused(raw: Database) -> None:
    raw.users.insert_one({"email": "Ann@Example.org"})
    with pytest.raises(DuplicateEmail):
        User.create_user(email="Ann@Example.org")


@each_change
@pytest.mark.parametrize("stored", [UNICODE, ASCII], ids=ascii)
def test_a_stored_user_does_not_get_the_mailbox_of_another(
    raw: Database, user: User, stored: str, change: Callable[..., object]
) -> None:
    raw.users.insert_one({"email": stored})
    for given in SPELLINGS[:3]:
        with pytest.raises(DuplicateEmail):
            change(User.find_by_id(user.id), email=given)
    assert raw.users.find_one({"_id": user.id})["email"] == "ann@example.org"


@each_change
def test_a_stored_user_gets_the_normal_form_of_a_free_address(
    raw: Database, user: User, change: Callable[..., object]
) -> None:
    for given in ("Ann@MÜNCHEN.de", UNICODE, " Bob@example.org"):
        change(User.find_by_id(user.id), email=given)
    assert raw.users.find_one({"_id": user.id})["email"] == "bob@example.org"


@each_change
def test_a_user_keeps_the_mailbox_in_another_spelling(
    raw: Database, change: Callable[..., object]
) -> None:
    id = raw.users.insert_one({"email": UNICODE}).inserted_id
    change(User.find_by_id(id), email="ANN@münchen.de")
    assert raw.users.find_one()["email"] == ASCII


def test_a_stored_spelling_stays_when_something_else_changes(raw: Database) -> None:
    id = raw.users.insert_one({"email": UNICODE}).inserted_id
    save(User.find_by_id(id), name="Ann")
    User.find_by_id(id).patch({"name": "Anna"})
    assert raw.users.find_one()["email"] == UNICODE


def test_what_the_queryset_cannot_check_it_refuses(raw: Database, user: User) -> None:
    for update in (
        {"$set": {"email": "x"}},
        {"$rename": {"name": "email"}},
        [{"$set": {"valuUserId": "v"}}],
        [{"$unset": "email"}],
        [{"$replaceWith": {"a": 1}}],
    ):
        with pytest.raises(TypeError):
            User.objects.update(__raw__=update)
    with pytest.raises(TypeError):
        User.objects.update(rename__name="email")
    assert raw.users.find_one()["email"] == "ann@example.org"
    User.objects.update(__raw__={"$set": {"name": "email"}})
    assert raw.users.find_one()["name"] == "email"


def test_a_mailbox_of_several_users_is_ambiguous(raw: Database) -> None:
    raw.users.insert_many([{"email": UNICODE}, {"email": ASCII}])
    for given in SPELLINGS:
        with pytest.raises(AmbiguousEmail):
            User.find_by_email(given)


def test_a_user_is_looked_for_by_the_index(raw: Database) -> None:
    User.create_user(email=UNICODE)
    plan = raw.users.find({"email": {"$in": [UNICODE, ASCII]}}).explain()["queryPlanner"]
    assert plan["winningPlan"]["inputStage"]["indexName"] == "email_1"


def test_an_ordinary_address_takes_no_further_command(commands: Any) -> None:
    User.create_user(email="ann@example.org")
    assert "find" not in commands.names
