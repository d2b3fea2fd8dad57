"""What each endpoint asks of MongoDB: one command for the caller and what is read first."""

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.urls import resolve
from rest_framework.test import APIClient
from support.commands import CommandCounter
from support.endpoints import served
from support.issuer import SHARED, shared_token

from chabad_auth_django.models import AppData, Preferences, User
from chabad_auth_django.services.signing_in import sessions

CALLER = ["aggregate"]
FENCE = ["find"]
#: What another user may do, whom the caller acts on.
REACH = ["find"]
RANGE = "?start=2026-01-01T00:00:00Z&end=2026-02-01T00:00:00Z"
EVENT = {"eventType": "opened"}
ANALYTICS = {"eventName": "opened", "eventCategory": "custom"}
WIDGET = {"enabled": True, "customization": {}}

#: A value under a new key: no update, then the last version and the insert in one transaction.
CREATION = ["findAndModify", "find", "insert", "commitTransaction", *FENCE]
#: A value whose version is kept: looked up, moved in one transaction, and looked up again.
REMOVAL = ["find", "find", "update", "delete", "commitTransaction", "find"]
#: An entry of the audit trail, and the change that it tells of, in one transaction.
RECORDED_CHANGE = ["findAndModify", "insert", "commitTransaction"]
#: There was nothing to change: the user is read.
RECORDED_NOTHING = ["findAndModify", "find", "commitTransaction"]
#: A session, and the entry that says so.
SIGN_OUT = ["delete", "insert", "commitTransaction"]
#: There was no such session.
NO_SESSION = ["delete", "abortTransaction"]
#: A look whether it is an administrator, the user with all but the events, and its accounts at
#: issuers, in one transaction; then, under the job, each of the twelve collections of what a user
#: owns is purged, and one look whether anything is left.
REMOVED = ["find", "find", "update", "delete", "find", *["delete"] * 3]
PURGE = ["find"] * 13
DELETION = [*REMOVED, "insert", "commitTransaction", *PURGE, "aggregate"]

#: The user, and whether it is an administrator; a count of what there is; the user again;
#: the deletion; and the receipt, which counts again by one command, and the audit trail.
ERASURE = [
    *["find"] * 2,
    *["aggregate"] * 12,
    "find",
    *REMOVED,
    "aggregate",
    "insert",
    "commitTransaction",
    *PURGE,
    *["find"] * 3,
    *["aggregate"] * 2,
]

#: The user, whether it is an administrator; the block, which is new, what is stored then, and the
#: entry, in one transaction; the check of the user; and the sessions.
BLOCK = [
    *("find", "find", "update", "insert", "find", "insert"),
    *("commitTransaction", "find", "update"),
]

#: Who it is: neither a claim nor the address. Profile, Preferences, user and claim; the session,
#: an Activity and an Analytics event; two audit entries. Version 0.1.0 sent as many, without these.
FIRST_LOGIN = ["aggregate", "find", *["insert"] * 8, "commitTransaction"]
#: The user, the session, an Activity and an Analytics event. Version 0.1.0 sent eight.
NEXT_LOGIN = ["aggregate", "findAndModify", *["insert"] * 3, "commitTransaction"]

