from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Binary, DatetimeMS, Decimal128, MaxKey, MinKey, ObjectId, encode
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from support import exotic
from support.management import interrupted, run

from chabad_auth_django.db import batches
from chabad_auth_django.models import Activity, Analytics, AppData, User
from chabad_auth_django.services.deployment import integrity
from chabad_auth_django.services.identity import external_ids
from chabad_auth_django.services.lifecycle import deletion

COMMAND = "chabad_check_integrity"

Spoil = Callable[[Database, User], Any]

NOBODY = ObjectId("f" * 24)


def far_date(raw: Database, user: User) -> None:
    row = {"_id": ObjectId(), "userId": user.id, "eventType": "far"}
    document = encode({**row, "timestamp": datetime(2000, 1, 1, tzinfo=UTC)})
    milliseconds = (946_684_800_000).to_bytes(8, "little")
    assert milliseconds in document
    far = document.replace(milliseconds, (2**62).to_bytes(8, "little"))
    raw.activities.insert_one(RawBSONDocument(far))


def stale_claim(raw: Database, user: User) -> None:
    external_ids.link_external_id(user_id=user.id, field="valuUserId", value="v1")
    raw.users.update_one({}, {"$unset": {"valuUserId": 1}})


def low_version(raw: Database, user: User) -> None:
    AppData.upsert_app_data(user.id, "a", "k", 1)
    AppData.delete_app_data(user.id, "a", "k")
    AppData.upsert_app_data(user.id, "a", "k", 1)
    raw.appdatas.update_one({"dataKey": "k"}, {"$set": {"version": 1}})


def second_user(raw: Database, fields: dict[str, Any]) -> None:
    bob = User.create_user(email="bob@example.org")
    raw.users.update_one({"_id": bob.id}, {"$set": fields})


def drop_unique(raw: Database, user: User) -> None:
    raw.users.update_one({}, {"$set": {"email": "ANN@example.org "}})
    User.create_user(email="ann@example.org")


#: What is wrong -> kind of the finding, how often, whether it can be repaired.
CASES: dict[str, tuple[Spoil, dict[str, int], bool]] = {
    "orphaned event": (
        lambda raw, user: raw.activities.insert_many(
            [{"userId": NOBODY, "eventType": "x"} for _ in range(3)]
        ),
        {"orphan": 3},
        True,
    ),
    "orphaned profile": (
        lambda raw, user: raw.profiles.insert_one({"userId": NOBODY}),
        {"orphan": 1},
        True,
    ),
    "orphaned tombstone": (
        lambda raw, user: raw.appdata_tombstones.insert_one(
            {"_id": {"userId": NOBODY, "appId": "a", "dataKey": "k"}, "version": 1}
        ),
        {"orphan": 1},
        True,
    ),
    "no profile": (lambda raw, user: raw.profiles.delete_many({}), {"missing_document": 1}, True),
    "no profile and preferences": (
        lambda raw, user: [raw[name].delete_many({}) for name in ("profiles", "preferences")],
        {"missing_document": 2},
        True,
    ),
    "address in upper case": (
        lambda raw, user: raw.users.update_one({}, {"$set": {"email": "Ann@Example.org"}}),
        {"email_not_normalised": 1},
        True,
    ),
    "address twice": (drop_unique, {"duplicate_email": 1, "email_not_normalised": 1}, False),
    "external id twice": (
        lambda raw, user: [
            second_user(raw, {"valuUserId": "v"}),
            raw.users.update_one({"_id": user.id}, {"$set": {"valuUserId": "v"}}),
        ],
        {"duplicate_external_id": 1},
        False,
    ),
    "stale claim": (stale_claim, {"stale_claim": 1}, True),
    "low version": (low_version, {"low_version": 1}, True),
    "invalid user": (
        lambda raw, user: raw.users.update_one({}, {"$set": {"roles": "admin"}}),
        {"invalid": 1},
        False,
    ),
    "invalid event": (
        lambda raw, user: raw.activities.insert_one({"userId": user.id, "eventType": 1}),
        {"invalid": 1},
        False,
    ),
    "no user id": (
        lambda raw, user: raw.analytics.insert_one({"userId": {"a": 1}}),
        {"invalid": 1},
        False,
    ),
    "date that Python cannot hold": (far_date, {"invalid": 1}, False),
}


@pytest.fixture
def ann(user: User) -> User:
    """A user whose documents are all as they should be."""
    Activity.create_activity(user_id=user.id, event_type="x")
    AppData.upsert_app_data(user.id, "app", "key", {"a": [1]})
    external_ids.link_external_id(user_id=user.id, field="merkosUserId", value="m1")
    return user


