"""Exotic values of Mongoose and PyMongo in every free-form field harm nothing beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from bson import Binary, Decimal128, ObjectId
from mongoengine import EmbeddedDocument
from mongoengine.fields import EmbeddedDocumentField, ListField, MapField, UUIDField
from pymongo.database import Database
from rest_framework.test import APIClient
from support import exotic
from support.exotic import EXOTIC
from support.exports import export_and_import
from support.management import run

from chabad_auth_django.db.batches import RAW
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import AppData, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.models.owned import OwnedDocument
from chabad_auth_django.models.registry import RegisteredDocument
from chabad_auth_django.services.deployment import integrity
from chabad_auth_django.services.lifecycle import deletion, portability

Content = dict[str, list[bytes]]

OWNED = ("users", "profiles", "preferences", "appdatas", "activities", "analytics")

#: What requests meet. PyMongo itself refuses to read some of it.
EVERYTHING = EXOTIC | exotic.UNREADABLE

JANUARY = datetime(2025, 1, 1, tzinfo=UTC)


def rows_with(user: User, values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield documents of each collection with the values wherever a program may store any."""
    odd = {f"theirs{number}": value for number, value in enumerate(values.values())}
    free, key = {**odd, "y": 1}, {"userId": user.id}
    yield "users", {"_id": user.id, "email": user.email, "roles": ["user"], **odd}
    yield "profiles", {**key, "metadata": free, "avatar": {"url": "https://a.org/", **odd}, **odd}
    yield (
        "preferences",
        {
            **key,
            "theme": "dark",
            "notifications": {"email": True, **odd},
            "widgets": {"enabled": ["w"], "customizations": {"w": free, **odd}, **odd},
            "dashboard": {"layout": "grid", "favoriteApps": [], **odd},
            **odd,
        },
    )
    for number, (name, value) in enumerate(values.items()):
        event = {**key, "appId": "app", "sessionId": "s", "timestamp": now(), "theirs": value}
        for kind, data in (("whole", value), ("inside", {"x": value, "y": 1})):
            named = {"appId": f"{kind}{number}", "dataKey": name, "dataValue": data, "version": 1}
            yield "appdatas", {**key, **named, "theirs": value}
            yield "activities", {**event, "eventType": "x", "eventData": data, "metadata": data}
            named = {"eventName": "x", "eventCategory": "custom", "eventData": data}
            yield "analytics", {**event, **named}


def store(database: Database[Any], user: User, values: Mapping[str, Any]) -> Content:
    """Store the documents in place of what is there; return them as they are stored."""
    for name in OWNED:
        database[name].delete_many({"_id": user.id} if name == "users" else {})
    for name, row in rows_with(user, values):
        database[name].insert_one(exotic.raw({"_id": ObjectId(), **row}))
    return content(database)


def content(database: Database[Any]) -> Content:
    return {
        name: sorted(bytes(row.raw) for row in database.get_collection(name, RAW).find())
        for name in OWNED
    }


@pytest.fixture
def call(api: APIClient) -> Callable[..., Any]:
    """Send a request about the caller's own; it has to succeed."""

    def call(verb: str, path: str, body: Any = None, tag: str = "*") -> Any:
        headers = {} if verb == "get" else {"HTTP_IF_MATCH": tag}
        url = f"/api/users/me/{path}"
        answer = getattr(api, verb)(url, body, format=body and "json", **headers)
        assert answer.status_code in (200, 204), (verb, path, answer.content[:500])
        return answer

    return call


def test_reads_and_lists(call: Any, owner: User, raw: Database[Any]) -> None:
    store(raw, owner, EVERYTHING)
    for path in ("", "?expand=profile,preferences", "profile/", "preferences/"):
        call("get", path)
    for path in ("app-data/", "activities/", "activities/?expand=user", "analytics/"):
        answer = call("get", f"{path}{'&' if '?' in path else '?'}limit=1000").json()
        assert len(answer["results"]) == 2 * len(EVERYTHING), path
    for number, name in enumerate(EVERYTHING):
        for kind in ("whole", "inside"):
            assert call("get", f"app-data/{kind}{number}/{name}/").json()["dataKey"] == name
            assert len(call("get", f"app-data/{kind}{number}/").json()["results"]) == 1
    period = "?start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"
    assert call("get", f"analytics/event-counts/{period}").json()[0]["count"] == 2 * len(EVERYTHING)


