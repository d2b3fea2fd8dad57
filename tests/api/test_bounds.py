"""Nothing that a client sends costs more than its size: time, memory and what it is answered."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from api.conftest import Login
from django.test import override_settings
from django.urls import get_resolver
from rest_framework.test import APIClient
from support.endpoints import PATTERNS, served

from chabad_auth_django.api.http.parsing import parse_json
from chabad_auth_django.api.openapi.docs import SchemaView, _describe
from chabad_auth_django.db import pages
from chabad_auth_django.models import Activity, AppData, Profile, User
from chabad_auth_django.services.deployment import indexes

MEBIBYTE = 2**20 - 1_000
MAX_ANSWER = 16 * 1024

#: What stands in a path.
NAMES = {"user": "me", "identity": "0" * 24, "session": "0" * 24, "method": "google"}

VALUES: dict[str, Any] = {
    "zeros": [0] * (MEBIBYTE // 2),
    "objects": [{}] * (MEBIBYTE // 3),
    "text": "x" * MEBIBYTE,
    "unknown keys": {f"unknown{n}": 0 for n in range(MEBIBYTE // 18)},
    "nested": json.loads("[" * 500 + "]" * 500),
}


def fields(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the path of each field that a client may write."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    for kind in ("oneOf", "allOf", "anyOf"):
        for item in schema.get(kind, ()):
            yield from fields(item, components)
    for name, item in schema.get("properties", {}).items():
        if not item.get("readOnly"):
            yield [name]
            yield from ([name, *rest] for rest in fields(item, components))


def writes() -> list[tuple[str, str, str]]:
    """Return verb, path and field of everything that can be written, from the description."""
    description = _describe(SchemaView, get_resolver(), "/", None)
    components = description["components"]["schemas"]
    found = set()
    for path, operations in description["paths"].items():
        for verb, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}) if verb != "get" else {}
            for body in content.values():
                for field in fields(body["schema"], components):
                    found.add((verb, path, ".".join(field)))
    return sorted(found)


def url(path: str) -> str:
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, NAMES.get(part[1:-1], "name"))
    return path


def body_of(field: str, value: Any) -> bytes:
    for name in reversed(field.split(".")):
        value = {name: value}
    return json.dumps(value, separators=(",", ":")).encode()


def send(client: APIClient, verb: str, path: str, body: bytes) -> Any:
    return getattr(client, verb)(url(path), body, content_type="application/json")


def test_the_description_names_what_can_be_written() -> None:
    found = writes()
    assert len(found) > 40
    assert ("patch", "/api/users/{user}/preferences/", "widgets.enabled") in found


@pytest.mark.slow
@pytest.mark.parametrize("kind", VALUES)
def test_a_mebibyte_in_any_field_costs_and_answers_little(
    admin: User, login: Login, kind: str, subtests: Any
) -> None:
    client = login(admin)
    for verb, path, field in writes():
        with subtests.test(verb=verb, path=path, field=field):
            body = body_of(field, VALUES[kind])
            started = time.process_time()
            answer = send(client, verb, path, body)
            spent = time.process_time() - started
            assert answer.status_code < 500
            assert len(answer.content) <= MAX_ANSWER
            assert "x" * 101 not in answer.content.decode()
            assert spent < 0.5, spent


@pytest.mark.slow
@pytest.mark.parametrize("kind", VALUES)
def test_a_mebibyte_in_any_field_takes_little_memory(
    admin: User, login: Login, kind: str, subtests: Any
) -> None:
    client = login(admin)
    for verb, path, field in writes():
        with subtests.test(verb=verb, path=path, field=field):
            body = body_of(field, VALUES[kind])
            tracemalloc.start()
            send(client, verb, path, body)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 50 * 2**20, peak


def test_a_body_that_is_parsed_twice_is_in_memory_once() -> None:
    def peak(first: bytes) -> int:
        tracemalloc.start()
        parse_json(b"[" + first + b',{"a":{}}' * 50_000 + b"]")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    # A string that looks like a key has the parser look for keys that come twice.
    assert peak(rb'"\":"') < 1.2 * peak(b'""')


#: Batches of events none of which is good.
BAD_BATCHES: list[Any] = [
    [{}] * 1000,
    [{"x" * 500: n} for n in range(1000)],
    [{f"unknown{n}": n for n in range(20)}] * 1000,
    [{"eventType": "\x00" * 140}] * 1000,
    [[] for _ in range(1000)],
    [{"eventData": {"\u20ac" * 150: {"$a.b": 0}}}] * 1000,
    [{f"unknown{n}": 0 for n in range(30_000)}] + [{}] * 999,
]


def test_a_batch_of_bad_events_is_answered_briefly(api: APIClient) -> None:
    for path in ("activities", "analytics"):
        for body in (VALUES["unknown keys"], *BAD_BATCHES):
            answer = api.post(f"/api/users/me/{path}/", body, format="json")
            assert len(answer.content) <= MAX_ANSWER
            told = answer.json()
            if isinstance(body, dict):
                assert answer.status_code == 400
                continue
            # Those that are named are the first, and the others are counted.
            assert told["rejectedCount"] == 1000
            assert [item["index"] for item in told["rejected"]] == list(
                range(len(told["rejected"]))
            )
            assert len(told["rejected"]) >= 30


def test_what_is_wrong_beside_the_body_is_answered_briefly(
    admin: User, login: Login, subtests: Any
) -> None:
    client = login(admin)
    long = "\u20ac\\" * 1500
    query = "&".join(f"unknown{n}={n}" for n in range(900))
    headers = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IDEMPOTENCY_KEY", "HTTP_ACCEPT")
    tried = 0
    for verb, path in sorted(
        {(verb, path) for verb, path, _ in writes()} | {("get", "/api/users/")}
    ):
        call = partial(client.generic, verb.upper())
        where = url(path)
        answers = [call(f"{where}?{query}"), call(where, long, content_type="x/" + "y" * 6000)]
        answers += [call(where, "{}", "application/json", **{name: "x" * 6000}) for name in headers]
        answers.append(call(where.replace("name", "n" * 3000).replace("me", quote(long))))
        for answer in answers:
            with subtests.test(verb=verb, path=path):
                assert answer.status_code < 500
                assert answer.status_code < 400 or len(answer.content) <= MAX_ANSWER
                tried += answer.status_code >= 400
    assert tried > 50


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 30_000)


def walk(client: APIClient, path: str, direction: str = "next") -> list[list[str]]:
    found = []
    link: str | None = path
    while link:
        body = client.get(link).json()
        found.append([row["id"] for row in body["results"]])
        last, link = link, body[direction]
    if direction == "next":
        backwards = walk(client, client.get(last).json()["previous"], "previous")
        assert [id for page in backwards[::-1] for id in page] == [
            id for page in found[:-1] for id in page
        ]
    return found


@pytest.mark.usefixtures("small_pages")
def test_a_page_ends_at_a_number_of_bytes_and_the_pages_are_the_whole(
    api: APIClient, owner: User
) -> None:
    for number in range(30):
        AppData.upsert_app_data(owner.id, "cteen", f"key{number:02}", {"text": "x" * 9_000})
    found = walk(api, "/api/users/me/app-data/cteen/?limit=1000")
    assert all(1 <= len(page) <= 4 for page in found)
    ids = [id for page in found for id in page]
    assert len(ids) == len(set(ids)) == 30


@pytest.mark.usefixtures("small_pages")
def test_events_with_one_time_are_all_on_the_pages(api: APIClient, owner: User) -> None:
    event = {"user_id": owner.id, "event_type": "x", "event_data": {"text": "x" * 9_000}}
    Activity.objects.insert([Activity(**event) for _ in range(20)])
    time_of_all = Activity.objects.first().timestamp
    Activity.collection().update_many({}, {"$set": {"timestamp": time_of_all}})
    ids = [id for page in walk(api, "/api/users/me/activities/?limit=1000") for id in page]
    assert len(ids) == len(set(ids)) == 20


@pytest.mark.usefixtures("small_pages")
def test_a_document_that_is_larger_than_a_page_is_a_page(api: APIClient, owner: User) -> None:
    for number in range(3):
        AppData.upsert_app_data(owner.id, "cteen", f"key{number}", {"text": "x" * 40_000})
    assert [len(page) for page in walk(api, "/api/users/me/app-data/cteen/")] == [1, 1, 1]


def test_readiness_is_looked_at_once_for_all_who_ask(mongodb: str, commands: Any) -> None:
    client = APIClient()
    assert client.get("/api/health/ready/").status_code == 200
    commands.clear()
    for _ in range(50):
        assert client.get("/api/health/ready/").status_code == 200
    assert commands.names == []


def test_readiness_turns_within_seconds(mongodb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = APIClient()
    assert client.get("/api/health/ready/").status_code == 200
    AppData.collection().drop_indexes()
    deadline = time.monotonic() + 60
    while client.get("/api/health/ready/").status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    indexes.create()


def test_prefixes_do_not_fill_the_memory(mongodb: str) -> None:
    client = APIClient()
    for number in range(8):
        with override_settings(FORCE_SCRIPT_NAME=f"/p{number}"):
            assert client.get("/api/schema/").status_code == 200
    assert _describe.cache_info().currsize <= 4


def test_every_path_is_covered() -> None:
    assert {name for name, _ in served()} == PATTERNS.keys()


def test_an_error_does_not_repeat_a_large_value_that_is_stored(
    admin: User, login: Login, subtests: Any
) -> None:
    client = login(admin)
    path, profile = "/api/users/me/app-data/cteen/large/", "/api/users/me/profile/"
    client.put(path, {"dataValue": "x" * 13_000}, format="json")
    Profile.collection().update_one({"userId": admin.id}, {"$set": {"metadata.k": "x" * 13_000}})
    for url, body, headers, current in (
        (path, {"dataValue": 1, "version": 7}, {}, {"version": 1}),
        (path, {"dataValue": 1}, {"HTTP_IF_MATCH": '"7"'}, None),
        (path, {"dataValue": 1}, {"HTTP_IF_NONE_MATCH": "*"}, None),
        (profile, {"bio": "b"}, {"HTTP_IF_MATCH": '"7"'}, None),
        (profile + "metadata/k/", {"value": 1}, {"HTTP_IF_MATCH": '"7"'}, None),
    ):
        with subtests.test(url=url, body=body, headers=headers):
            verb = client.patch if url == profile else client.put
            answer = verb(url, body, format="json", **headers)
            assert answer.status_code in (409, 412)
            assert answer.json()["current"] == current
            assert len(answer.content) < MAX_ANSWER
