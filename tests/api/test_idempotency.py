"""``Idempotency-Key``: the same request again answers as the first time and changes nothing."""

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from rest_framework.test import APIClient
from support.clients import recording
from support.interleave import Pause, command
from support.invariants import content, leftovers
from support.threads import together

from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity, AppData, Preferences, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion, receipts
from chabad_auth_django.services.signing_in import sessions

Login = Callable[[User | None], APIClient]

KEY = {"HTTP_IDEMPOTENCY_KEY": "first"}
VALUE = "/api/users/me/app-data/cteen/settings/"
ACTIVITIES = "/api/users/me/activities/"
RECORDS = "idempotency_keys"


def database() -> Database[dict[str, Any]]:
    return connection.get_database()


def person(name: str, **fields: Any) -> User:
    return User.create_user(email=f"{name}@example.org", auth_methods=["google"], **fields)


@pytest.fixture
def ann(either_server: str, login: Login) -> APIClient:
    """A user's client, on each kind of server."""
    return login(person("ann"))


def same(first: Any, again: Any) -> None:
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert dict(again.headers) == {**first.headers, "Idempotent-Replayed": "true"}
    assert "Idempotent-Replayed" not in first.headers


# What each kind of write does to a user, and that it can be sent again.
WRITES: dict[str, tuple[str, str, Any, int]] = {
    "a user": ("patch", "", {"name": "Ann"}, 200),
    "an authentication method": ("put", "auth-methods/credentials/", None, 200),
    "the profile": ("patch", "profile/", {"bio": "b", "metadata": {"a": 1}}, 200),
    "the avatar": ("put", "profile/avatar/", {"url": "https://example.org/a.png"}, 200),
    "no avatar": ("delete", "profile/avatar/", None, 204),
    "metadata": ("put", "profile/metadata/k/", {"value": {"x": 1.5}}, 200),
    "no metadata": ("delete", "profile/metadata/k/", None, 204),
    "preferences": ("patch", "preferences/", {"notifications": {"push": False}}, 200),
    "a reset": ("post", "preferences/reset/", None, 200),
    "a favourite": ("put", "preferences/favorite-apps/x/", None, 200),
    "a widget": ("put", "preferences/widgets/w/", {"enabled": True, "customization": {}}, 200),
    "an activity": ("post", "activities/", {"eventType": "view"}, 201),
    "activities": ("post", "activities/", [{"eventType": "view"}, {"eventType": 5}], 200),
    "an event": ("post", "analytics/", {"eventName": "x", "eventCategory": "custom"}, 201),
    "a value": ("put", "app-data/cteen/new/", {"dataValue": [1, 2.0, None, "é"]}, 201),
    "a stored value": ("put", "app-data/cteen/old/", {"dataValue": 2}, 200),
    "a patch": ("patch", "app-data/cteen/old/", {"dataValue": {"a": 1}}, 200),
    "no value": ("delete", "app-data/cteen/old/", None, 204),
    "no values": ("delete", "app-data/cteen/", None, 200),
}


@pytest.mark.parametrize("name", WRITES)
def test_each_write_happens_once(ann: APIClient, name: str) -> None:
    method, path, body, status = WRITES[name]
    ann.put("/api/users/me/app-data/cteen/old/", {"dataValue": {"b": 1}}, format="json")
    send = getattr(ann, method)
    first = send(f"/api/users/me/{path}", body, format="json", **KEY)
    assert first.status_code == status, first.content
    stored = {name: list(database()[name].find()) for name in content(database())}
    for _ in range(2):
        same(first, send(f"/api/users/me/{path}", body, format="json", **KEY))
    assert stored == {name: list(database()[name].find()) for name in content(database())}
    other = {"HTTP_IDEMPOTENCY_KEY": "second"}
    anew = send(f"/api/users/me/{path}", body, format="json", **other)
    assert "Idempotent-Replayed" not in anew.headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("put", VALUE, {"dataValue": 2}),
        ("put", VALUE, {"dataValue": 1.0}),
        ("patch", VALUE, {"dataValue": 1}),
        ("put", VALUE + "?x=1", {"dataValue": 1}),
        ("put", VALUE.replace("settings", "other"), {"dataValue": 1}),
        ("delete", VALUE, None),
    ],
)
def test_the_key_of_another_request_is_refused(
    ann: APIClient, method: str, path: str, body: Any
) -> None:
    first = ann.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    refused = getattr(ann, method)(path, body, format="json", **KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert [item.data_value for item in AppData.objects] == [1]
    same(first, ann.put(VALUE, {"dataValue": 1}, format="json", **KEY))


def test_each_user_has_keys_of_their_own(mongodb: str, login: Login) -> None:
    for name in ("ann", "bob"):
        answer = login(person(name)).put(VALUE, {"dataValue": name}, format="json", **KEY)
        assert (answer.status_code, answer.json()["dataValue"]) == (201, name)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "clé", "a\x7f"])
