from datetime import UTC, datetime, timedelta
from typing import Any

import mongoengine
import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database
from support.cases import each

from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import (
    AlreadyExists,
    DuplicateEmail,
    LastAuthMethod,
    UserNotFound,
    ValidationError,
)
from chabad_auth_django.models import User

NOT_TEXT: list[Any] = [None, 5, b"ann@example.org", ["x"], {"$gt": ""}, "\ud800"]


def test_a_new_user_is_stored_with_exactly_the_fields_of_the_specification(raw: Database) -> None:
    User.create_user(
        email="ann@example.org",
        name="Ann",
        valu_user_id="v1",
        merkos_user_id="m1",
        auth_methods=["google", "cdsso"],
        permissions=["users:read"],
    ).update_last_login()
    stored = raw.users.find_one()
    assert {name: type(value) for name, value in stored.items()} == {
        "__v": int,
        "_id": ObjectId,
        "email": str,
        "name": str,
        "valuUserId": str,
        "merkosUserId": str,
        "authMethods": list,
        "roles": list,
        "permissions": list,
        "lastLogin": datetime,
        "createdAt": datetime,
        "updatedAt": datetime,
    }
    assert stored["authMethods"] == ["google", "cdsso"]


def test_optional_fields_are_absent_and_lists_have_their_defaults(raw: Database) -> None:
    user = User.create_user(email="ann@example.org")
    stored = raw.users.find_one()
    assert stored == {
        "_id": user.id,
        "__v": 0,
        "email": "ann@example.org",
        "authMethods": [],
        "roles": ["user"],
        "permissions": [],
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
    }


def test_a_default_is_made_afresh_for_each_user(mongodb: str) -> None:
    ann = User(email="ann@example.org")
    ann.roles.append("admin")
    assert User(email="bob@example.org").roles == ["user"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("  Ann@Example.ORG\n", "ann@example.org"),
        ("ａｎｎ@example.org", "ann@example.org"),
        ("ann@example．org", "ann@example.org"),
        ("\N{KELVIN SIGN}im@example.org", "kim@example.org"),
        ("ann@exa\u0308mple.org", "ann@xn--exmple-cua.org"),
        ("ann@example.org.", "ann@example.org"),
    ],
)
def test_an_email_address_is_normalised(raw: Database, given: str, stored: str) -> None:
    user = User.create_user(email=given)
    assert user.email == raw.users.find_one()["email"] == stored
    assert User.find_by_email(given) == user
    assert list(User.objects(email__in=[given])) == [user]


@each(
    "email",
    [
        *(value for value in NOT_TEXT if not isinstance(value, bytes)),
        "",
        "   ",
        "ann",
        "ann@",
        "@example.org",
        "ann@example",
        "a nn@example.org",
        "a" * 310 + "@example.org",
        "ann\0@example.org",
        *(f"ann@exam{item}ple.org" for item in "\u200b\u200d\u2060\ufeff\u00ad\u034f\ufe0f\u115f"),
        "a\u200bnn@example.org",
    ],
    ids=ascii,
)
def test_an_email_address_that_is_none_is_refused(raw: Database, email: Any) -> None:
    with pytest.raises(ValidationError):
        User.create_user(email=email)
    assert raw.users.count_documents({}) == raw.profiles.count_documents({}) == 0


def test_all_broken_rules_are_told_at_once(mongodb: str) -> None:
    with pytest.raises(ValidationError) as caught:
        User.create_user(name=5, roles=[""])
    assert set(caught.value.errors) == {"email", "name", "roles"}


def test_an_id_that_exists_is_not_a_duplicate_email(user: User) -> None:
    with pytest.raises(AlreadyExists) as caught:
        User.create_user(id=user.id, email="bob@example.org")
    assert not isinstance(caught.value, DuplicateEmail)


def test_the_allowed_authentication_methods_are_a_setting(mongodb: str) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "AUTH_METHODS": ["telepathy"]}):
        assert User.create_user(email="a@example.org", auth_methods=["telepathy"]).id
        with pytest.raises(ValidationError):
            User.create_user(email="b@example.org", auth_methods=["google"])


@pytest.mark.parametrize(
    ("finder", "hit", "miss"),
    [
        (User.find_by_email, " Ann@Example.org", "bob@example.org"),
        (User.find_by_valu_id, "v1", "V1"),
        (User.find_by_merkos_id, "m1", ""),
    ],
)
def test_a_finder_of_one_user(mongodb: str, finder: Any, hit: str, miss: str) -> None:
    user = User.create_user(email="ann@example.org", valu_user_id="v1", merkos_user_id="m1")
    assert finder(hit) == user
    assert finder(miss) is None