def content(raw: Database) -> dict[str, list[Any]]:
    return {
        name: list(raw.get_collection(name).find(batch_size=50).sort("_id"))
        for name in raw.list_collection_names()
        if name not in ("activities", "audit_log")
    }


def test_where_all_is_well_nothing_is_found(ann: User) -> None:
    result = run(COMMAND, "--json")
    assert (result.code, result.err) == (0, "")
    assert list(result.json["counts"]) == list(integrity.KINDS)
    assert not any(result.json["counts"].values())
    assert (result.json["findings"], result.json["scanned"]) == ([], 6)
    assert run(COMMAND).lines[-1] == "6 documents checked."


@pytest.mark.parametrize("case", CASES)
def test_what_is_amiss_is_found_and_repaired(ann: User, raw: Database, case: str) -> None:
    spoil, expected, can_be_repaired = CASES[case]
    spoil(raw, ann)
    before = content(raw)
    result = run(COMMAND, "--json")
    assert result.code == 1
    assert {kind: n for kind, n in result.json["counts"].items() if n} == expected
    assert not any(result.json["repaired"].values())
    assert list(result.json["findings"][0]) == ["kind", "collection", "id", "detail", "repaired"]
    assert content(raw) == before

    result = run(COMMAND, "--repair", "--json")
    assert result.code == (0 if can_be_repaired else 1)
    if can_be_repaired:
        assert sum(result.json["repaired"].values()) == sum(expected.values())
        assert run(COMMAND).code == 0
    else:
        assert content(raw) == before
    assert Activity.objects(user_id=ann.id, event_type="x").count() == 1


#: Collection -> the path of a field, and values that a Document would make something else of.
UNSEEN: dict[str, list[tuple[str, list[Any]]]] = {
    "users": [
        ("name", [7, ["Ann"]]),
        ("lastLogin", ["2026-01-01", 1_700_000_000]),
        ("roles", [{"0": "user"}, [["user"]]]),
        ("authMethods", ["google"]),
    ],
    "profiles": [
        ("userId", [str]),
        ("avatar", ["https://a.org/", ["x"]]),
        ("avatar.url", [{"a": 1}]),
        ("metadata", [[], "{}"]),
    ],
    "preferences": [
        ("userId", [str]),
        ("theme", [1]),
        ("notifications", [True]),
        ("notifications.email", ["no", 0, 1]),
        ("dashboard", [["grid"]]),
        ("dashboard.favoriteApps", ["app", [7]]),
    ],
    "appdatas": [
        ("userId", [str]),
        ("version", ["1", Decimal128("1"), 1.5, True, [1], float("inf")]),
        ("createdAt", ["2026-01-01"]),
    ],
    "activities": [
        ("userId", [str]),
        ("timestamp", [None, "2026-01-01", 7, DatetimeMS(2**62)]),
        ("eventData", ["{}"]),
    ],
    "analytics": [("userId", [str]), ("timestamp", [None]), ("eventName", [1])],
}


def test_it_sees_what_is_stored(ann: User, raw: Database, subtests: Any) -> None:
    """Not what hydration makes of it: ids of texts, numbers of texts, nothing of what is odd."""
    Analytics.create_analytics(user_id=ann.id, event_name="x", event_category="custom")
    for name, cases in UNSEEN.items():
        sound = raw[name].find_one()
        for path, values in cases:
            for value in values:
                value = str(ann.id) if value is str else value
                raw[name].update_one({}, [{"$set": {path: {"$literal": value}}}])
                with subtests.test(f"{name} {path} {value!r}"):
                    findings = run(COMMAND, "--json").json["findings"]
                    found = [row for row in findings if row["kind"] == "invalid"]
                    assert [row["collection"] for row in found] == [name]
                    assert found[0]["detail"].startswith(path)
                raw[name].replace_one({}, sound)
        raw[name].update_one({}, {"$set": {"version": 3.0, "bio": None, "theirs": MaxKey()}})
    raw.activities.update_one({}, {"$unset": {"timestamp": 1}})
    (finding,) = run(COMMAND, "--json").json["findings"]
    assert finding["detail"].startswith("timestamp")


def test_what_is_wrong_within_a_list_is_named_by_its_path(ann: User, raw: Database) -> None:
    raw.users.update_one({}, {"$set": {"roles": ["user", ""]}})
    raw.preferences.update_one({}, {"$set": {"widgets.enabled": [""]}})
    text = "Expected a string of 1 to {} characters."
    details = [row["detail"] for row in run(COMMAND, "--json").json["findings"]]
    assert details == [f"roles.1: {text.format(100)}", f"widgets.enabled.0: {text.format(255)}"]