def test_a_key_that_is_none_is_refused(api: APIClient, key: str) -> None:
    answer = api.put(VALUE, {"dataValue": 1}, format="json", HTTP_IDEMPOTENCY_KEY=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["errors"]) == ["Idempotency-Key"]
    assert AppData.objects.count() == 0


@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5-43dd"', "a b:$.~"])
def test_any_printable_key_will_do(api: APIClient, key: str) -> None:
    header = {"HTTP_IDEMPOTENCY_KEY": key}
    same(api.delete(VALUE[:-9], **header), api.delete(VALUE[:-9], **header))


def test_an_error_is_not_kept(ann: APIClient) -> None:
    assert ann.patch(VALUE, {"dataValue": 1}, format="json", **KEY).status_code == 404
    assert ann.put(VALUE, {"nonsense": 1}, format="json", **KEY).status_code == 400
    assert ann.put(VALUE, "{", content_type="application/json", **KEY).status_code == 400
    assert ann.post(VALUE, {}, format="json", **KEY).status_code == 405
    assert database()[RECORDS].count_documents({}) == 0
    assert ann.put(VALUE, {"dataValue": 1}, format="json", **KEY).status_code == 201


def test_an_error_undoes_what_was_done(mongodb: str, api: APIClient) -> None:
    widget = "/api/users/me/preferences/widgets/w/"
    body = {"customization": {"a": 1}, "enabled": True}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "METADATA_MAX_BYTES": 10}):
        assert api.put(widget, body, format="json", **KEY).status_code in (400, 413)
    assert Preferences.objects(widgets__enabled="w").count() == 0
    assert api.put(widget, body, format="json", **KEY).status_code == 200


@pytest.mark.parametrize("keyed", [{}, KEY])
def test_conflicts_answer_alike_with_a_key_and_without(
    ann: APIClient, login: Login, keyed: dict[str, str]
) -> None:
    # A duplicate key ends a transaction: nothing can be read in it any more.
    admin = login(person("admin", roles=["admin"]))
    taken = admin.post("/api/users/", {"email": "ann@example.org"}, format="json", **keyed)
    assert (taken.status_code, taken.json()["code"]) == (409, "duplicate_email")
    taken = admin.patch("/api/users/me/", {"email": "ann@example.org"}, format="json", **keyed)
    assert (taken.status_code, taken.json()["code"]) == (409, "duplicate_email")

    ann.put(VALUE, {"dataValue": 1}, format="json")
    body = {"dataValue": 2}
    there = ann.put(VALUE, body, format="json", HTTP_IF_NONE_MATCH="*", **keyed)
    assert there.status_code == 412
    assert there.json()["current"]["dataValue"] == 1
    for method in (ann.put, ann.patch, ann.delete):
        stale = method(VALUE, body, format="json", HTTP_IF_MATCH='"7"', **keyed)
        assert (stale.status_code, stale.headers["ETag"][:3]) == (412, '"1-')
    stale = ann.put(VALUE, {**body, "version": 7}, format="json", **keyed)
    assert (stale.status_code, stale.json()["current"]) == (409, {"version": 1, "dataValue": 1})
    last = ann.delete("/api/users/me/auth-methods/google/", **keyed)
    assert (last.status_code, last.json()["code"]) == (409, "last_auth_method")


