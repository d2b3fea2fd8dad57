"""Conditional requests: nobody overwrites what they have not seen."""

import json
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient
from support.interleave import Pause, command
from support.requests import check_error
from support.signed_in import access_token
from support.threads import together

from chabad_auth_django.models import AppData, User

VALUE = "/api/users/me/app-data/cteen/settings/"

#: A resource, and a change of it.
RESOURCES = [
    ("/api/users/me/", {"name": "New"}),
    ("/api/users/me/profile/", {"bio": "New"}),
    ("/api/users/me/preferences/", {"theme": "dark"}),
    (VALUE, {"dataValue": {"new": 1}}),
]

each_resource = pytest.mark.parametrize(("path", "change"), RESOURCES)


@pytest.fixture(autouse=True)
def value(owner: User) -> AppData:
    return AppData.upsert_app_data(owner.id, "cteen", "settings", {})


@each_resource
def test_who_has_the_resource_gets_304(api: APIClient, path: str, change: Any) -> None:
    tag = api.get(path)["ETag"]
    response = api.get(path, HTTP_IF_NONE_MATCH=tag)
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", tag)
    for header in (f'W/{tag}, "x"', f'"x", {tag}', "*"):
        assert api.get(path, HTTP_IF_NONE_MATCH=header).status_code == 304
    assert api.get(path, HTTP_IF_NONE_MATCH='"x"').status_code == 200


@each_resource
def test_a_change_makes_another_tag(api: APIClient, path: str, change: Any) -> None:
    tag = api.get(path)["ETag"]
    changed = api.patch(path, change, format="json")
    assert changed["ETag"] != tag
    assert api.get(path)["ETag"] == changed["ETag"]


@each_resource
def test_a_stale_tag_changes_nothing_and_tells_what_is_stored(
    api: APIClient, path: str, change: Any
) -> None:
    stale = api.get(path)["ETag"]
    current = api.patch(path, change, format="json")
    response = api.patch(path, change, format="json", HTTP_IF_MATCH=stale)
    assert (response.status_code, response.json()["code"]) == (412, "precondition_failed")
    assert response.json()["current"] == current.json()
    assert response["ETag"] == current["ETag"]
    assert api.get(path).json() == current.json()


@each_resource
def test_the_current_tag_lets_the_change_happen(api: APIClient, path: str, change: Any) -> None:
    for tag in (api.get(path)["ETag"], "*"):
        response = api.patch(path, change, format="json", HTTP_IF_MATCH=tag)
        assert response.status_code == 200


def test_a_value_is_stored_under_a_new_key_only(api: APIClient) -> None:
    path = VALUE.replace("settings", "fresh")
    first = api.put(path, {"dataValue": 1}, format="json", HTTP_IF_NONE_MATCH="*")
    again = api.put(path, {"dataValue": 2}, format="json", HTTP_IF_NONE_MATCH="*")
    assert (first.status_code, again.status_code) == (201, 412)
    assert again.json()["current"]["dataValue"] == 1


def test_a_stale_version_tells_the_current_one_and_its_value(api: APIClient) -> None:
    api.put(VALUE, {"dataValue": {"volume": 7}}, format="json")
    response = api.put(VALUE, {"dataValue": 0, "version": 1}, format="json")
    assert (response.status_code, response.json()["code"]) == (409, "version_conflict")
    assert response.json()["current"] == {"version": 2, "dataValue": {"volume": 7}}


def test_a_version_of_what_does_not_exist_is_404(api: APIClient) -> None:
    body = {"dataValue": 1, "version": 1}
    path = VALUE.replace("settings", "absent")
    assert api.put(path, body, format="json").status_code == 404
    assert api.put(path, {"dataValue": 1}, format="json", HTTP_IF_MATCH='"1"').status_code == 412


def test_a_value_is_deleted_only_in_the_expected_version(api: APIClient) -> None:
    stale = api.delete(VALUE, HTTP_IF_MATCH='"7"')
    assert (stale.status_code, stale.json()["current"]["version"]) == (412, 1)
    assert api.delete(VALUE, HTTP_IF_MATCH='"1"').status_code == 412
    assert api.delete(VALUE, HTTP_IF_MATCH=api.get(VALUE)["ETag"]).status_code == 204
    assert api.delete(VALUE).status_code == 404


