"""What other programs stored in the fields that we declare is taken for what it is."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Code, DBRef, Decimal128, ObjectId, Regex
from pymongo.database import Database
from support.exports import export_and_import
from support.management import run
from support.signed_in import identity

from chabad_auth_django.contrib.admin.reads import person
from chabad_auth_django.contrib.universe.mapping import identity as client_identity
from chabad_auth_django.db.batches import RAW
from chabad_auth_django.exceptions import AmbiguousEmail
from chabad_auth_django.models import Activity, AppData, Preferences, Profile, User
from chabad_auth_django.models.app_data import ALL
from chabad_auth_django.services.identity import external_ids, search, users
from chabad_auth_django.services.signing_in import flows

#: What stands in the place of a text, an id or a list.
ODD: list[Any] = [
    None,
    "",
    5,
    float("nan"),
    Decimal128("1.5"),
    True,
    datetime(2026, 1, 1, tzinfo=UTC),
    {"$gt": 1, "a": {"$b": 2}},
    {"$date": "never"},
    Regex("(?<", "i"),
    Code("x", {"$a": 1}),
    [],
    [None, 5, ["x"], {"a": 1}, Code("x")],
    ["ann@example.org", "x"],
]


def content(raw: Database[Any]) -> list[bytes]:
    names = ("users", "profiles", "preferences", "appdatas")
    found = (raw.get_collection(name, RAW).find().sort("_id") for name in names)
    return [bytes(row.raw) for rows in found for row in rows]


def sign_in() -> User:
    return flows.sign_in(identity=identity()).user


def test_odd_grants_and_methods_stop_nobody(raw: Database[Any], user: User) -> None:
    sign_in()
    for field in ("authMethods", "roles", "permissions"):
        before = raw.users.find_one()
        for value in ODD:
            raw.users.update_one({}, {"$set": {field: value}})
            signed_in = sign_in()
            assert client_identity.signed_in(signed_in)["name"] == "Ann"
            for grant in (True, False):
                users.change_grants(
                    user=User.find_by_id(user.id),
                    grant=grant,
                    roles=["moderator"],
                    permissions=["users:read"],
                )
            after = raw.users.find_one()
            assert after["authMethods"].count("google") == 1, value
            assert "moderator" not in after["roles"], value
            if not isinstance(value, list) and field != "authMethods":
                assert after[field] == (["user"] if field == "roles" else []), value
        raw.users.replace_one({}, before)


def test_an_odd_address_stops_no_command(raw: Database[Any], user: User) -> None:
    User.create_user(email="bob@example.org")
    for value in ODD:
        raw.users.update_one({"_id": user.id}, {"$set": {"email": value, "name": None}})
        assert isinstance(User.find_by_id(user.id).display_name, str)
        for command in ("chabad_delete_user", "chabad_erase_user"):
            result = run(command, user.id, "--dry-run")
            assert result.code == 0, (value, result.err)
        assert run("chabad_check_integrity", "--repair", "--json").json["counts"]["invalid"] == 1
    result = run("chabad_delete_user", user.id, "--yes")
    assert result.code == 0, result.err
    assert raw.users.count_documents({}) == 1


@pytest.mark.parametrize("collection", ["profiles", "preferences"])
def test_an_odd_owner_stops_no_search_and_no_check(
    raw: Database[Any], user: User, collection: str
) -> None:
    for value in [*ODD, [user.id], [user.id, ObjectId()]]:
        change = {"$set": {"userId": value, "displayName": "Shown", "language": "he"}}
        raw[collection].update_one({}, change)
        before = content(raw)
        search.find_users(name_part="Shown")
        person.find_languages(user_ids=[user.id])
        counts = run("chabad_check_integrity", "--json").json["counts"]
        assert counts["invalid"] == 1
        # A list that has the user finds it for the user's requests, too.
        is_found = isinstance(value, list) and user.id in value
        assert counts["missing_document"] == (not is_found), value
        assert content(raw) == before


def test_the_text_of_an_id_is_nobody_elses_id(raw: Database[Any], user: User) -> None:
    twin = {"_id": str(user.id), "email": "bob@example.org", "merkosUserId": "m"}
    raw.users.insert_one(twin)
    with pytest.raises(AmbiguousEmail):
        User.find_by_email("bob@example.org")
    assert external_ids.find_user_by_external_id(field="merkosUserId", value="m") is None
    for name in ("bob@example.org", "m"):
        assert run("chabad_delete_user", name, "--yes").code == 2
    assert raw.users.count_documents({}) == 2


def test_no_reference_is_followed(raw: Database[Any], user: User) -> None:
    bob = User.create_user(email="bob@example.org")
    stored = DBRef("users", bob.id)
    for value in ([stored], [{"_cls": "User", "_ref": 1}], {"_cls": "User", "_ref": stored}):
        raw.users.update_one({"_id": user.id}, {"$set": {"roles": value}})
        raw.profiles.update_one({"userId": user.id}, {"$set": {"metadata": {"a": value}}})
        raw.preferences.update_one({"userId": user.id}, {"$set": {"widgets.enabled": value}})
        for read in (
            lambda model: model.objects(__raw__=model.owned_by([user.id])).get(),
            lambda model: model.from_stored(model.read(**model.owned_by([user.id]))),
        ):
            assert read(User).roles == value
            assert read(Profile).metadata == {"a": value}
            assert read(Preferences).widgets.enabled == value


def test_an_odd_owner_has_no_user(raw: Database[Any], user: User) -> None:
    for value in [*ODD, [user.id]]:
        raw.activities.delete_many({})
        owners = [value, user.id]
        raw.activities.insert_many({"userId": id, "eventType": "x"} for id in owners)
        found = Activity.objects.order_by("id").populate()
        assert [item.user and item.user.id for item in found] == [None, user.id], value
        assert Activity.objects.order_by("id").first().user is None


def test_what_several_users_own_is_exported_and_imported(raw: Database[Any], user: User) -> None:
    for collection in ("profiles", "preferences"):
        raw[collection].update_one({}, {"$set": {"userId": [user.id, ObjectId()]}})
    _check_export(raw, user)


def _check_export(raw: Database[Any], user: User) -> None:
    before = content(raw)
    export_and_import(raw, user.id)
    assert content(raw) == before


def test_odd_names_of_app_data_are_exported_and_deleted(raw: Database[Any], user: User) -> None:
    for value in ODD:
        for names in ({"appId": value, "dataKey": "k"}, {"appId": "app", "dataKey": value}):
            raw.appdatas.delete_many({})
            row = {"userId": user.id, "dataValue": {}, "version": 1, **names}
            raw.appdatas.insert_one(row)
            _check_export(raw, user)
            AppData.delete_app_data(user.id, "app", ALL)
            AppData.objects(user_id=user.id).delete()
            assert raw.appdatas.count_documents({}) == 0, names


def test_no_version_of_other_programs_is_used_again_after_a_deletion(
    raw: Database[Any], user: User
) -> None:
    numbers = [(3, 4), (3.0, 4), (Decimal128("3"), 4), ("4", 5), (True, 2)]
    others = [("four", 1), (None, 1), ([3], 1), ([None, "x"], 1)]
    for number, (version, after) in enumerate([*numbers, *others]):
        key = {"userId": user.id, "appId": "app", "dataKey": str(number)}
        raw.appdatas.insert_one({**key, "dataValue": 1, "version": version})
        assert AppData.delete_app_data(user.id, "app", str(number)) == 1
        assert AppData.upsert_app_data(user.id, "app", str(number), 1).version == after, version