def test_a_conditional_write_is_replayed_although_its_condition_fails_now(ann: APIClient) -> None:
    create = {"HTTP_IF_NONE_MATCH": "*", **KEY}
    first = ann.put(VALUE, {"dataValue": 1}, format="json", **create)
    assert (first.status_code, first.headers["ETag"][:3]) == (201, '"1-')
    same(first, ann.put(VALUE, {"dataValue": 1}, format="json", **create))


def test_a_message_that_is_stored_is_no_error(ann: APIClient) -> None:
    body = {"eventType": "view", "messageId": "m1"}
    first = ann.post(ACTIVITIES, body, format="json").json()
    assert ann.post(ACTIVITIES, body, format="json", **KEY).json() == first
    batch = ann.post(ACTIVITIES, [body], format="json", HTTP_IDEMPOTENCY_KEY="batch")
    assert batch.json() == {"accepted": 0, "duplicates": 1, "rejectedCount": 0, "rejected": []}
    assert Activity.objects.count() == 1


def test_a_thousand_events_are_stored_once(ann: APIClient) -> None:
    batch = [{"eventType": "view", "eventData": {"n": n}} for n in range(1000)]
    first = ann.post(ACTIVITIES, batch, format="json", **KEY)
    assert first.json()["accepted"] == 1000
    same(first, ann.post(ACTIVITIES, batch, format="json", **KEY))
    assert Activity.objects.count() == 1000


def test_a_deletion_is_replayed_although_there_is_nothing_left(
    either_server: str, login: Login
) -> None:
    admin, bob = login(person("admin", roles=["admin"])), person("bob")
    sessions.open_session(user_id=bob.id, auth_method="google")
    Activity.create_activity(user_id=bob.id, event_type="view")
    first = admin.delete(f"/api/users/{bob.id}/", **KEY)
    assert first.status_code == 204
    same(first, admin.delete(f"/api/users/{bob.id}/", **KEY))
    assert admin.delete(f"/api/users/{bob.id}/").status_code == 404


def test_who_deletes_oneself_leaves_no_record(either_server: str, login: Login) -> None:
    ann = login(person("ann"))
    ann.put(VALUE, {"dataValue": 1}, format="json", HTTP_IDEMPOTENCY_KEY="before")
    assert ann.delete("/api/users/me/", **KEY).status_code == 204
    assert ann.delete("/api/users/me/", **KEY).status_code == 401
    assert list(deletion.run())[-1].finished
    assert leftovers(database()) == content(database()) == {}


def test_what_was_answered_about_a_user_goes_with_the_user(
    either_server: str, login: Login
) -> None:
    admin = login(person("admin", roles=["admin"]))
    created = admin.post("/api/users/", {"email": "bob@example.org"}, format="json", **KEY)
    bob = f"/api/users/{created.json()['id']}/"
    for number, (verb, path, body, _) in enumerate(WRITES.values()):
        admin.generic(
            verb.upper(),
            bob + path,
            json.dumps(body),
            content_type="application/json",
            HTTP_IDEMPOTENCY_KEY=f"{number}",
        )
    about = {"subjectId": ObjectId(created.json()["id"])}
    assert database()[RECORDS].count_documents(about) > 10
    assert b"bob@" in b"".join(row["body"] for row in database()[RECORDS].find())
    assert admin.delete(bob, HTTP_IDEMPOTENCY_KEY="gone").status_code == 204
    assert b"bob@" not in b"".join(row["body"] for row in database()[RECORDS].find())
    assert database()[RECORDS].count_documents(about) == 0
    assert admin.delete(bob, HTTP_IDEMPOTENCY_KEY="gone").status_code == 204
    # Nobody is told what is no longer so.
    again = admin.post("/api/users/", {"email": "bob@example.org"}, format="json", **KEY)
    assert (again.status_code, again.json() == created.json()) == (201, False)