@each("value", NOT_TEXT, ids=ascii)
@each(
    "finder",
    [
        User.find_by_email,
        User.find_by_valu_id,
        User.find_by_merkos_id,
        User.find_by_role,
        User.find_by_auth_method,
    ],
)
def test_a_finder_refuses_what_is_no_text(mongodb: str, finder: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        finder(value)


@pytest.mark.parametrize("finder", ["find_by_role", "find_by_auth_method"])
def test_users_with_a_role_or_method_come_oldest_first(mongodb: str, finder: str) -> None:
    users = [
        User.create_user(email=f"{n}@example.org", roles=["x", "user"], auth_methods=["google"])
        for n in range(3)
    ]
    User.create_user(email="other@example.org")
    value = {"find_by_role": "x", "find_by_auth_method": "google"}[finder]
    assert list(getattr(User, finder)(value)) == users
    assert list(getattr(User, finder)(value, limit=2)) == users[:2]
    assert list(getattr(User, finder)("nobody")) == []


def test_a_user_is_found_by_its_id_in_either_form(user: User) -> None:
    assert User.find_by_id(user.id) == User.find_by_id(str(user.id)) == user
    assert User.find_by_id(ObjectId()) is None
    with pytest.raises(ValidationError):
        User.find_by_id(None)


@pytest.mark.parametrize(
    ("method", "argument", "field", "before", "after"),
    [
        ("add_role", "admin", "roles", ["user"], ["user", "admin"]),
        ("add_role", "user", "roles", ["user"], ["user"]),
        ("add_role", "$price", "roles", ["user"], ["user", "$price"]),
        ("remove_role", "user", "roles", ["user", "admin"], ["admin"]),
        ("remove_role", "user", "roles", ["user"], []),
        ("remove_role", "admin", "roles", ["user"], ["user"]),
        ("remove_role", "$x", "roles", ["$x", "user"], ["user"]),
        ("add_permission", "users:read", "permissions", [], ["users:read"]),
        ("add_permission", "users:read", "permissions", ["users:read"], ["users:read"]),
        ("remove_permission", "users:read", "permissions", ["users:read", "*"], ["*"]),
        ("remove_permission", "x", "permissions", ["*"], ["*"]),
        ("add_auth_method", "cdsso", "auth_methods", ["google"], ["google", "cdsso"]),
        ("add_auth_method", "google", "auth_methods", ["google"], ["google"]),
        ("remove_auth_method", "google", "auth_methods", ["google", "cdsso"], ["cdsso"]),
        ("remove_auth_method", "cdsso", "auth_methods", ["google"], ["google"]),
        ("remove_auth_method", "cdsso", "auth_methods", [], []),
    ],
)
def test_a_change_of_a_list_leaves_the_instance_as_it_is_stored(
    raw: Database, method: str, argument: str, field: str, before: list[str], after: list[str]
) -> None:
    user = User.create_user(email="ann@example.org", **{field: before})
    getattr(user, method)(argument)
    assert getattr(user, field) == after
    assert without_version(raw.users.find_one()) == user.to_mongo()


@each("value", [None, 5, b"x", ["user"], {"$gt": ""}, "\ud800"], ids=ascii)
@each("name", ["role", "permission", "auth_method"])
@each("action", ["add", "remove"])
def test_a_change_of_a_list_refuses_what_is_no_text(
    raw: Database, user: User, action: str, name: str, value: Any
) -> None:
    before = raw.users.find_one()
    with pytest.raises(ValidationError):
        getattr(user, f"{action}_{name}")(value)
    assert raw.users.find_one() == before


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("add_role", ""),
        ("add_role", "a\nb"),
        ("add_role", "x" * 101),
        ("add_permission", ""),
        ("add_auth_method", "telepathy"),
    ],
)
def test_what_is_added_must_be_a_name(user: User, method: str, value: str) -> None:
    with pytest.raises(ValidationError):
        getattr(user, method)(value)


def test_the_last_authentication_method_stays(raw: Database, user: User) -> None:
    with pytest.raises(LastAuthMethod):
        user.remove_auth_method("google")
    assert raw.users.find_one()["authMethods"] == user.auth_methods == ["google"]


