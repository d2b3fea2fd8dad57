"""App data: versions, and namespaces in a URL as a browser makes it."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128
from support.universe import FrontEnd, check_error

from chabad_auth_django.models import AppData, User


def store(page: FrontEnd, namespace: Any, data: Any = 1, **rest: Any) -> Any:
    return page.post("app-data/me/cteen", {"namespace": namespace, "data": data, **rest})


def stored(page: FrontEnd) -> dict[str, Any]:
    answer = page.get("app-data/me/cteen")
    assert answer.status_code == 200, answer.content
    return {item["namespace"]: item["data"] for item in answer.json()["data"]}


def test_a_value_has_what_the_clients_read(page: FrontEnd, me: User) -> None:
    assert page.get("app-data/me/cteen").json()["data"] == []
    answer = store(page, "a/b", {"x": [1, None]})
    assert answer.status_code == 200
    entry = answer.json()["data"]
    assert entry.pop("createdAt") == entry.pop("updatedAt")
    assert entry == {
        "userId": str(me.id),
        "appId": "cteen",
        "namespace": "a/b",
        "data": {"x": [1, None]},
        "version": 1,
    }
    listed = page.get(f"app-data/{me.id}/cteen")
    assert listed.json()["data"][0].items() >= entry.items()
    again = page.get("app-data/me/cteen", HTTP_IF_NONE_MATCH=listed["ETag"])
    assert again.status_code == 304
    for value in (None, 0, "", False, [], {}):
        assert store(page, "any", value).json()["data"]["data"] == value
    for body in ({"namespace": "a"}, {"data": 1}, {"namespace": 7, "data": 1}, []):
        check_error(page.post("app-data/me/cteen", body), 400)
    check_error(page.get("app-data/user123/cteen"), 403)


def test_the_version_decides_who_wins(page: FrontEnd) -> None:
    assert store(page, "k", "a", version=0).json()["data"]["version"] == 1
    current = store(page, "k", "b", version=0)
    check_error(current, 409, "version_conflict")
    assert current.json()["current"]["data"] == "a"
    assert store(page, "k", "b", version=1).json()["data"]["version"] == 2
    late = store(page, "k", "c", version=1)
    check_error(late, 409, "version_conflict")
    assert late.json()["current"].items() >= {"data": "b", "version": 2, "namespace": "k"}.items()
    assert store(page, "k", "d").json()["data"]["version"] == 3
    assert store(page, "k", "e", version=None).json()["data"]["version"] == 4
    # What was deleted does not come back.
    assert page.send("DELETE", "app-data/me/cteen/k").json() == {"success": True, "deleted": 1}
    gone = store(page, "k", "f", version=4)
    check_error(gone, 409, "version_conflict")
    assert gone.json()["current"] is None
    assert store(page, "k", "g", version=0).json()["data"]["version"] > 4
    for version in (-1, "1", 1.5, True, 2**63):
        check_error(store(page, "k", "h", version=version), 400)


def test_an_administrator_meets_a_conflict_too(page: FrontEnd, me: User) -> None:
    other = User.create_user(email="o@example.org", auth_methods=["google"])
    AppData.create_app_data(user_id=other.id, app_id="cteen", data_key="k", data_value=1)
    me.add_role("admin")
    path = f"app-data/{other.id}/cteen"
    for version in (0, 7):
        answer = page.post(path, {"namespace": "k", "data": 2, "version": version})
        check_error(answer, 409, "version_conflict")
        assert answer.json()["current"]["version"] == 1


def test_disjoint_members_are_merged_where_the_setting_says_so(
    page: FrontEnd, configure: Any
) -> None:
    store(page, "k", {"a": 1, "b": 2.0})
    store(page, "k", {"a": 1, "b": 2.0, "c": 3})
    check_error(store(page, "k", {"a": 1, "b": 2, "d": 4}, version=1), 409)
    with configure(UNIVERSE_MERGES_APP_DATA=True):
        merged = store(page, "k", {"a": 1, "b": 2, "d": 4}, version=1).json()["data"]
        assert merged["data"] == {"a": 1, "b": 2.0, "c": 3, "d": 4}
        assert merged["version"] == 3
        check_error(store(page, "k", {"a": 9}, version=1), 409)
        check_error(store(page, "k", [1], version=1), 409)


def test_a_merge_keeps_what_other_programs_stored(
    page: FrontEnd, me: User, raw: Any, configure: Any
) -> None:
    foreign = {"price": Decimal128("1.50"), "at": datetime(2026, 1, 1, tzinfo=UTC)}
    store(page, "k", {"a": 1})
    raw.appdatas.update_one({"userId": me.id}, {"$set": {"dataValue": foreign, "version": 2}})
    shown = stored(page)["k"]
    with configure(UNIVERSE_MERGES_APP_DATA=True):
        answer = store(page, "k", {**shown, "b": {"c": None}, "d": None}, version=1)
        assert answer.status_code == 200, answer.json()
        assert answer.json()["data"]["data"] == {**shown, "b": {"c": None}, "d": None}
        check_error(store(page, "k", {"e": 1, "$new": 2}, version=1), 400)
    kept = raw.appdatas.find_one({"userId": me.id})
    assert kept["dataValue"] == {**foreign, "b": {"c": None}, "d": None}
    assert kept["version"] == 3


#: Namespace -> what a browser makes of a URL that ends in it (the URL Standard).
IN_A_URL = {
    "settings": "settings",
    "a/b": "a/b",
    "a//b/": "a//b/",
    "/a": "/a",
    "שבת 1": "%D7%A9%D7%91%D7%AA%201",
    "50%": "50%",
    "50%ש": "50%%D7%A9",
    "a?b": "a?b",
    "a?b=1&b=2": "a?b=1&b=2",
    "a?x y+z/ש": "a?x%20y+z/%D7%A9",
    "a?b?c": "a?b?c",
    "a?..": "a?..",
    "a.b/...": "a.b/...",
    "a+b": "a+b",
    "it's": "it's",
    "a?it's": "a?it%27s",
    '"<>`{}|^': "%22%3C%3E%60%7B%7D|^",
    "😀": "%F0%9F%98%80",
    "me;v=1,2@x:y": "me;v=1,2@x:y",
}


@pytest.mark.parametrize("namespace", IN_A_URL)
def test_each_namespace_that_is_stored_can_be_deleted(namespace: str, page: FrontEnd) -> None:
    neighbours = ["a", "b", "settings/x", "50", "A"]
    for name in (*neighbours, namespace):
        assert store(page, name).status_code == 200
    path, _, query = IN_A_URL[namespace].partition("?")
    deleted = page.send("DELETE", f"app-data/me/cteen/{path}", QUERY_STRING=query)
    assert deleted.json() == {"success": True, "deleted": 1}
    assert stored(page).keys() == {*neighbours} - {namespace}
    again = page.send("DELETE", f"app-data/me/cteen/{path}", QUERY_STRING=query)
    assert (again.status_code, again.json()) == (200, {"success": True, "deleted": 0})


def test_a_namespace_that_a_url_cannot_hold_is_refused(page: FrontEnd) -> None:
    for namespace in (
        *("", ".", "..", "a/..", "./a", "a/../b", "a/./b", "..?x", "a#b", "#", "a?b#c"),
        *("%41", "a%2fb", "a?%41", "a\\b", "?a", "a?", "a ", "a\nb", "\t", "x" * 256),
    ):
        check_error(store(page, namespace), 400)
    assert stored(page) == {}


def test_a_path_without_a_namespace_deletes_nothing(page: FrontEnd) -> None:
    store(page, "a")
    for path in ("app-data/me", "app-data/me/", "app-data/me/cteen/", "app-data/", "app-data"):
        check_error(page.send("DELETE", path), 404)
    check_error(page.send("DELETE", "app-data/me/cteen/", QUERY_STRING="a"), 404)
    check_error(page.send("DELETE", "app-data/me/cteen"), 405)
    for path in (".", "..", "%2E%2E", "a/.."):
        assert page.send("DELETE", f"app-data/me/cteen/{path}").json()["deleted"] == 0
    # It decodes to the name of another value, which is why nobody may store it.
    assert page.send("DELETE", "app-data/me/cteen/%41").json()["deleted"] == 0
    assert stored(page) == {"a": 1}
    bytes_that_are_no_text = page.send("DELETE", "app-data/me/cteen/%FF", REQUEST_URI="/%FF")
    check_error(bytes_that_are_no_text, 404)


def test_a_list_that_is_cut_says_so(page: FrontEnd, configure: Any) -> None:
    for number in range(4):
        store(page, f"k{number}")
    assert "truncated" not in page.get("app-data/me/cteen").json()
    with configure(UNIVERSE_APP_DATA_MAX=3):
        body = page.get("app-data/me/cteen").json()
    assert (len(body["data"]), body["truncated"]) == (3, True)


def test_values_of_other_programs_are_shown(page: FrontEnd, me: User, raw: Any) -> None:
    raw.appdatas.insert_one({"userId": me.id, "appId": "cteen", "dataKey": "old", "version": 2.0})
    raw.appdatas.insert_one({"userId": me.id, "appId": "cteen", "dataKey": "odd", "version": "x"})
    odd = {str(value): value for value in (True, False, 0, -1, 1.5, float("nan"), float("inf"))}
    for name, value in odd.items():
        row = {"appId": "cteen", "dataKey": name, "version": value}
        raw.appdatas.insert_one({"userId": me.id, **row})
    entries = {item["namespace"]: item for item in page.get("app-data/me/cteen").json()["data"]}
    assert (entries["old"]["version"], entries["odd"]["version"]) == (2, None)
    assert all(re.fullmatch(r"20\S+Z", item["createdAt"]) for item in entries.values())
    assert store(page, "old", 1, version=2).status_code == 200
    for name in ("odd", *odd):
        assert store(page, name, 1, version=entries[name]["version"]).status_code == 200


def test_a_conflict_does_not_repeat_a_large_value(page: FrontEnd) -> None:
    assert store(page, "k", {"text": "x" * 100_000}).status_code == 200
    answer = store(page, "k", {"text": "y"}, version=7)
    check_error(answer, 409, "version_conflict")
    assert len(answer.content) <= 16 * 1024
    current = answer.json()["current"]
    assert (current["namespace"], current["version"]) == ("k", 1)
    assert "data" not in current