#: Verb, path, body -> the commands behind the one that reads the caller.
EXPECTED: list[tuple[str, str, Any, list[str]]] = [
    ("get", "users/me/", None, []),
    ("get", "users/me/?expand=profile,preferences", None, ["find", "find"]),
    ("patch", "users/me/", {"name": "n"}, ["findAndModify"]),
    ("patch", "users/me/", {"email": "n@example.org"}, RECORDED_CHANGE),
    ("patch", "users/{id}/profile/", {"bio": "b"}, [*REACH, *RECORDED_CHANGE]),
    ("get", "users/", None, ["find"]),
    ("put", "users/me/roles/moderator/", None, RECORDED_CHANGE),
    ("put", "users/me/auth-methods/cdsso/", None, RECORDED_CHANGE),
    ("get", "users/me/profile/", None, []),
    ("patch", "users/me/profile/", {"bio": "b"}, ["findAndModify"]),
    ("put", "users/me/profile/avatar/", {"url": "https://a.org/"}, ["findAndModify"]),
    ("get", "users/me/profile/metadata/key/", None, []),
    ("put", "users/me/profile/metadata/key/", {"value": 1}, ["findAndModify"]),
    ("get", "users/me/preferences/", None, []),
    ("patch", "users/me/preferences/", {"theme": "dark"}, ["findAndModify"]),
    ("post", "users/me/preferences/reset/", None, ["findAndModify"]),
    ("put", "users/me/preferences/favorite-apps/a/", None, ["findAndModify"]),
    ("put", "users/me/preferences/widgets/w/", {"enabled": True}, ["findAndModify"]),
    ("get", "users/me/activities/", None, []),
    ("get", "users/me/activities/?expand=user", None, ["find"]),
    ("post", "users/me/activities/", EVENT, ["insert", *FENCE]),
    ("post", "users/me/activities/", [EVENT] * 50, ["insert", *FENCE]),
    ("get", "users/me/analytics/", None, []),
    ("get", "users/me/analytics/event-counts/" + RANGE, None, ["aggregate"]),
    ("get", "analytics/category-counts/" + RANGE, None, ["find", "aggregate"]),
    ("get", "activities/", None, ["find"]),
    ("get", "users/me/app-data/", None, []),
    ("get", "users/me/app-data/cteen/", None, []),
    ("get", "users/me/app-data/cteen/settings/", None, []),
    ("put", "users/me/app-data/cteen/settings/", {"dataValue": 1}, ["findAndModify"]),
    ("put", "users/me/app-data/cteen/settings/", {"dataValue": 1, "version": 1}, ["findAndModify"]),
    ("patch", "users/me/app-data/cteen/settings/", {"dataValue": {}}, ["findAndModify"]),
    ("post", "users/", {"email": "new@example.org"}, ["insert"] * 4 + ["commitTransaction"]),
    ("get", "users/{id}/", None, ["find"]),
    ("get", "users/?role=user&order=-email", None, ["find"]),
    ("delete", "users/{id}/", None, [*REACH, *DELETION]),
    ("get", "users/me/export/", None, ["insert", "commitTransaction"]),
    ("get", "users/{id}/export/", None, [*REACH, "insert", "commitTransaction"]),
    ("get", "users/me/erasure/", None, ["find", "find"]),
    ("post", "users/{id}/erasure/", None, [*REACH, *ERASURE]),
    ("delete", "users/{id}/roles/user/", None, [*REACH, *RECORDED_CHANGE]),
    ("put", "users/{id}/permissions/users:read/", None, [*REACH, *RECORDED_CHANGE]),
    ("delete", "users/{id}/permissions/users:read/", None, [*REACH, *RECORDED_NOTHING]),
    ("delete", "users/{id}/auth-methods/credentials/", None, [*REACH, *RECORDED_NOTHING]),
    ("delete", "users/me/profile/avatar/", None, ["findAndModify"]),
    ("delete", "users/me/profile/metadata/key/", None, ["findAndModify"]),
    ("delete", "users/me/preferences/favorite-apps/a/", None, ["findAndModify"]),
    ("put", "users/me/preferences/widgets/w/", WIDGET, ["findAndModify"]),
    ("delete", "users/me/preferences/widgets/w/", None, ["findAndModify"]),
    ("post", "users/me/analytics/", ANALYTICS, ["insert", *FENCE]),
    ("get", "users/me/analytics/category-counts/" + RANGE, None, ["aggregate"]),
    ("get", "analytics/", None, ["find"]),
    ("get", "analytics/?expand=user&limit=1", None, ["find", "find"]),
    ("get", "analytics/event-counts/" + RANGE, None, ["find", "aggregate"]),
    ("get", "users/me/analytics/timeseries/" + RANGE, None, ["aggregate", "aggregate"]),
    ("get", "analytics/timeseries/" + RANGE + "&bucket=hour", None, ["aggregate", "aggregate"]),
    ("get", "analytics/timeseries/" + RANGE + "&distinct=true", None, ["aggregate"] * 4),
    ("get", "analytics/active-users/" + RANGE, None, ["aggregate", "aggregate"]),
    ("get", "analytics/retention/" + RANGE, None, ["aggregate", "aggregate"]),
    ("put", "users/me/app-data/cteen/new/", {"dataValue": 1}, CREATION),
    ("delete", "users/me/app-data/cteen/settings/", None, REMOVAL),
    ("delete", "users/me/app-data/cteen/", None, REMOVAL),
    ("post", "auth/logout/", None, SIGN_OUT),
    # There is no other.
    ("delete", "auth/sessions/", None, ["aggregate", "commitTransaction"]),
    ("delete", "auth/sessions/000000000000000000000000/", None, NO_SESSION),
    ("get", "audit/", None, ["find"]),
    ("get", "users/{id}/block/", None, ["find"]),
    ("put", "users/{id}/block/", {"reason": "abuse"}, [*REACH, *BLOCK]),
    ("delete", "users/{id}/block/", None, [*REACH, "delete", "abortTransaction"]),
    ("get", "users/me/identities/", None, ["find"]),
    # No token of any issuer.
    ("post", "users/me/identities/", {"token": "x"}, []),
    ("delete", "users/me/identities/000000000000000000000000/", None, ["find", "abortTransaction"]),
    ("get", "auth/me/", None, []),
    ("get", "auth/rules/", None, []),
    ("get", "auth/sessions/", None, ["find"]),
]