def test_the_version_of_a_deleted_value_never_comes_back(api: APIClient) -> None:
    api.delete(VALUE)
    created = api.put(VALUE, {"dataValue": 2}, format="json")
    assert (created.status_code, created.json()["version"]) == (201, 2)
    assert api.put(VALUE, {"dataValue": 3}, format="json", HTTP_IF_MATCH='"1"').status_code == 412


@pytest.mark.parametrize(
    "header", ["1", '"01x"', '"01"', '"+1"', '"١"', '""', "garbage", '"99999999999999999999999"']
)
def test_a_tag_that_is_none_of_ours_matches_nothing(api: APIClient, header: str) -> None:
    response = api.put(VALUE, {"dataValue": 1}, format="json", HTTP_IF_MATCH=header)
    assert response.status_code == 412


P = "/api/users/me/profile/"
PREFS = "/api/users/me/preferences/"

#: Each write of a part of a document, and the document whose tag counts.
PARTS = [
    ("put", f"{P}avatar/", {"url": "https://a.org/"}, P),
    ("delete", f"{P}avatar/", None, P),
    ("put", f"{P}metadata/city/", {"value": "Kfar"}, P),
    ("delete", f"{P}metadata/city/", None, P),
    ("post", f"{PREFS}reset/", None, PREFS),
    ("put", f"{PREFS}favorite-apps/cteen/", None, PREFS),
    ("delete", f"{PREFS}favorite-apps/cteen/", None, PREFS),
    ("put", f"{PREFS}widgets/w/", {"enabled": True, "customization": {"a": 1}}, PREFS),
    ("put", f"{PREFS}widgets/w/", {}, PREFS),
    ("delete", f"{PREFS}widgets/w/", None, PREFS),
    ("put", "/api/users/me/auth-methods/credentials/", None, "/api/users/me/"),
    ("delete", "/api/users/me/auth-methods/credentials/", None, "/api/users/me/"),
    ("put", "/api/users/{id}/roles/moderator/", None, "/api/users/{id}/"),
    ("delete", "/api/users/{id}/roles/moderator/", None, "/api/users/{id}/"),
    ("put", "/api/users/{id}/permissions/users:read/", None, "/api/users/{id}/"),
    ("delete", "/api/users/{id}/permissions/users:read/", None, "/api/users/{id}/"),
    ("delete", "/api/users/{id}/", None, "/api/users/{id}/"),
]


@pytest.mark.parametrize(("verb", "path", "body", "whole"), PARTS)
def test_a_part_is_changed_only_in_what_has_the_tag(
    owner: User, admin: User, login: Any, verb: str, path: str, body: Any, whole: str
) -> None:
    client = login(admin)
    path, whole = path.format(id=owner.id), whole.format(id=owner.id)

    def send(tag: str) -> Any:
        return getattr(client, verb)(
            path, body, format=None if body is None else "json", HTTP_IF_MATCH=tag
        )

    before = client.get(whole)
    for stale in ('"x"', f"W/{before['ETag']}", before["ETag"].strip('"')):
        refused = send(stale)
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
        assert refused["ETag"] == before["ETag"]
    assert client.get(whole).json() == before.json()
    assert send(f'"x", {before["ETag"]}').status_code in (200, 204)
    if path != whole:
        assert send("*").status_code in (200, 204)


def test_a_value_of_the_metadata_has_a_tag(api: APIClient) -> None:
    path = f"{P}metadata/city/"
    tag = api.put(path, {"value": 1}, format="json")["ETag"]
    assert api.get(path)["ETag"] == tag
    assert api.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 304
    stale = api.put(path, {"value": 2}, format="json", HTTP_IF_MATCH='"x"')
    assert (stale.status_code, stale.json()["current"]) == (412, {"value": 1})