#: Each with its resource.
WRITES: list[tuple[str, str, str, Any]] = [
    ("", "patch", "", {"name": "New"}),
    ("profile/", "patch", "", {"bio": "New"}),
    ("profile/", "put", "metadata/z/", {"value": 2}),
    ("profile/", "delete", "metadata/z/", None),
    ("profile/", "put", "avatar/", {"url": "https://b.org/"}),
    ("preferences/", "patch", "", {"theme": "light"}),
    ("preferences/", "patch", "", {"notifications": {"email": False}}),
    ("preferences/", "patch", "", {"widgets": {"customizations": {"z": {"a": 1}}}}),
    ("preferences/", "put", "widgets/z/", {"enabled": True, "customization": {"b": 2}}),
    ("preferences/", "delete", "widgets/z/", None),
    ("preferences/", "put", "favorite-apps/app/", None),
    ("preferences/", "delete", "favorite-apps/app/", None),
]


def test_a_uuid_is_shown_as_text(call: Any, owner: User, raw: Database[Any]) -> None:
    for content, shown in (
        (bytes(16), "00000000-0000-0000-0000-000000000000"),
        (b"abc", "abc"),
        (b"", ""),
    ):
        metadata = {"a": {"b": [Binary(content, 4)]}}
        raw.profiles.update_one({"userId": owner.id}, {"$set": {"metadata": metadata}})
        assert call("get", "profile/").json()["metadata"] == {"a": {"b": [shown]}}


def test_a_field_for_uuids_keeps_them(mongodb: str) -> None:
    class Chip(EmbeddedDocument):
        key = UUIDField()
        inner = EmbeddedDocumentField("self")

    class Device(RegisteredDocument):
        keys = ListField(UUIDField())

    class Board(RegisteredDocument):
        chip = EmbeddedDocumentField(Chip)

    class Room(RegisteredDocument):
        keys = MapField(UUIDField())

    key = UUID(int=7)
    for document in Device(keys=[key]), Board(chip=Chip(key=key)), Room(keys={"door": key}):
        kind = type(document)
        kind.collection().insert_one(document.to_mongo())
        found = kind.objects.get().to_mongo()
        assert found.pop("_id")
        assert found == document.to_mongo()


