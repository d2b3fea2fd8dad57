"""What is stored is reachable, whatever characters its name has, and a cursor takes any name."""

from typing import Any
from urllib.parse import quote

from pymongo.database import Database
from rest_framework.test import APIClient

from chabad_auth_django.models import AppData, User

NAMES = [
    *("a/b", "/", "a//b/", "a?b=c", "a%2Fb", "100%", "%25", "a b", "..", ".", "a.b", "#x"),
    *("é/ש", "~", "$set", "a\\b", "ש✓😀", "x" * 255),
]


def test_each_name_of_app_data_is_reachable(api: APIClient, raw: Database) -> None:
    for name in NAMES:
        path = f"/api/users/me/app-data/app/{quote(name, safe='')}/"
        created = api.put(path, {"dataValue": name}, format="json")
        assert (created.status_code, created.json()["dataKey"]) == (201, name)
        assert api.get(path).json()["dataValue"] == name
        assert api.patch(path, {"dataValue": 1}, format="json").status_code == 200
        assert raw.appdatas.count_documents({"dataKey": name}) == 1
        assert api.delete(path).status_code == 204
        assert api.get(path).status_code == 404


def test_a_name_that_the_web_server_has_resolved_is_not_taken_for_another(
    api: APIClient, raw: Database
) -> None:
    app = "/api/users/me/app-data/app/"
    for key in ("a", "b%2Fc"):
        api.put(f"{app}{key}/", {"dataValue": "kept"}, format="json")
    for sent, resolved in (
        ("a%2F../", ""),
        ("x%2F..%2Fa/", "a/"),
        ("b%2F%2Fc/", "b%2Fc/"),
        ("b%2F.%2Fc/", "b%2Fc/"),
        ("a/%2E%2E", ""),
    ):
        # As nginx in front of uWSGI, and Apache, pass on what they have resolved.
        for method in (api.put, api.delete):
            answer = method(
                app + resolved, {"dataValue": 1}, format="json", REQUEST_URI=f"/x{app}{sent}?q=1"
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), sent
    assert raw.appdatas.count_documents({"dataValue": "kept"}) == 2
    # What stands before our path changes nothing.
    for sent in (f"http://testserver{app}", f"/prefix/..//{app.lstrip('/')}", f"/x{app}"):
        assert api.get(app, REQUEST_URI=sent).status_code == 200, sent


def test_bytes_that_a_client_has_not_encoded_are_read_as_utf_8(api: APIClient) -> None:
    app = "/api/users/me/app-data/app/"
    for sent, passed_on, status in (("\xc3\xa9", "%C3%A9", 201), ("\xff", "%25FF", 404)):
        answer = api.put(
            f"{app}{passed_on}/", {"dataValue": 1}, format="json", REQUEST_URI=f"{app}{sent}/"
        )
        assert answer.status_code == status, sent


def test_values_of_an_application_with_a_slash_are_listed_by_the_filter(
    api: APIClient, owner: User
) -> None:
    for app in NAMES:
        AppData.create_app_data(user_id=owner.id, app_id=app, data_key="k", data_value=app)
    for app in NAMES:
        listed = api.get("/api/users/me/app-data/", {"appId": app}).json()["results"]
        assert [row["dataValue"] for row in listed] == [app]
        if "/" not in app:
            (row,) = api.get(f"/api/users/me/app-data/{quote(app, safe='')}/").json()["results"]
            assert (row["appId"], row["dataValue"]) == (app, app)


def test_each_name_of_a_favourite_a_widget_and_metadata_is_reachable(
    api: APIClient, owner: User
) -> None:
    for name in NAMES:
        if "." not in name and not name.startswith("$"):
            path = f"/api/users/me/profile/metadata/{quote(name, safe='')}/"
            assert api.put(path, {"value": 1}, format="json").status_code == 200
            assert api.get(path).json() == {"value": 1}
            assert api.delete(path).status_code == 204
        preferences = "/api/users/me/preferences"
        favourite: Any = f"{preferences}/favorite-apps/{quote(name, safe='')}/"
        assert api.put(favourite).json()["dashboard"]["favoriteApps"] == [name]
        assert api.delete(favourite).json()["dashboard"]["favoriteApps"] == []
        widget = f"{preferences}/widgets/{quote(name, safe='')}/"
        assert api.put(widget, {"enabled": True}, format="json").json()["widgets"]["enabled"] == [
            name
        ]
        assert api.delete(widget).json()["widgets"]["enabled"] == []


def test_each_stored_key_of_metadata_can_be_removed(
    api: APIClient, owner: User, raw: Database
) -> None:
    for name in [*NAMES, "_cls", "a\nb", "k" * 300]:
        stored = {name: 1, "other": 2}
        raw.profiles.update_one({}, [{"$set": {"metadata": {"$literal": stored}}}])
        path = f"/api/users/me/profile/metadata/{quote(name, safe='')}/"
        assert api.get(path).json() == {"value": 1}
        assert api.delete(path).status_code == 204
        assert raw.profiles.find_one()["metadata"] == {"other": 2}


def test_each_stored_grant_and_method_can_be_taken(
    admin: User, login: Any, owner: User, raw: Database
) -> None:
    api = login(admin)
    for name in (name for name in NAMES if len(name) <= 100):
        grants = {"roles": [name], "permissions": [name], "authMethods": ["google", name]}
        raw.users.update_one({"_id": owner.id}, {"$set": grants})
        for kind in ("roles", "permissions", "auth-methods"):
            path = f"/api/users/{owner.id}/{kind}/{quote(name, safe='')}/"
            assert api.delete(path).status_code == 200, path
        stored = raw.users.find_one({"_id": owner.id})
        assert {field: stored[field] for field in grants} == {
            "roles": [],
            "permissions": [],
            "authMethods": ["google"],
        }


def test_a_cursor_takes_names_of_any_length(api: APIClient, owner: User, raw: Database) -> None:
    for number in range(5):
        name = f"{number}{'é/ש' * 20_000}"
        raw.appdatas.insert_one({"userId": owner.id, "appId": "app", "dataKey": name})
    found, url = [], "/api/users/me/app-data/app/?limit=2"
    while url:
        page = api.get(url).json()
        found += [row["dataKey"][0] for row in page["results"]]
        url = page["next"]
    assert found == ["0", "1", "2", "3", "4"]
