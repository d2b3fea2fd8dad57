"""Values of applications through the API."""

import json
from typing import Any

import pytest
from pymongo.database import Database
from rest_framework.test import APIClient
from support.requests import check_error
from support.threads import together

from chabad_auth_django.models import AppData, User

APP = "/api/users/me/app-data/"
VALUE = f"{APP}cteen/settings/"

#: The examples of RFC 7396, as far as our keys and values go: target, patch, result.
MERGES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    # And others.
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
    ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ({"a": 1}, {"a": {"b": None}}, {"a": {}}),
]


def test_a_merge_patch_that_is_put_replaces_nothing(api: APIClient) -> None:
    api.put(VALUE, {"dataValue": {"a": 1}}, format="json")
    patch = json.dumps({"dataValue": {"b": 2}})
    answer = api.put(VALUE, patch, content_type="application/merge-patch+json")
    check_error(answer, 415, "unsupported_media_type")
    assert api.get(VALUE).json()["dataValue"] == {"a": 1}


@pytest.mark.parametrize("content_type", ["application/json", "application/merge-patch+json"])
@pytest.mark.parametrize(("target", "patch", "result"), MERGES)
def test_a_patch_is_a_json_merge_patch(
    api: APIClient, target: Any, patch: Any, result: Any, content_type: str
) -> None:
    api.put(VALUE, {"dataValue": target}, format="json")
    body = json.dumps({"dataValue": patch})
    response = api.generic("PATCH", VALUE, body, content_type=content_type)
    assert (response.status_code, response.json()["version"]) == (200, 2)
    assert response.json()["dataValue"] == api.get(VALUE).json()["dataValue"] == result


def test_a_patch_of_what_does_not_exist_is_not_found(api: APIClient) -> None:
    for header in ({}, {"HTTP_IF_MATCH": "*"}):
        response = api.patch(VALUE, {"dataValue": {}}, format="json", **header)
        assert response.status_code == 404


def test_a_patch_keeps_the_value_within_its_limit(api: APIClient) -> None:
    large = "x" * 200_000
    assert api.put(VALUE, {"dataValue": {"a": large}}, format="json").status_code == 201
    assert api.patch(VALUE, {"dataValue": {"b": large}}, format="json").status_code == 400
    assert api.get(VALUE).json()["version"] == 1


def test_a_patch_costs_no_more_where_names_are_long(api: APIClient) -> None:
    patch: dict[str, Any] = {f"member{number}": number for number in range(900)}
    for level in range(15):
        patch = {f"{level}" * 2000: patch}
    api.put(VALUE, {"dataValue": {}}, format="json")
    for _ in range(2):
        assert api.patch(VALUE, {"dataValue": patch}, format="json").status_code == 200
    assert api.get(VALUE).json()["dataValue"] == patch


def test_writes_at_once_all_count(api: APIClient, owner: User, login: Any) -> None:
    clients = [login(owner) for _ in range(16)]
    answers = together(
        [
            lambda client=client, number=number: (
                client.put(VALUE, {"dataValue": number}, format="json").status_code
            )
            for number, client in enumerate(clients)
        ]
    )
    assert sorted(answers) == [200] * 15 + [201]
    assert api.get(VALUE).json()["version"] == 16
    patches = together(
        [
            lambda client=client, number=number: (
                client.patch(
                    VALUE, {"dataValue": {f"k{number}": number}}, format="json"
                ).status_code
            )
            for number, client in enumerate(clients)
        ]
    )
    assert patches == [200] * 16
    assert api.get(VALUE).json()["dataValue"] == {f"k{number}": number for number in range(16)}


def test_an_application_is_deleted_and_no_other(api: APIClient, owner: User, admin: User) -> None:
    for user, app in ((owner, "cteen"), (owner, "other"), (admin, "cteen")):
        for key in ("a", "b"):
            AppData.upsert_app_data(user.id, app, key, 1)
    assert api.delete(f"{APP}cteen/").json() == {"deleted": 2}
    assert api.delete(f"{APP}cteen/").json() == {"deleted": 0}
    left = api.get(APP).json()["results"]
    assert [(row["appId"], row["dataKey"]) for row in left] == [("other", "a"), ("other", "b")]
    assert AppData.objects(user_id=admin.id).count() == 2


def test_a_list_shows_what_a_single_read_shows(api: APIClient) -> None:
    stored = api.put(VALUE, {"dataValue": {"a": [None]}}, format="json").json()
    for path in (APP, f"{APP}?appId=cteen", f"{APP}cteen/"):
        assert api.get(path).json()["results"] == [stored]
    assert api.get(VALUE).json() == stored
    assert api.get(f"{APP}?appId=other").json()["results"] == []


def test_a_value_that_is_still_to_be_purged_is_not_changed(
    admin: User, owner: User, login: Any, raw: Database[Any]
) -> None:
    path = f"/api/users/{owner.id}/app-data/cteen/settings/"
    body = {"dataValue": 1}
    assert login(admin).put(path, body, format="json").status_code == 201
    raw.users.delete_one({"_id": owner.id})
    for verb in ("put", "patch", "delete"):
        for headers in ({}, {"HTTP_IDEMPOTENCY_KEY": verb}):
            response = getattr(login(admin), verb)(path, body, format="json", **headers)
            check_error(response, 404, "user_not_found")