def test_a_deletion_that_takes_longer_says_so_each_time(
    mongodb: str, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "REQUEST_PURGE_SECONDS", 0.1)
    admin, bob = login(person("admin", roles=["admin"])), person("bob")
    Activity.insert_documents([Activity(user_id=bob.id, event_type="view") for _ in range(3000)])
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "PURGE_BATCH_SIZE": 1}):
        first = admin.delete(f"/api/users/{bob.id}/", **KEY)
    assert (first.status_code, first.json()) == (202, {"id": str(bob.id), "state": "purging"})
    same(first, admin.delete(f"/api/users/{bob.id}/", **KEY))


@pytest.mark.parametrize("whose", ["owner", "other"])
def test_a_write_for_a_user_who_is_deleted_meanwhile_leaves_nothing(
    replica_set_uri: str, mongodb: str, login: Login, whose: str
) -> None:
    caller = person("caller", roles=["admin"])
    target = caller if whose == "owner" else person("target")
    client = login(caller)
    pause = Pause()
    settings = {
        "MONGODB_URI": mongodb,
        "MONGODB_OPTIONS": {"event_listeners": [pause]},
        "DELETION_GRACE_SECONDS": 0,
    }
    with override_settings(CHABAD_AUTH=settings):
        assert client.get("/api/auth/me/").status_code == 200
        pause.before(command("insert", "activities"), lambda: target.delete())
        answer = client.post(
            f"/api/users/{target.id}/activities/", {"eventType": "view"}, format="json", **KEY
        )
        assert pause.done, pause.error
        assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")
        assert database()[RECORDS].count_documents({}) == 0
        assert Activity.objects.count() == 0


@pytest.mark.parametrize("path", ["auth/login/", "auth/refresh/"])
def test_signing_in_ignores_the_key(mongodb: str, path: str) -> None:
    answer = APIClient().post(f"/api/{path}", {}, format="json", HTTP_IDEMPOTENCY_KEY="\x00")
    assert answer.json()["code"] == "invalid"
    assert "Idempotency-Key" not in answer.json()["errors"]


def test_a_read_ignores_the_key(api: APIClient) -> None:
    for _ in range(2):
        answer = api.get("/api/users/me/", HTTP_IDEMPOTENCY_KEY="x" * 999)
        assert answer.status_code == 200
        assert "Idempotent-Replayed" not in answer.headers


def test_eight_requests_at_once_with_one_key_happen_once(ann: APIClient) -> None:
    def send() -> Any:
        client = APIClient()
        client.credentials(**ann._credentials)
        return client.post(ACTIVITIES, {"eventType": "view"}, format="json", **KEY)

    answers = together([send] * 8)
    done = [answer for answer in answers if answer.status_code == 201]
    # Without transactions the others are told to come back.
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(waiting) == 8, answers
    assert len({answer.content for answer in done}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
    assert Activity.objects.count() == 1
    if connection.supports_transactions():
        assert not waiting
    for answer in waiting:
        assert answer.json()["code"] == "idempotency_in_progress"
        assert 0 < int(answer.headers["Retry-After"]) <= 40


def test_a_unique_key_does_not_hide_the_answer_of_the_one_who_won(
    mongodb: str, login: Login
) -> None:
    admin = person("admin", roles=["admin"])
    body = {"email": "bob@example.org"}

    def send() -> Any:
        return login(admin).post("/api/users/", body, format="json", **KEY)

    answers = together([send] * 8)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert User.objects(email="bob@example.org").count() == 1


def test_the_keys_of_a_day_ago_are_free(ann: APIClient) -> None:
    ann.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    record = database()[RECORDS].find_one()
    assert timedelta(hours=23) < record["expiresAt"] - now() <= timedelta(days=1)
    database()[RECORDS].update_one({}, {"$set": {"expiresAt": now()}})
    again = ann.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert "Idempotent-Replayed" not in again.headers


def test_a_claim_without_an_answer_is_abandoned_in_the_end(standalone: str, login: Login) -> None:
    ann = login(person("ann"))
    ann.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    unanswered = {"$unset": {"status": 1}, "$set": {"expiresAt": now() + timedelta(seconds=9)}}
    database()[RECORDS].update_one({}, unanswered)
    waiting = ann.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "idempotency_in_progress")
    assert waiting.headers["Retry-After"] in ("8", "9")
    reused = ann.put(VALUE, {"dataValue": 2}, format="json", **KEY)
    assert reused.status_code == 422
    database()[RECORDS].update_one({}, {"$set": {"expiresAt": now()}})
    again = ann.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    assert (again.status_code, again.json()["version"]) == (200, 2)
    same(again, ann.put(VALUE, {"dataValue": 1}, format="json", **KEY))