def test_no_id_of_another_program_ends_it(ann: User, raw: Database) -> None:
    raw.profiles.insert_one({"userId": NOBODY})
    ids: list[Any] = ["text", 7, 2.5, {"a": 1}, None, Binary(b"x", 4), MinKey(), {"b": [1]}]
    ids += [True, Decimal128("1"), datetime(2026, 1, 1), DatetimeMS(2**62), "\ufffd"]
    for number, id in enumerate(ids):
        raw.users.insert_one(exotic.raw({"_id": id, "email": f"U{number}@example.org"}))
        raw.external_ids.insert_one({"_id": f"valuUserId:{number}", "userId": id})
        raw.appdatas.insert_one({"userId": id, "appId": number, "dataKey": "k", "version": 1})
        key = {"userId": id, "appId": float(number), "dataKey": "k"}
        raw.appdata_tombstones.insert_one({"_id": key, "version": "x"})
    raw.users.insert_one({"_id": "other", "email": "u1@EXAMPLE.org"})
    for arguments in ((), ("--repair",)):
        result = run(COMMAND, *arguments, "--json")
        assert (result.code, result.err.count("\n")) == (1, 1), result
        assert result.json["counts"]["invalid"] > len(ids)
        assert result.json["counts"]["orphan"] == 1
    assert raw.profiles.count_documents({}) == 1


def test_on_a_standalone_server_too(standalone: str) -> None:
    user = User.create_user(email="ann@example.org")
    user._get_db().profiles.delete_many({})
    user._get_db().activities.insert_one({"userId": NOBODY})
    assert run(COMMAND).code == 1
    assert run(COMMAND, "--repair").code == 0


def test_a_deletion_under_way_is_no_finding(ann: User, raw: Database) -> None:
    deletion.delete_user(user_id=ann.id, seconds=0)
    assert raw.activities.count_documents({}) == 1
    assert run(COMMAND, "--repair").code == 0
    assert raw.activities.count_documents({}) == 1


def test_a_user_who_comes_before_the_repair_keeps_the_documents(
    raw: Database, mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.profiles.insert_one({"userId": NOBODY})
    raw.preferences.insert_one({"userId": NOBODY})
    original = integrity._purge

    def late(user_id: ObjectId) -> bool:
        raw.users.insert_one({"_id": NOBODY, "email": "late@example.org"})
        return original(user_id)

    monkeypatch.setattr(integrity, "_purge", late)
    assert run(COMMAND, "--repair").code == 1
    assert raw.profiles.count_documents({}) == raw.preferences.count_documents({}) == 1


def test_only_the_first_of_many_are_shown_and_all_are_counted(ann: User, raw: Database) -> None:
    raw.activities.insert_many([{"userId": ObjectId(), "eventType": "x"} for _ in range(50)])
    result = run(COMMAND, bar=True)
    assert len([line for line in result.lines if line.startswith("orphan  activities")]) == 20
    assert any(line.split() == ["orphan", "50", "0"] for line in result.lines)
    assert "checking" in result.err
    assert len(run(COMMAND, "--json").json["findings"]) == 20


def test_after_an_interruption_the_same_command_goes_on(
    ann: User, raw: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches.in_batches, "__defaults__", (2,))
    raw.activities.insert_many([{"userId": ObjectId(), "eventType": "x"} for _ in range(9)])
    with interrupted(integrity, "_purge", after=4):
        assert run(COMMAND, "--repair").code == 130
    assert raw.activities.count_documents({}) == 6
    result = run(COMMAND, "--repair", "--json")
    assert (result.code, result.json["repaired"]["orphan"]) == (0, 5)
    assert raw.activities.count_documents({}) == 1


def test_damaged_values_of_other_programs_are_told_apart(raw: Database, user: User) -> None:
    row = {"userId": user.id, "eventType": "read", "appId": "app", "timestamp": datetime.now(UTC)}
    # A broken text; an old binary with another length inside; bytes that are no UUID.
    values = [b"\x02a\0\4\0\0\0\xff\xfeb\0", b"\5a\0\1\0\0\0\2a", b"\5a\0\3\0\0\0\4abc"]
    for value in values:
        inner = RawBSONDocument((len(value) + 5).to_bytes(4, "little") + value + b"\0")
        raw.activities.insert_one(RawBSONDocument(encode({**row, "eventData": inner})))
    raw.activities.insert_one({"userId": NOBODY, "eventType": "x"})
    result = run(COMMAND, "--json").json
    found = {(item["kind"], item["detail"].partition(",")[0]) for item in result["findings"]}
    assert found == {
        ("invalid", "a text is not UTF-8"),
        ("invalid", "a value is damaged"),
        ("invalid", "eventData: A value of type Binary cannot be stored."),
        ("orphan", f"no user {NOBODY}"),
    }