#: Without a caller; the tests of signing in and of the health count their commands.
PUBLIC = {"auth-login", "auth-refresh", "health-live", "health-ready", "index", "schema", "docs"}


def test_every_endpoint_is_counted() -> None:
    counted = {
        (resolve(f"/api/{path.split('?')[0]}").url_name, verb) for verb, path, *_ in EXPECTED
    }
    assert {item for item in served() if item[0] not in PUBLIC} == counted


@pytest.mark.parametrize(("verb", "path", "body", "expected"), EXPECTED)
def test_each_endpoint_costs_what_is_stated(
    admin: User,
    owner: User,
    login: Any,
    commands: CommandCounter,
    verb: str,
    path: str,
    body: Any,
    expected: list[str],
) -> None:
    client: APIClient = login(admin)
    AppData.upsert_app_data(admin.id, "cteen", "settings", {})
    Preferences.find_by_user_id(admin.id)
    client.put("/api/users/me/profile/metadata/key/", {"value": 1}, format="json")
    commands.clear()
    response = getattr(client, verb)(
        "/api/" + path.format(id=owner.id), body, format=None if body is None else "json"
    )
    assert response.status_code in (200, 201, 202, 204, 400, 404), response.content
    assert commands.names == CALLER + expected


def test_a_refusal_asks_for_nothing_but_the_caller(
    owner: User, login: Any, commands: CommandCounter
) -> None:
    client = login(owner)
    commands.clear()
    assert client.get("/api/users/000000000000000000000000/profile/").status_code == 403
    assert commands.names == CALLER


def test_an_anonymous_request_asks_for_nothing(login: Any, commands: CommandCounter) -> None:
    commands.clear()
    assert login(None).get("/api/users/me/").status_code == 401
    assert commands.names == []


def test_a_refresh_reads_the_session_once(
    mongodb: str, owner: User, commands: CommandCounter
) -> None:
    _, token = sessions.open_session(user_id=owner.id, auth_method="google")
    commands.clear()
    answer = APIClient().post("/api/auth/refresh/", {"refreshToken": token}, format="json")
    assert answer.status_code == 200
    assert commands.names == ["aggregate", "findAndModify"]


def test_signing_in_sends_no_more_than_it_stores(mongodb: str, commands: CommandCounter) -> None:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [SHARED]}):
        for expected in (FIRST_LOGIN, NEXT_LOGIN):
            commands.clear()
            body = {"token": shared_token()}
            assert APIClient().post("/api/auth/login/", body, format="json").status_code == 200
            assert commands.names == expected