def test_an_expanded_user_has_a_tag_of_all_that_is_shown(api: APIClient) -> None:
    path = "/api/users/me/?expand=profile,preferences"
    tag = api.get(path)["ETag"]
    assert api.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 304
    api.patch(PREFS, {"theme": "dark"}, format="json")
    assert api.get(path, HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_what_was_created_has_the_tag_of_the_next_read(login: Any, admin: User) -> None:
    client = login(admin)
    user = client.post("/api/users/", {"email": "new@example.org"}, format="json")
    assert client.get(f"/api/users/{user.json()['id']}/")["ETag"] == user["ETag"]
    value = client.put(VALUE, {"dataValue": 1}, format="json")
    assert (value.status_code, value["ETag"][:3]) == (201, '"1-')
    assert client.get(VALUE)["ETag"] == value["ETag"]


@pytest.mark.parametrize("verb", ["put", "patch"])
@pytest.mark.parametrize(
    ("header", "version", "status"),
    [
        ("TAG", 1, 200),
        ("*", 1, 200),
        ("*", 2, 412),
        ("TAG", 2, 412),
        ('"1"', 1, 412),
        ('"2"', 1, 412),
        ('"2", TAG', 1, 200),
        ("W/TAG", 1, 412),
        (None, 2, 409),
        (None, 1, 200),
    ],
)
def test_if_match_and_the_version_must_both_hold(
    api: APIClient, verb: str, header: str | None, version: int, status: int
) -> None:
    tag = api.get(VALUE)["ETag"]
    extra = {} if header is None else {"HTTP_IF_MATCH": header.replace("TAG", tag)}
    body = {"dataValue": {"a": 1}, "version": version}
    response = getattr(api, verb)(VALUE, body, format="json", **extra)
    assert response.status_code == status
    if status != 200:
        current = response.json()["current"]
        assert (current["version"], current["dataValue"]) == (1, {})
    assert api.get(VALUE).json()["version"] == (2 if status == 200 else 1)


#: A write of which one may win, and the status of those who lose.
RACES = [
    ("PUT", f"{VALUE}?{{round}}", {"dataValue": 1}, "If-Match", 200, 412),
    ("PATCH", VALUE, {"dataValue": {"a": 1}}, "If-Match", 200, 412),
    ("PUT", VALUE, {"dataValue": 1}, None, 200, 409),
    ("DELETE", VALUE, None, "If-Match", 204, 412),
    ("PUT", VALUE.replace("settings", "new{round}"), {"dataValue": 1}, "If-None-Match", 201, 412),
    ("PUT", f"{P}avatar/", {"url": "https://a.org/{n}"}, "If-Match", 200, 412),
    ("PUT", f"{PREFS}widgets/w{{n}}/", {"enabled": True}, "If-Match", 200, 412),
    ("PATCH", P, {"metadata": {"n": "{n}"}}, "If-Match", 200, 412),
]


@pytest.mark.parametrize(("verb", "path", "body", "header", "won", "lost"), RACES)
def test_of_sixteen_conditional_writes_one_succeeds(
    address: tuple[str, int],
    api: APIClient,
    owner: User,
    settings: Any,
    verb: str,
    path: str,
    body: Any,
    header: str | None,
    won: int,
    lost: int,
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    token = access_token(owner.id)

    def send(number: int, turn: int, headers: dict[str, str], data: Any) -> int:
        connection = HTTPConnection(*address, timeout=30)
        connection.request(
            verb,
            path.format(n=number, round=turn),
            json.dumps(data).replace("{n}", str(number)),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers},
        )
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    for turn in range(3):
        whole = P if path.startswith(P) else PREFS if path.startswith(PREFS) else VALUE
        if api.get(VALUE).status_code == 404:
            api.put(VALUE, {"dataValue": {}}, format="json")
        tag = "*" if header == "If-None-Match" else api.get(whole)["ETag"]
        headers = {header: tag} if header else {}
        data = body if header else {**body, "version": int(tag.strip('"').split("-")[0])}
        answers = together(
            [
                lambda number=number, turn=turn, headers=headers, data=data: send(
                    number, turn, headers, data
                )
                for number in range(16)
            ]
        )
        assert sorted(answers) == sorted([won] + [lost] * 15)


def test_a_user_who_is_changed_before_it_is_deleted_stays(
    replica_set_uri: str, login: Callable[[User], APIClient], owner: User, admin: User
) -> None:
    client, path = login(admin), f"/api/users/{owner.id}/"
    tag = client.get(path)["ETag"]
    pause = Pause()
    with override_settings(
        CHABAD_AUTH={**settings.CHABAD_AUTH, "MONGODB_OPTIONS": {"event_listeners": [pause]}}
    ):
        change = partial(User(id=owner.id).patch, {"name": "New"})
        pause.before(command("update", "deletions"), change)
        answer = client.delete(path, HTTP_IF_MATCH=tag)
    assert pause.done, pause.error
    check_error(answer, 412, "precondition_failed")
    assert client.get(path).json()["name"] == "New"
    assert client.delete(path, HTTP_IF_MATCH=client.get(path)["ETag"]).status_code == 204