def test_an_overtaken_request_does_not_replace_the_answer_of_its_successor(
    standalone: str, login: Login
) -> None:
    ann = login(person("ann"))
    pause = Pause()

    def overtake() -> None:
        database()[RECORDS].update_one({}, {"$set": {"expiresAt": now()}})
        second = login(User.objects.get()).post(ACTIVITIES, {"eventType": "v"}, "json", **KEY)
        assert second.status_code == 201
        kept.append(second.content)

    kept: list[bytes] = []
    options = {"event_listeners": [pause]}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": standalone, "MONGODB_OPTIONS": options}):
        assert ann.get("/api/auth/me/").status_code == 200
        pause.before(command("insert", "activities"), overtake)
        first = ann.post(ACTIVITIES, {"eventType": "v"}, format="json", **KEY)
        assert pause.done, pause.error
        again = ann.post(ACTIVITIES, {"eventType": "v"}, format="json", **KEY)
    assert first.status_code == 201
    assert [again.content] == kept != [first.content]


@pytest.mark.parametrize(
    ("server", "first", "replay", "error"),
    [
        (
            "replica_set_uri",
            ["aggregate", "insert", "findAndModify", "update", "commitTransaction", "find"],
            ["aggregate", "insert", "abortTransaction", "find"],
            [
                "aggregate",
                "insert",
                "findAndModify",
                "findAndModify",
                "find",
                "abortTransaction",
                "delete",
            ],
        ),
        (
            "standalone_uri",
            ["aggregate", "insert", "findAndModify", "update", "find"],
            ["aggregate", "insert", "find"],
            ["aggregate", "insert", "findAndModify", "findAndModify", "find", "delete"],
        ),
    ],
)
def test_a_keyed_request_sends_the_stated_commands(
    request: pytest.FixtureRequest,
    login: Login,
    server: str,
    first: list[str],
    replay: list[str],
    error: list[str],
) -> None:
    fixture = {"replica_set_uri": "mongodb", "standalone_uri": "standalone"}[server]
    uri = request.getfixturevalue(fixture)
    ann = login(person("ann"))
    ann.put(VALUE, {"dataValue": 1}, format="json")
    with recording(uri) as commands:
        for expected in (first, replay):
            ann.put(VALUE, {"dataValue": 2}, format="json", **KEY)
            assert commands.names == expected
            commands.clear()
        stale = {"dataValue": 1, "version": 7}
        ann.put(VALUE, stale, format="json", HTTP_IDEMPOTENCY_KEY="stale")
        assert commands.names == error


def test_a_request_is_known_after_the_secret_key_was_rotated(api: APIClient, owner: User) -> None:
    first = api.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    with override_settings(SECRET_KEY="n" * 50, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        same(first, api.put(VALUE, {"dataValue": 1}, format="json", **KEY))


def test_the_record_keeps_no_more_than_it_must(
    raw: Database[Any], api: APIClient, owner: User
) -> None:
    api.put(VALUE, {"dataValue": 1}, format="json", **KEY)
    record = raw[RECORDS].find_one()
    assert record["_id"] == f"{owner.id}:first"
    # Whoever reads it cannot try what the body was: it may have been a password.
    assert record["fingerprint"] != sha256(f'PUT {VALUE}\n{{"dataValue":1}}'.encode()).hexdigest()
    assert record["userId"] == owner.id
    assert isinstance(record["claim"], ObjectId)
    assert record["headers"]["ETag"].startswith('"1-')
    assert set(record) == {
        "_id", "userId", "claim", "fingerprint", "status", "headers", "body",
        "createdAt", "expiresAt",
    }  # fmt: skip