def test_the_last_authentication_method_is_judged_by_what_is_stored(
    raw: Database, user: User
) -> None:
    stale = User.find_by_email(user.email)
    user.add_auth_method("cdsso")
    stale.remove_auth_method("google")
    assert raw.users.find_one()["authMethods"] == stale.auth_methods == ["cdsso"]


def test_the_default_role_of_a_user_stored_without_roles_is_kept(raw: Database) -> None:
    raw.users.insert_one({"email": "ann@example.org"})
    user = User.find_by_email("ann@example.org")
    assert user.has_role("user")
    user.add_role("admin")
    assert raw.users.find_one()["roles"] == ["user", "admin"]


def test_update_last_login_stores_the_present_time(raw: Database, user: User) -> None:
    assert user.last_login is None
    user.update_last_login()
    assert timedelta(0) <= datetime.now(UTC) - user.last_login < timedelta(seconds=60)
    assert without_version(raw.users.find_one()) == user.to_mongo()


def test_each_change_moves_updated_at_and_never_created_at(raw: Database, user: User) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    raw.users.update_one({}, {"$set": {"createdAt": long_ago, "updatedAt": long_ago}})
    user.add_role("admin")
    assert (user.created_at, user.updated_at > long_ago) == (long_ago, True)
    raw.users.update_one({}, {"$set": {"updatedAt": long_ago}})
    user.name = "Anna"
    user.save()
    stored = raw.users.find_one()
    assert stored["createdAt"] == long_ago
    assert stored["updatedAt"] == user.updated_at > long_ago


def test_a_change_of_a_user_who_was_never_stored_is_refused(mongodb: str) -> None:
    with pytest.raises(UserNotFound):
        User(email="ann@example.org").add_role("admin")


def test_has_role(mongodb: str) -> None:
    user = User(email="ann@example.org", roles=["moderator"])
    assert user.has_role("moderator")
    assert not user.has_role("user")


@pytest.mark.parametrize(
    ("roles", "permissions", "wanted", "granted"),
    [
        (["user"], [], "users:read", False),
        (["user"], ["users:read"], "users:read", True),
        (["user"], ["users:read"], "users:write", False),
        (["user"], ["users:*"], "users:write", True),
        (["user"], ["users:*"], "users:write:all", True),
        (["user"], ["users:*"], "users", True),
        (["user"], ["users:*"], "usersx:read", False),
        (["user"], ["users"], "users:read", False),
        (["user"], ["*"], "anything:at-all", True),
        (["user"], ["*:read"], "users:read", False),
        (["moderator"], [], "users:read", True),
        (["moderator"], [], "users:write", False),
        (["admin"], [], "users:write", True),
        (["unknown"], [], "users:read", False),
        ([], [], "users:read", False),
    ],
)
def test_has_permission(
    roles: list[str], permissions: list[str], wanted: str, granted: bool
) -> None:
    user = User(email="ann@example.org", roles=roles, permissions=permissions)
    assert user.has_permission(wanted) is granted


@pytest.mark.parametrize(("pattern", "granted"), [("users:*", True), ("*", True), ("x:*", False)])
def test_what_a_role_grants_is_a_setting(pattern: str, granted: bool) -> None:
    user = User(email="ann@example.org", roles=["clerk"])
    with override_settings(CHABAD_AUTH={"ROLE_PERMISSIONS": {"clerk": [pattern]}}):
        assert user.has_permission("users:read") is granted


@pytest.mark.parametrize(("name", "shown"), [("Ann", "Ann"), (None, "ann"), ("", "ann")])
def test_display_name(name: str | None, shown: str) -> None:
    assert User(email="ann@example.org", name=name).display_name == shown


def test_a_user_answers_what_django_asks_of_a_request_user() -> None:
    user = User(email="ann@example.org")
    assert (user.is_authenticated, user.is_anonymous, user.is_active) == (True, False, True)
    assert str(user) == "ann@example.org"


@pytest.mark.parametrize("email", ["no address", "", 5, None, "ann@exam\u200bple.org"], ids=ascii)
def test_an_update_by_the_queryset_checks_the_email_address(
    raw: Database, user: User, email: Any
) -> None:
    with pytest.raises((ValidationError, mongoengine.ValidationError)):
        User.objects(id=user.id).update(set__email=email)
    assert raw.users.find_one()["email"] == "ann@example.org"


def test_a_query_for_a_part_of_the_email_address(user: User) -> None:
    assert list(User.objects(email__startswith="ann@")) == [user]
    assert list(User.objects(email__iexact="ANN@example.org")) == [user]
    assert list(User.objects(email__ne=" ANN@example.org")) == []
