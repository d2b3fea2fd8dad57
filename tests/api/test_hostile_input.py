"""Whatever a client sends: a 4xx in the one shape or an exact round trip, never a 500 or HTML."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient
from support.cases import each
from support.hostile import (
    ACCEPTED,
    ACTIVITIES,
    ANALYTICS,
    DEEP,
    METADATA,
    PREFERENCES,
    PROFILE,
    REFUSED,
    SURROGATE,
    VALUE,
)
from support.requests import check_error, send

from chabad_auth_django.models import User

#: Bodies that are refused before anybody looks at their fields.
BROKEN = [
    ("{", 400),
    ("nonsense", 400),
    ('{"bio": "a", "bio": "b"}', 400),
    ('{"bio": "a", "metadata": {"k": 1, "k": 2}}', 400),
    ('{"bio": "a", "metadata": {"k":1, "k"\n\t :2}}', 400),
    (r'{"bio": "\u0022:", "metadata": {"k": 1, "k": 2}}', 400),
    ('{"metadata": {"n": NaN}}', 400),
    ('{"metadata": {"n": Infinity}}', 400),
    ('{"metadata": {"n": 1e999}}', 400),
    (f'{{"bio": {SURROGATE}}}', 400),
    (b'{"bio": "\xff"}', 400),
    (b'\xef\xbb\xbf{"bio": "a"}', 400),
    ('{"bio": "a"} trailing', 400),
    ("[" * 100_000, 400),
    ('{"n": ' + "1" * 5000 + "}", 400),
    ("null", 400),
    ("7", 400),
    ('"text"', 400),
    ("[]", 400),
    ("x" * (20 * 1024 * 1024), 413),
]


@pytest.mark.parametrize(
    ("verb", "path"),
    [("PATCH", PROFILE), ("PATCH", PREFERENCES), ("PUT", VALUE), ("POST", ACTIVITIES)],
)
def test_a_broken_body_is_refused(api: APIClient, verb: str, path: str) -> None:
    for body, status in BROKEN:
        if path == ACTIVITIES and body == "[]":
            continue  # an empty batch stores nothing, and says so
        check_error(send(api, verb, path, body), status)


@pytest.mark.parametrize(("verb", "path", "status"), [("PATCH", PROFILE, 200), ("PUT", VALUE, 400)])
def test_no_body_is_an_empty_object(api: APIClient, verb: str, path: str, status: int) -> None:
    assert send(api, verb, path, "").status_code == status


@each(("verb", "path", "field", "value"), REFUSED)
def test_a_field_refuses_what_it_cannot_hold(
    api: APIClient, verb: str, path: str, field: str, value: str
) -> None:
    check_error(send(api, verb, path, f'{{"{field}": {value}}}'), 400, "invalid")


SMUGGLED = [
    '"roles": ["admin"]',
    '"permissions": ["*"]',
    '"userId": "000000000000000000000000"',
    '"id": "000000000000000000000000"',
    '"_id": "000000000000000000000000"',
    '"__v": 3',
    '"createdAt": "2020-01-01T00:00:00Z"',
    '"updatedAt": "2020-01-01T00:00:00Z"',
    '"lastLogin": "2020-01-01T00:00:00Z"',
    '"authMethods": ["google"]',
    '"valuUserId": "1"',
    '"$set": {"roles": ["admin"]}',
]


@each("smuggled", SMUGGLED)
@each(
    ("verb", "path", "field"),
    [
        ("PATCH", "/api/users/me/", '"name": "n"'),
        ("PATCH", PROFILE, '"bio": "b"'),
        ("PATCH", PREFERENCES, '"theme": "dark"'),
        ("PUT", VALUE, '"dataValue": 1'),
        ("POST", ACTIVITIES, '"eventType": "x"'),
        ("POST", ANALYTICS, '"eventName": "x", "eventCategory": "custom"'),
    ],
)
def test_a_field_that_clients_may_not_set_is_refused(
    api: APIClient, verb: str, path: str, field: str, smuggled: str
) -> None:
    response = send(api, verb, path, f"{{{field}, {smuggled}}}")
    check_error(response, 400, "invalid")
    assert json.loads(f"{{{smuggled}}}").keys() <= response.json()["errors"].keys()


@pytest.mark.parametrize("version", ["0", "-1", "1.5", '"1"', "true", "9223372036854775808", "{}"])
def test_a_version_is_a_positive_integer(api: APIClient, version: str) -> None:
    body = f'{{"dataValue": 1, "version": {version}}}'
    check_error(send(api, "PUT", VALUE, body), 400, "invalid")


def test_a_batch_of_more_than_a_thousand_is_refused(api: APIClient) -> None:
    body = json.dumps([{"eventType": "x"}] * 1001)
    check_error(send(api, "POST", ACTIVITIES, body), 400, "invalid")


PATHS_REFUSED = [
    ("GET", "/api/users/000000000000000000000000/profile/", 403),
    ("GET", "/api/users/%00/profile/", 403),
    ("GET", "/api/users/me/nothing/", 404),
    ("GET", "/api/users/me/profile", 404),
    ("GET", "/api/users/me/app-data/a/%00/", 400),
    ("PUT", "/api/users/me/app-data/a/" + "k" * 256 + "/", 400),
    ("PUT", METADATA + "%24set/", 400),
    ("PUT", METADATA + "a.b/", 400),
    ("PUT", METADATA + "_cls/", 400),
    ("PUT", PREFERENCES + "favorite-apps/%07/", 400),
    ("DELETE", "/api/auth/sessions/nonsense/", 404),
    ("POST", PROFILE, 405),
    ("DELETE", PREFERENCES, 405),
    ("PUT", "/api/health/live/", 405),
]


@pytest.mark.parametrize(("verb", "path", "status"), PATHS_REFUSED)
def test_a_path_that_leads_nowhere_is_refused(
    api: APIClient, verb: str, path: str, status: int
) -> None:
    check_error(
        send(api, verb, path, '{"dataValue": 1}' if "app-data" in path else '{"value": 1}'), status
    )


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_another_content_type_than_json_is_refused(api: APIClient, content_type: str) -> None:
    response = api.generic("PATCH", PROFILE, b"bio=1", content_type=content_type)
    check_error(response, 415, "unsupported_media_type")


def test_an_unknown_way_to_answer_is_refused_in_json(api: APIClient) -> None:
    response = api.get(PROFILE, HTTP_ACCEPT="application/xml")
    check_error(response, 406, "not_acceptable")


@pytest.mark.parametrize("value", ACCEPTED)
def test_an_accepted_value_comes_back_exactly_and_the_list_still_answers(
    api: APIClient, value: str
) -> None:
    response = send(api, "PUT", VALUE, f'{{"dataValue": {value}}}')
    assert response.status_code == 201, response.content
    expected = json.loads(value)
    assert response.json()["dataValue"] == expected
    assert api.get(VALUE).json()["dataValue"] == expected
    listed = api.get("/api/users/me/app-data/?appId=cteen").json()["results"]
    assert [row["dataValue"] for row in listed] == [expected]


#: Verb, path, body (JSON) that only an administrator can send, and that is refused.
ADMINISTRATORS = [
    ("POST", "users/", "{}", 400),
    ("POST", "users/", '{"email": null}', 400),
    ("POST", "users/", '{"email": ""}', 400),
    ("POST", "users/", '{"email": "nobody"}', 400),
    ("POST", "users/", '{"email": {"$gt": ""}}', 400),
    ("POST", "users/", r'{"email": "a\u0000@example.org"}', 400),
    ("POST", "users/", '{"email": "a\u200b@example.org"}', 400),
    ("POST", "users/", json.dumps({"email": "a" * 250 + "@example.org"}), 400),
    ("POST", "users/", '{"email": "n@example.org", "roles": ["admin"]}', 400),
    ("POST", "users/", '{"email": "n@example.org", "permissions": ["*"]}', 400),
    ("POST", "users/", '{"email": "n@example.org", "id": "000000000000000000000000"}', 400),
    ("POST", "users/", '{"email": "n@example.org", "valuUserId": "1"}', 400),
    ("POST", "users/", '{"email": "n@example.org", "name": {"$gt": ""}}', 400),
    ("POST", "users/", '{"email": "n@example.org", "authMethods": "google"}', 400),
    ("POST", "users/", '{"email": "n@example.org", "authMethods": ["telepathy"]}', 400),
    ("POST", "users/", '{"email": "n@example.org", "authMethods": [{"$gt": ""}]}', 400),
    ("POST", "users/", '{"email": "n@example.org", "email": "m@example.org"}', 400),
    ("POST", "users/", '{"email": " OWNER@example.org "}', 409),
    ("PATCH", "users/me/", '{"email": null}', 400),
    ("PATCH", "users/me/", '{"email": "OWNER@EXAMPLE.ORG"}', 409),
    ("PATCH", "users/me/", '{"email": ["a@example.org"]}', 400),
    ("PUT", "users/me/roles/" + "x" * 101 + "/", "", 400),
    ("PUT", "users/me/roles/%07/", "", 400),
    ("PUT", "users/me/permissions/%00/", "", 400),
    ("PUT", "users/me/auth-methods/telepathy/", "", 400),
    ("PATCH", "users/000000000000000000000000/", '{"name": "n"}', 404),
    ("PATCH", "users/nobody/", '{"name": "n"}', 404),
    ("DELETE", "users/nobody/", "", 404),
    ("PUT", "users/000000000000000000000000/roles/user/", "", 404),
    ("PATCH", "users/000000000000000000000000/profile/", '{"bio": "b"}', 404),
    ("POST", "users/000000000000000000000000/activities/", '{"eventType": "x"}', 404),
    ("POST", "users/000000000000000000000000/activities/", '[{"eventType": "x"}]', 404),
    ("PUT", "users/000000000000000000000000/app-data/a/k/", '{"dataValue": 1}', 404),
    ("GET", "users/000000000000000000000000/app-data/a/k/", "", 404),
]


@each(("verb", "path", "body", "status"), ADMINISTRATORS)
def test_an_administrator_is_refused_what_cannot_be(
    login: Any, admin: User, owner: User, verb: str, path: str, body: str, status: int
) -> None:
    before = User.objects.count()
    check_error(send(login(admin), verb, f"/api/{path}", body), status)
    assert User.objects.count() == before


@pytest.mark.parametrize("value", ACCEPTED)
def test_an_accepted_value_comes_back_from_wherever_it_may_stand(
    api: APIClient, value: str
) -> None:
    expected = json.loads(value)
    if len(value) > 10_000:
        return
    path = f"{METADATA}k/"
    assert send(api, "PUT", path, f'{{"value": {value}}}').json() == {"value": expected}
    assert api.get(path).json() == {"value": expected}
    assert api.get(PROFILE).json()["metadata"] == {"k": expected}
    event = f'{{"eventType": "x", "eventData": {{"k": {value}}}, "metadata": {{"k": {value}}}}}'
    assert send(api, "POST", ACTIVITIES, event).status_code == 201
    (row,) = api.get(ACTIVITIES).json()["results"]
    assert row["eventData"] == row["metadata"] == {"k": expected}
    custom = f'{{"customization": {{"k": {value}}}}}'
    assert send(api, "PUT", f"{PREFERENCES}widgets/w/", custom).status_code == 200
    assert api.get(PREFERENCES).json()["widgets"]["customizations"] == {"w": {"k": expected}}


@each(
    ("verb", "path", "body"),
    [
        ("PUT", f"{PREFERENCES}widgets/w/", '{"enabled": "yes"}'),
        ("PUT", f"{PREFERENCES}widgets/w/", '{"enabled": null}'),
        ("PUT", f"{PREFERENCES}widgets/w/", '{"customization": null}'),
        ("PUT", f"{PREFERENCES}widgets/w/", '{"customization": {"$inc": 1}}'),
        ("PUT", f"{PREFERENCES}widgets/a.b/", '{"customization": {}}'),
        ("PUT", f"{PREFERENCES}widgets/w/", '{"id": 1}'),
        ("PUT", f"{PROFILE}avatar/", "{}"),
        ("PUT", f"{PROFILE}avatar/", '{"url": "https://a.org/", "thumbnailUrl": "x"}'),
        ("PUT", f"{PROFILE}avatar/", '{"url": "https://a.org/", "userId": "1"}'),
        ("PUT", f"{METADATA}k/", "{}"),
        ("PUT", f"{METADATA}k/", '{"value": 1, "key": "x"}'),
        ("PUT", f"{METADATA}_ref/", '{"value": 1}'),
        ("PATCH", VALUE, "{}"),
        ("PATCH", VALUE, '{"dataValue": {"$set": 1}}'),
        ("PATCH", VALUE, f'{{"dataValue": {{"a": {DEEP}}}}}'),
        ("PATCH", VALUE, '{"dataValue": 1, "version": null}'),
        ("PUT", VALUE, '{"dataValue": 1, "appId": "x"}'),
        ("PUT", VALUE, '{"value": 1}'),
    ],
)
def test_each_part_refuses_what_it_cannot_hold(
    api: APIClient, verb: str, path: str, body: str
) -> None:
    send(api, "PUT", VALUE, '{"dataValue": {}}')
    check_error(send(api, verb, path, body), 400, "invalid")
