"""The union of all pages is the whole, each row once, in one order."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId, encode
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from rest_framework.test import APIClient
from support.clients import fresh_database

from chabad_auth_django.db.pages import PageQuery
from chabad_auth_django.models import AppData, User
from chabad_auth_django.services.deployment import indexes

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
ACTIVITIES = "/api/users/me/activities/"
APP = "/api/users/me/app-data/"


@pytest.fixture
def mongodb(replica_set_uri: str) -> Iterator[str]:
    """A database of its own: an index that ever held an array reads more keys for ever."""
    with fresh_database(replica_set_uri) as uri:
        indexes.create()
        yield uri


def insert(raw: Database[Any], owner: User, seconds: list[int]) -> None:
    """Store an activity for each number of seconds before now."""
    raw.activities.insert_many(
        {
            "userId": owner.id,
            "eventType": "x",
            "timestamp": NOW - datetime.timedelta(seconds=second),
        }
        for second in seconds
    )


def walk(api: APIClient, url: str | None, link: str = "next") -> tuple[list[list[str]], str]:
    """Return the ids of each page that the links lead to, and the URL of the last page."""
    pages = []
    last = ""
    while url:
        last = url
        body = api.get(url).json()
        pages.append([row["id"] for row in body["results"]])
        url = body[link]
    return pages, last


def there_and_back(api: APIClient, url: str) -> tuple[list[str], list[str]]:
    forwards, last = walk(api, url)
    backwards, _ = walk(api, last, "previous")
    flat = [row for page in forwards for row in page]
    return flat, [row for page in reversed(backwards) for row in page]


ALL_EQUAL = [5] * 120
ALL_DIFFERENT = list(range(40))
CLUSTERED = [second // 7 for second in range(300)]


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [(ALL_EQUAL, 7), (ALL_EQUAL, 100), (ALL_EQUAL, 1000), (ALL_DIFFERENT, 1), (CLUSTERED, 10)]
    + [(CLUSTERED, 7), (CLUSTERED, 299), (CLUSTERED, 300), ([1], 1), ([], 5)],
)
def test_the_pages_are_the_whole_in_both_directions(
    api: APIClient, owner: User, raw: Database[Any], seconds: list[int], limit: int
) -> None:
    if seconds:
        insert(raw, owner, seconds)
    ordered = raw.activities.find({"userId": owner.id}).sort([("timestamp", -1), ("_id", -1)])
    expected = [str(row["_id"]) for row in ordered]
    forwards, backwards = there_and_back(api, f"{ACTIVITIES}?limit={limit}")
    assert forwards == expected
    assert backwards == expected


@pytest.mark.parametrize("order", ["id", "-id", "email", "-email"])
def test_users_are_paged_in_each_order(login: Any, admin: User, order: str) -> None:
    User.objects.insert([User(email=f"user{number:02}@example.org") for number in range(24)])
    forwards, backwards = there_and_back(login(admin), f"/api/users/?limit=7&order={order}")
    key = order.removeprefix("-")
    users = sorted(User.objects, key=lambda user: getattr(user, key), reverse=order[0] == "-")
    assert forwards == [str(user.id) for user in users]
    assert backwards == forwards


def test_app_data_is_paged(api: APIClient, owner: User) -> None:
    for number in range(12):
        AppData.upsert_app_data(owner.id, f"app{number % 2}", f"key{number}", number)
    forwards, backwards = there_and_back(api, "/api/users/me/app-data/?limit=5")
    assert len(set(forwards)) == 12
    assert backwards == forwards
    only, _ = there_and_back(api, "/api/users/me/app-data/?limit=5&appId=app1")
    assert len(only) == 6


def test_rows_that_come_and_go_meanwhile_disturb_no_other_row(
    api: APIClient, owner: User, raw: Database[Any]
) -> None:
    insert(raw, owner, CLUSTERED)
    stay = {str(row["_id"]) for row in raw.activities.find({"userId": owner.id})}
    seen: list[str] = []
    url: str | None = f"{ACTIVITIES}?limit=20"
    while url:
        body = api.get(url).json()
        page = [row["id"] for row in body["results"]]
        seen += page
        insert(raw, owner, [0, 1, 2])
        raw.activities.delete_one({"_id": ObjectId(page[-1])})
        url = body["next"]
    assert len(seen) == len(set(seen))
    assert stay <= set(seen)


def test_the_first_page_has_no_previous_and_the_last_no_next(
    api: APIClient, owner: User, raw: Database[Any]
) -> None:
    insert(raw, owner, [1, 2, 3])
    first = api.get(f"{ACTIVITIES}?limit=2").json()
    assert first["previous"] is None
    last = api.get(first["next"]).json()
    assert last["next"] is None
    assert api.get(last["previous"]).json()["results"] == first["results"]


def test_a_page_keeps_its_filters(api: APIClient, owner: User, raw: Database[Any]) -> None:
    insert(raw, owner, [1, 2, 3])
    raw.activities.update_one({}, {"$set": {"eventType": "other"}})
    pages, _ = walk(api, f"{ACTIVITIES}?limit=1&eventType=x")
    assert [len(page) for page in pages] == [1, 1]


@pytest.mark.parametrize(
    "query", ["", "&since=2020-01-01T00:00:00Z", "&eventType=x", "&appId=cteen", "&sessionId=s"]
)
def test_a_page_reads_hardly_more_keys_than_it_shows(
    api: APIClient, owner: User, raw: Database[Any], query: str
) -> None:
    insert(raw, owner, list(range(5_000)))
    raw.activities.update_many({}, {"$set": {"appId": "cteen", "sessionId": "s"}})
    raw.command("profile", 2)
    api.get(api.get(f"{ACTIVITIES}?limit=100{query}").json()["next"])
    reads = list(raw["system.profile"].find({"command.aggregate": "users"}))
    assert len(reads) == 2
    for read in reads:
        # The user, its session and the events, of which one tells that there are more.
        assert read["nreturned"] == 103
        assert read["keysExamined"] <= 1.1 * read["nreturned"]
        assert not read.get("hasSortStage")


def shuffle(raw: Database[Any], collection: str, row: dict[str, Any], count: int) -> None:
    raw[collection].insert_many([{**row, "_id": ObjectId()} for _ in range(count)])


@pytest.mark.parametrize("limit", [1, 3, 20, 1000])
def test_events_of_all_users_are_paged(
    login: Any, admin: User, owner: User, raw: Database[Any], limit: int
) -> None:
    for user in (admin, owner):
        for second in range(4):
            time = NOW - datetime.timedelta(seconds=second)
            shuffle(raw, "analytics", {"userId": user.id, "timestamp": time}, 5)
    ordered = raw.analytics.find().sort([("timestamp", -1), ("_id", -1)])
    expected = [str(row["_id"]) for row in ordered]
    forwards, backwards = there_and_back(login(admin), f"/api/analytics/?limit={limit}")
    assert (forwards, backwards) == (expected, expected)


@pytest.mark.parametrize("limit", [1, 2, 5, 12])
def test_the_values_of_an_application_come_by_key(api: APIClient, owner: User, limit: int) -> None:
    keys = ["b", "a", "é", "Z", "😀", "\uffff", "10", "9", "-", "a b", "$x", "x.y"]
    for key in keys:
        AppData.upsert_app_data(owner.id, "cteen", key, key)
        AppData.upsert_app_data(owner.id, "other", key, key)
    names = {row["id"]: row["dataKey"] for row in api.get(f"{APP}cteen/").json()["results"]}
    for path in (f"{APP}cteen/?limit={limit}", f"{APP}?appId=cteen&limit={limit}"):
        forwards, backwards = there_and_back(api, path)
        assert [names[id] for id in forwards] == sorted(keys, key=str.encode)
        assert backwards == forwards


def test_a_page_before_one_that_has_emptied_is_still_found(
    api: APIClient, owner: User, raw: Database[Any]
) -> None:
    insert(raw, owner, [1, 2, 3, 4])
    first = api.get(f"{ACTIVITIES}?limit=2").json()
    second = api.get(first["next"]).json()
    raw.activities.delete_many({"_id": {"$in": [ObjectId(r["id"]) for r in second["results"]]}})
    empty = api.get(first["next"]).json()
    assert (empty["results"], empty["next"]) == ([], None)
    assert api.get(second["previous"]).json()["results"] == first["results"]


LATER = "2100-01-01T00:00:00Z"

#: URL, collection, index: what a page of a large list reads.
LARGE = [
    (f"{ACTIVITIES}?limit=100", "activities", "{ userId: 1, timestamp: -1 }"),
    (f"{ACTIVITIES}?limit=100&until={LATER}", "activities", "{ userId: 1, timestamp: -1 }"),
    ("/api/activities/?limit=100", "activities", "{ timestamp: 1 }"),
    ("/api/activities/?limit=100&appId=app0", "activities", "{ appId: 1, timestamp: -1 }"),
    ("/api/analytics/?limit=100&eventName=name0", "analytics", "{ eventName: 1, timestamp: -1 }"),
    ("/api/analytics/?limit=100", "analytics", "{ timestamp: 1 }"),
    (f"{APP}app0/?limit=100", "appdatas", "{ userId: 1, appId: 1, dataKey: 1 }"),
    ("/api/users/?limit=100&order=email", "users", "{ email: 1 }"),
    ("/api/users/?limit=100", "users", "{ _id: 1 }"),
]


@pytest.mark.parametrize("equal_times", [False, True])
@pytest.mark.parametrize(("url", "collection", "index"), LARGE)
def test_a_page_is_read_from_an_index(
    login: Any,
    admin: User,
    raw: Database[Any],
    url: str,
    collection: str,
    index: str,
    equal_times: bool,
) -> None:
    rows = [
        {
            # Every fifth is what is asked for.
            "userId": ObjectId() if number % 5 else admin.id,
            "appId": f"app{number % 5}",
            "eventName": f"name{number % 5}",
            # A few at the same time, as it commonly is, or all.
            "timestamp": NOW - datetime.timedelta(seconds=0 if equal_times else number // 15),
            "dataKey": f"key{number}",
            "email": f"user{number}@example.org",
        }
        for number in range(2_000)
    ]
    raw[collection].insert_many(rows)
    # The profile shows what a command reads, but not by what index it reads a part of it.
    client = login(User.create_user(email="reader@example.org", roles=["admin"]))
    url = url.replace("/me/", f"/{admin.id}/")
    # The server remembers what suited the data of the test before.
    raw.command("planCacheClear", collection)
    raw.command("profile", 2)
    following = client.get(url).json()["next"]
    assert len(client.get(following).json()["results"]) == 100
    reads = list(
        raw["system.profile"].find({"command.find": collection, "command.sort": {"$ne": None}})
    )
    assert len(reads) in (2, 3, 4)
    for read in reads:
        assert read["planSummary"].startswith("IXSCAN")
        if equal_times:
            # Then any index does; what counts is that the pages are right.
            continue
        assert index in read["planSummary"]
        if len(read["command"]["sort"]) == 2:
            # The ties at the end of a page, which the index does not order by id.
            assert read["keysExamined"] <= 15
        else:
            assert not read.get("hasSortStage")
            assert read["keysExamined"] <= 1.1 * read["nreturned"]


def test_a_list_goes_on_where_rows_vanish_while_it_is_read(
    api: APIClient, owner: User, raw: Database[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(raw, owner, [1, 2, 2, 2, 3])
    find = PageQuery._documents

    def find_and_delete(*args: Any) -> Any:
        rows = find(*args)
        raw.activities.delete_many({"timestamp": NOW - datetime.timedelta(seconds=2)})
        return rows

    first = api.get(f"{ACTIVITIES}?limit=1").json()
    monkeypatch.setattr(PageQuery, "_documents", find_and_delete)
    second = api.get(first["next"]).json()
    monkeypatch.undo()
    (third,) = api.get(second["next"]).json()["results"]
    assert third["timestamp"] == (NOW - datetime.timedelta(seconds=3)).isoformat()[:19] + ".000Z"


def test_a_key_that_is_not_utf_8_has_no_place_in_the_order(
    api: APIClient, owner: User, raw: Database[Any]
) -> None:
    texts = ["aaaa", "bb\udcff\udcfe", "bb\udcfe\udcff", "cc\ufffd", "dddd", "\udcff" * 4]
    keys = [text.encode(errors="surrogateescape").ljust(5, b"!") for text in texts]
    for key in keys:
        row = encode({"userId": owner.id, "appId": "app", "dataKey": "BYTES"})
        raw.appdatas.insert_one(RawBSONDocument(row.replace(b"BYTES", key)))
    for limit in (1, 2, 100):
        url: str | None = f"{APP}app/?limit={limit}"
        found = []
        for _ in keys:
            page = api.get(url).json()
            found += [row["dataKey"] for row in page["results"]]
            url = page["next"]
            if url is None:
                break
        assert (found, url) == (["aaaa!", "cc\ufffd", "dddd!"], None)