def test_the_integrity_check_accepts_a_field_for_uuids(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Key(RegisteredDocument):
        key = UUIDField()
        owner_of = staticmethod(lambda row: None)

    monkeypatch.setattr(OwnedDocument, "registered", lambda: [Key])
    Key.collection().insert_one(Key(key=UUID(int=7)).to_mongo())
    assert list(integrity.check(advance=lambda count: None)) == []


def test_writes_beside_them_under_the_tag_just_given(
    call: Any, owner: User, raw: Database[Any]
) -> None:
    # Without what is greater than the customizations may be.
    names = [name for name in EVERYTHING if name != "behind all others"]
    for start in range(0, len(names), 8):
        values = {name: EVERYTHING[name] for name in names[start : start + 8]}
        before = store(raw, owner, values)
        for resource, verb, rest, body in WRITES:
            tag = call("get", resource)["ETag"]
            answer = call(verb, resource + rest, body, tag)
            if answer.has_header("ETag"):
                assert call("get", resource)["ETag"] == answer["ETag"] != tag
        after = content(raw)
        for number, (name, value) in enumerate(values.items()):
            stored = exotic.element(f"theirs{number}", value)
            for collection in ("users", "profiles", "preferences"):
                if collection == "preferences" and name in exotic.REBUILT:
                    continue
                was, became = (b"".join(rows[collection]) for rows in (before, after))
                assert was.count(stored) == became.count(stored) > 0, (name, collection)


def test_values_are_merged_replaced_and_deleted_under_their_tag(
    call: Any, owner: User, raw: Database[Any], api: APIClient
) -> None:
    store(raw, owner, EVERYTHING)
    for number, (name, value) in enumerate(EVERYTHING.items()):
        stored = exotic.element("x", value), exotic.element("theirs", value)
        path = f"app-data/inside{number}/{name}/"
        tag = call("get", path)["ETag"]
        patch = {"dataValue": {"z": {"a": None}, "y": None}}
        answer = call("patch", path, patch, tag)
        assert (answer["ETag"], answer.json()["version"]) == (call("get", path)["ETag"], 2)
        answer = call("patch", path, {"dataValue": {"z": {"b": [1]}}}, answer["ETag"])
        assert answer.json()["dataValue"]["z"] == {"b": [1]}
        [row] = raw.get_collection("appdatas", RAW).find({"appId": f"inside{number}"})
        assert all(bytes(row.raw).count(element) == 1 for element in stored), name
        assert b"\x00y\x00" not in row["dataValue"].raw
        assert api.delete(f"/api/users/me/{path}", HTTP_IF_MATCH=tag).status_code == 412
        call("delete", path, tag=call("get", path)["ETag"])
        path = f"app-data/whole{number}/{name}/"
        if name in exotic.KILLERS:
            call("delete", path, tag=call("get", path)["ETag"])
        elif number % 2:
            call("put", path, {"dataValue": {"a": 1}}, call("get", path)["ETag"])
        else:
            call("patch", path, {"dataValue": {"a": {"b": 1}}}, call("get", path)["ETag"])
    assert raw.appdatas.count_documents({"version": 2}) == len(EVERYTHING) - len(exotic.KILLERS)
    assert raw.appdatas.count_documents({}) == len(EVERYTHING) - len(exotic.KILLERS)


#: Versions of other programs -> the next one.
VERSIONS: dict[str, tuple[Any, int]] = {
    "double": (2.0, 3),
    "half": (2.5, 3),
    "decimal": (Decimal128("3"), 4),
    "text": ("4", 5),
    "word": ("four", 1),
    "null": (None, 1),
    "list": ([7], 1),
    "no number": (float("nan"), 1),
    "infinity": (float("inf"), 1),
    "less than all": (-5, -4),
    "too great": (1e300, 1),
    "last but one": (2**63 - 2, 2**63 - 1),
}


def test_versions_of_other_programs(call: Any, owner: User, raw: Database[Any]) -> None:
    for name, (version, after) in VERSIONS.items():
        for verb in ("put", "patch"):
            raw.appdatas.delete_many({})
            key = {"userId": owner.id, "appId": "app", "dataKey": name}
            raw.appdatas.insert_one({**key, "dataValue": {}, "version": version})
            path = f"app-data/app/{name}/"
            tag = call("get", path)["ETag"]
            answer = call(verb, path, {"dataValue": {"a": [1]}}, tag)
            assert answer.json()["version"] == after, name
            assert isinstance(raw.appdatas.find_one()["version"], int)


def test_the_greatest_version_is_not_raised(
    api: APIClient, owner: User, raw: Database[Any]
) -> None:
    key = {"userId": owner.id, "appId": "app", "dataKey": "k"}
    raw.appdatas.insert_one({**key, "dataValue": {"b": 1}, "version": 2**63 - 1})
    url = "/api/users/me/app-data/app/k/"
    before = content(raw)
    for verb in ("put", "patch"):
        for value in ({"a": 1}, [1], 7):
            for extra in ({}, {"HTTP_IF_MATCH": api.get(url)["ETag"]}):
                answer = getattr(api, verb)(url, {"dataValue": value}, format="json", **extra)
                assert answer.status_code == 400
                assert list(answer.json()["errors"]) == ["version"]
    document = AppData.find_by_user_app_and_key(owner.id, "app", "k")
    for change in (document.increment_version, partial(document.update_value, 1), document.save):
        with pytest.raises(ValidationError):
            change()
    assert content(raw) == before
    assert api.delete(url).status_code == 204
    # Nor is it used again.
    assert api.put(url, {"dataValue": 1}, format="json").status_code == 400
    assert raw.appdatas.count_documents({}) == 0


def test_export_and_import(owner: User, raw: Database[Any]) -> None:
    before = store(raw, owner, EXOTIC)
    file = BytesIO()
    portability.export_user(user_id=owner.id, file=file, advance=lambda count: None)
    for name in raw.list_collection_names():
        raw[name].delete_many({})
    found = portability.check(file=file)
    for dry_run in (True, False):
        imported = portability.import_user(
            file=file, content=found, advance=lambda count: None, dry_run=dry_run
        )
        assert sum(imported.inserted.values()) == sum(found.counts.values())
    assert content(raw) == before


def test_deletion_of_the_user(mongodb: str, raw: Database[Any]) -> None:
    user = User.create_user(email="ann@example.org")
    store(raw, user, EXOTIC)
    user.delete()
    list(deletion.run())
    assert not any(content(raw).values())
    assert raw.deletions.count_documents({}) == 0


def test_archive_and_restore(owner: User, raw: Database[Any], tmp_path: Path) -> None:
    store(raw, owner, EXOTIC)
    for number, row in enumerate(raw.analytics.find({}, {"_id": 1})):
        time = JANUARY + number * timedelta(hours=1)
        raw.analytics.update_one(row, {"$set": {"timestamp": time}})
    before = content(raw)
    command = ("chabad_archive_analytics", "--to", tmp_path)
    archived = run(*command, "--before", "2025-03-01", "--json")
    left = content(raw)["analytics"]
    assert archived.json["events"] + len(left) == 2 * len(EXOTIC)
    # What a restore could not store as it was.
    assert len(left) < 25
    assert run(*command, "--restore", "2025-01").code == 0
    assert content(raw) == before


class TestUnreadableValues:
    """What PyMongo refuses to read stops no request and no command."""

    @pytest.fixture
    def stored(self, owner: User, raw: Database[Any]) -> Content:
        store(raw, owner, exotic.UNREADABLE)
        for row in raw.get_collection("analytics", RAW).find():
            time = {"timestamp": JANUARY + timedelta(hours=row["_id"].binary[-1])}
            raw.analytics.update_one({"_id": row["_id"]}, {"$set": time})
        return content(raw)

    def test_export_and_import(self, owner: User, raw: Database[Any], stored: Content) -> None:
        export_and_import(raw, owner.id)
        assert content(raw) == stored

    def test_archive_and_restore(self, raw: Database[Any], stored: Content, tmp_path: Path) -> None:
        raw.analytics.insert_one({"eventName": "x", "timestamp": JANUARY})
        command = ("chabad_archive_analytics", "--to", tmp_path)
        archived = run(*command, "--before", "2025-02-01", "--json")
        # Those within an object, which need not be read.
        assert archived.code == 1 and archived.json["events"] >= 1
        assert set(content(raw)["analytics"]) < set(stored["analytics"])
        assert run(*command, "--restore", "2025-01").code == 0
        assert set(stored["analytics"]) < set(content(raw)["analytics"])

    def test_checks_name_each(self, owner: User, stored: Content) -> None:
        assert run("chabad_check_integrity").code == 1
        found = integrity.check(advance=lambda count: None)
        named = Counter(name for name, _ in {(item.collection, item.id) for item in found})
        assert named == {name: len(rows) for name, rows in stored.items()}
        assert run("chabad_verify_erasure", owner.id).code == 1

    def test_commands(self, owner: User, stored: Content) -> None:
        for command in (
            ("chabad_show_user", owner.id),
            ("chabad_grant", owner.id, "--role", "editor", "--force"),
            ("chabad_block_user", owner.id, "--reason", "x"),
            ("chabad_delete_user", owner.id, "--yes"),
        ):
            done = run(*command)
            assert done.code == 0, done

    def test_lists_and_deletion(
        self, owner: User, raw: Database[Any], stored: Content, call: Any
    ) -> None:
        for path in ("app-data/", "activities/", "analytics/"):
            results = call("get", f"{path}?limit=1000").json()["results"]
            assert len(results) == 2 * len(exotic.UNREADABLE), path
        User.objects.get(id=owner.id).delete()
        list(deletion.run())
        assert not any(content(raw).values())
