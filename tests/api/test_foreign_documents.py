"""What other programs stored: no document of theirs breaks a list, a read or a write."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, MinKey, ObjectId, Regex, encode
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from rest_framework.test import APIClient

from chabad_auth_django.models import User

NOW = datetime.datetime.now(datetime.UTC)
RANGE = "?start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"

#: Stands for a field that is not there at all.
MISSING = object()

FOREIGN: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "text": "text",
    "number": 7,
    "NaN": float("nan"),
    "true": True,
    "list": [1, {"a": 1}],
    "dates": [NOW, NOW],
    "object": {"$gt": 1, "a.b": 2, "_cls": "User", "": None},
    "decimal": Decimal128("1.5"),
    "bytes": b"\xff\xfe",
    "uuid": Binary(bytes(16), 4),
    "uuid of three bytes": Binary(b"abc", 4),
    "regex": Regex("a.*", "i"),
    "code": Code("x"),
    "reference": DBRef("users", 1),
    "least": MinKey(),
    "year 33658": DatetimeMS(10**15),
    "year -29719": DatetimeMS(-(10**15)),
}

EVENT = {"userId": None, "timestamp": NOW, "appId": "cteen", "eventCategory": "custom"}

#: Collection -> a document of ours; `None` stands for the owner's id.
OURS: dict[str, dict[str, Any]] = {
    "users": {"email": "owner@example.org", "authMethods": ["google"], "roles": ["user"]},
    "profiles": {"userId": None, "bio": "b", "avatar": {"url": "https://a.org/"}, "metadata": {}},
    "preferences": {"userId": None, "theme": "dark", "notifications": {}, "widgets": {}},
    "appdatas": {"userId": None, "appId": "cteen", "dataKey": "k", "dataValue": 1, "version": 1},
    "activities": {**EVENT, "eventType": "opened"},
    "analytics": {**EVENT, "eventName": "opened"},
}

#: Collection -> the fields that another program stored otherwise.
FIELDS = {
    "users": "name email authMethods roles permissions lastLogin createdAt version _cls",
    "profiles": "displayName avatar avatar.url metadata updatedAt version _cls",
    "preferences": "theme notifications notifications.push widgets widgets.enabled "
    "widgets.customizations dashboard dashboard.favoriteApps version _cls",
    "appdatas": "dataValue version createdAt _cls",
    "activities": "userId timestamp eventType eventData metadata appId sessionId _cls",
    "analytics": "userId timestamp eventName eventCategory eventData",
}

#: Collection -> reads of the owner ("/me/") and of the administrator.
READS = {
    "users": [
        "users/me/",
        "users/me/?expand=profile,preferences",
        "auth/me/",
        "users/?limit=1",
        "users/?limit=1&order=email",
        "users/?limit=1&order=-email",
    ],
    "profiles": ["users/me/profile/", "users/me/?expand=profile"],
    "preferences": ["users/me/preferences/", "users/me/?expand=preferences"],
    "appdatas": [
        "users/me/app-data/?limit=1",
        "users/me/app-data/cteen/",
        "users/me/app-data/cteen/k/",
    ],
    "activities": ["users/me/activities/?expand=user", "activities/?expand=user&limit=1"],
    "analytics": [
        "analytics/?expand=user&limit=1",
        "users/me/analytics/event-counts/" + RANGE,
        "analytics/category-counts/" + RANGE,
    ],
}

VALUE = "users/me/app-data/cteen/k/"
WIDGET = "users/me/preferences/widgets/clock/"
WRITES: dict[str, list[tuple[str, str, Any]]] = {
    "users": [
        ("patch", "users/me/", {"name": "New"}),
        ("put", "users/{id}/roles/moderator/", None),
        ("put", "users/{id}/permissions/users:read/", None),
        ("delete", "users/{id}/roles/moderator/", None),
        ("put", "users/me/auth-methods/google/", None),
        ("put", "users/me/auth-methods/credentials/", None),
        ("delete", "users/me/auth-methods/credentials/", None),
    ],
    "profiles": [
        ("patch", "users/me/profile/", {"bio": "New"}),
        ("put", "users/me/profile/metadata/k/", {"value": 1}),
        ("delete", "users/me/profile/metadata/k/", None),
        ("put", "users/me/profile/avatar/", {"url": "https://a.org/"}),
        ("delete", "users/me/profile/avatar/", None),
    ],
    "preferences": [
        ("patch", "users/me/preferences/", {"widgets": {"customizations": {"a": {}}}}),
        ("put", WIDGET, {"enabled": True, "customization": {"city": "Kfar"}}),
        ("put", WIDGET, {"enabled": False}),
        ("delete", WIDGET, None),
        ("put", "users/me/preferences/favorite-apps/cteen/", None),
        ("delete", "users/me/preferences/favorite-apps/cteen/", None),
        ("post", "users/me/preferences/reset/", None),
    ],
    "appdatas": [
        ("patch", VALUE, {"dataValue": "new"}),
        ("put", VALUE, {"dataValue": {"new": 1}}),
        ("delete", VALUE, None),
        ("put", VALUE, {"dataValue": None}),
    ],
    "activities": [],
    "analytics": [],
}

EACH = [(name, field) for name, fields in FIELDS.items() for field in fields.split()]


@pytest.fixture
def send(
    api: APIClient, admin: User, login: Callable[..., APIClient], owner: User
) -> Callable[..., Any]:
    """Send a request as the owner where the path says `me`, else as the administrator."""
    administrator = login(admin)

    def send(verb: str, path: str, body: Any = None) -> Any:
        client = api if path.startswith(("users/me/", "auth/me/")) else administrator
        path = path.format(id=owner.id)
        return getattr(client, verb)(f"/api/{path}", body, format=body and "json")

    return send


@pytest.fixture
def store(raw: Database[Any], owner: User) -> Callable[..., None]:
    """Store a document with one foreign value beside those of ours."""

    def store(collection: str, field: str, value: Any) -> None:
        document = {name: value or owner.id for name, value in OURS[collection].items()}
        key = {"_id": owner.id} if collection == "users" else {"userId": owner.id}
        if collection in ("activities", "analytics", "appdatas"):
            raw[collection].delete_many({})
            raw[collection].insert_one(document)
        else:
            raw[collection].replace_one(key, document)
        # In a pipeline, to replace what is above the field too; a literal is no operator.
        new = "$$REMOVE" if value is MISSING else {"$literal": value}
        raw[collection].update_one(key, [{"$set": {field: new}}])
        if collection in ("activities", "analytics"):
            raw[collection].insert_one({**document, "_id": ObjectId()})
        if collection == "appdatas":
            raw[collection].insert_one({**document, "_id": ObjectId(), "dataKey": "other"})

    return store


@pytest.mark.parametrize(("collection", "field"), EACH)
def test_what_another_program_stored_can_be_read(
    send: Any, store: Any, collection: str, field: str
) -> None:
    for name, value in FOREIGN.items():
        store(collection, field, value)
        for path in READS[collection]:
            url: str | None = path
            while url:
                response = send("get", url)
                assert response.status_code == 200, (name, url, response.content)
                assert response["Content-Type"] == "application/json"
                body = response.json()
                # The pages of a list, to the last.
                following = body.get("next") if isinstance(body, dict) else None
                url = following and following.partition("/api/")[2]


@pytest.mark.parametrize(("collection", "field"), [item for item in EACH if WRITES[item[0]]])
def test_what_another_program_stored_can_be_changed(
    send: Any, store: Any, collection: str, field: str
) -> None:
    for name, value in FOREIGN.items():
        store(collection, field, value)
        for verb, path, body in WRITES[collection]:
            response = send(verb, path, body)
            assert response.status_code in (200, 201, 204), (name, verb, path, response.content)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (DatetimeMS(10**15), "+033658-09-27T01:46:40.000Z"),
        (DatetimeMS(253_402_300_800_000), "+010000-01-01T00:00:00.000Z"),
        (DatetimeMS(-62_135_596_800_001), "+000000-12-31T23:59:59.999Z"),
        (DatetimeMS(-(10**15)), "-029719-04-05T22:13:20.000Z"),
        (datetime.datetime(2026, 1, 31, 12, 0, 0, 7_000), "2026-01-31T12:00:00.007Z"),
        (float("nan"), None),
        (float("inf"), None),
        (Decimal128("1.50"), "1.50"),
        (Binary(bytes(15) + b"\1", 4), "00000000-0000-0000-0000-000000000001"),
        (ObjectId("0" * 24), "0" * 24),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_a_value_that_json_lacks_is_shown_as_text_or_null(
    api: APIClient, raw: Database[Any], owner: User, value: Any, expected: Any
) -> None:
    raw.activities.insert_one({"userId": owner.id, "timestamp": NOW, "eventData": {"x": value}})
    (row,) = api.get("/api/users/me/activities/").json()["results"]
    assert row["eventData"] == {"x": expected}


def test_text_that_is_no_utf_8_is_shown_with_replacements(
    api: APIClient, raw: Database[Any], owner: User
) -> None:
    document = encode({"userId": owner.id, "bio": "xxbroken"}).replace(b"xx", b"\xff\xfe")
    raw.profiles.delete_many({})
    raw.profiles.insert_one(RawBSONDocument(document))
    assert api.get("/api/users/me/profile/").json()["bio"] == "\ufffd\ufffdbroken"


def test_a_list_passes_over_what_has_no_place_in_its_order(
    api: APIClient, raw: Database[Any], owner: User
) -> None:
    times = [DatetimeMS(10**15), DatetimeMS(10**15 + 1), "2026-01-01", [NOW, NOW], None, NOW]
    raw.activities.insert_many([{"userId": owner.id, "timestamp": time} for time in times])
    raw.activities.insert_many(
        [{"_id": id, "userId": owner.id, "timestamp": NOW} for id in ("text", 7, {"a": 1})]
    )
    url, seen = "/api/users/me/activities/?limit=1", 0
    while url:
        body = api.get(url).json()
        seen += len(body["results"])
        url = body["next"]
    assert seen == 1


def test_the_tag_of_a_document_with_a_version_of_somebody_elses_tells_changes(
    api: APIClient, raw: Database[Any], owner: User
) -> None:
    raw.profiles.update_one({}, {"$set": {"version": 1}})
    before = api.get("/api/users/me/profile/")["ETag"]
    assert api.patch("/api/users/me/profile/", {"bio": "b"}, format="json")["ETag"] != before


def test_the_version_of_a_foreign_value_goes_on_after_its_deletion(
    api: APIClient, raw: Database[Any], owner: User
) -> None:
    row = {"userId": owner.id, "appId": "cteen", "dataKey": "k", "dataValue": 1, "version": 7.0}
    raw.appdatas.insert_one(row)
    path = f"/api/{VALUE}"
    assert api.put(path, {"dataValue": 2}, format="json").json()["version"] == 8
    assert api.delete(path).status_code == 204
    assert api.put(path, {"dataValue": 2}, format="json").json()["version"] == 9


def test_a_document_that_another_program_has_filled_is_too_large_to_grow(
    send: Any, raw: Database[Any], owner: User
) -> None:
    raw.appdatas.insert_one({"userId": owner.id, "appId": "cteen", "dataKey": "k", "version": 1})
    grown: dict[str, tuple[str, str, Any]] = {
        "users": ("patch", "", {"name": "x" * 100}),
        "profiles": ("put", "profile/metadata/k/", {"value": "x" * 100}),
        "preferences": ("put", f"preferences/favorite-apps/{'x' * 100}/", None),
        "appdatas": ("patch", "app-data/cteen/k/", {"dataValue": {"a": "x" * 100}}),
    }
    for name, (verb, path, body) in grown.items():
        row = raw[name].find_one({"_id" if name == "users" else "userId": owner.id})
        room = 16 * 2**20 - len(encode({**row, "theirs": b""}))
        raw[name].update_one({"_id": row["_id"]}, {"$set": {"theirs": bytes(room)}})
        response = send(verb, f"users/me/{path}", body)
        assert (response.status_code, response.json()["code"]) == (413, "too_large"), name
        raw[name].replace_one({"_id": row["_id"]}, row)


def test_what_a_validator_of_another_team_refuses_is_invalid(
    send: Any, raw: Database[Any], owner: User
) -> None:
    raw.command("collMod", "profiles", validator={"bio": {"$ne": "secret"}})
    raw.command("collMod", "activities", validator={"eventType": {"$ne": "secret"}})
    events = [{"eventType": "ok"}, {"eventType": "secret"}]
    try:
        for response in (
            send("patch", "users/me/profile/", {"bio": "secret"}),
            send("post", "users/me/activities/", events),
        ):
            assert (response.status_code, response.json()["code"]) == (400, "invalid")
    finally:
        for name in ("profiles", "activities"):
            raw.command("collMod", name, validator={})
