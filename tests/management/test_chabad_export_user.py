"""``chabad_export_user`` and ``chabad_import_user``: out of one database and into another."""

import json
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import pymongo
import pytest
from bson import Binary, Code, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from django.test import override_settings
from pymongo.database import Database
from support.clients import fresh_database
from support.management import Result, interrupted, run
from support.processes import django_admin

from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity, AppData, User
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.identity import external_ids
from chabad_auth_django.services.lifecycle import deletion, portability
from chabad_auth_django.services.signing_in import sessions

EXPORT, IMPORT = "chabad_export_user", "chabad_import_user"

#: What other programs may have stored, and what Extended JSON alone would not give back.
STRANGE: dict[str, Any] = {
    "__v": 0,
    "long": Int64(1),
    "double": 1.0,
    "negative zero": -0.0,
    "nan": float("nan"),
    "decimal": Decimal128("1.10"),
    "binary": Binary(b"\0\xff", 128),
    "uuid": Binary.from_uuid(uuid4()),
    "regex": Regex("a", "i"),
    "code": Code("f()", {"x": 1}),
    "timestamp": Timestamp(1, 2),
    "key": MaxKey(),
    "text": "a\u2028b\x00\n\U0001f600",
    "dates": [datetime(1, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, 1, 1, 1, 123000, UTC)],
    "looks like": {"$date": "no date", "$oid": "no id"},
    "and so": {"$numberLong": "1"},
    "nested": [[], {}, [{"": None}]],
}


@pytest.fixture
def ann(user: User, raw: Database) -> User:
    """A user with something in every collection, whose documents hold every type."""
    external_ids.link_external_id(user_id=user.id, field="valuUserId", value="v1")
    AppData.upsert_app_data(user.id, "app", "kept", {"a": [1]})
    AppData.upsert_app_data(user.id, "app", "deleted", 1)
    AppData.delete_app_data(user.id, "app", "deleted")
    sessions.open_session(user_id=user.id, auth_method="google")
    Activity.objects.insert([Activity(user_id=user.id, event_type=f"e{n}") for n in range(20)])
    raw.analytics.insert_one({"userId": user.id, "timestamp": "no date", **STRANGE})
    raw.users.update_one({}, {"$set": STRANGE})
    return user


@pytest.fixture
def elsewhere(replica_set_uri: str, ann: User, tmp_path: Path) -> Iterator[Path]:
    """Another database, with the indexes, and the file of an export."""
    path = tmp_path / "ann.json"
    assert run(EXPORT, ann.email, "--output", path).code == 0
    with fresh_database(replica_set_uri, DELETION_GRACE_SECONDS=0):
        indexes.create()
        yield path


def content(uri: str) -> dict[str, list[bytes]]:
    """Return the BSON bytes of all documents."""
    found = {}
    with pymongo.MongoClient(uri, document_class=RawBSONDocument) as client:
        database = client.get_default_database()
        for name in sorted(set(database.list_collection_names()) - {"audit_log"}):
            found[name] = [row.raw for row in database[name].find().sort("_id")]
    return {name: rows for name, rows in found.items() if rows}


def here() -> dict[str, list[bytes]]:
    uri = connection.uri_setting()
    return content(uri)


class TestExport:
    def test_a_stream_of_text_gets_the_same_as_a_file(self, ann: User, tmp_path: Path) -> None:
        path = tmp_path / "ann.json"
        assert run(EXPORT, ann.email, "--output", path).code == 0
        written, stored = json.loads(run(EXPORT, ann.email).out), json.loads(path.read_bytes())
        assert written["documents"] == stored["documents"]

    def test_the_file_is_json_with_every_document(self, ann: User, tmp_path: Path) -> None:
        path = tmp_path / "ann.json"
        result = run(EXPORT, "v1", "--output", path, "--json")
        assert (result.code, result.err) == (0, "")
        loaded = json.loads(path.read_bytes())
        assert result.json == {
            "userId": str(ann.id),
            "file": str(path),
            "documents": {
                **{"users": 1, "profiles": 1, "preferences": 1, "external_ids": 1},
                **{"appdatas": 1, "activities": 20, "analytics": 1, "appdata_tombstones": 1},
            },
            "bytes": path.stat().st_size,
        }
        assert loaded["counts"] == result.json["documents"]
        assert len(loaded["documents"]) == 27
        assert (loaded["version"], loaded["user"]) == (1, str(ann.id))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_after_an_interruption_there_is_no_file(self, ann: User, tmp_path: Path) -> None:
        path = tmp_path / "ann.json"
        with interrupted(portability.export_file.Writer, "write", after=5):
            assert run(EXPORT, ann.email, "--output", path).code == 130
        assert list(tmp_path.iterdir()) == []
        assert run(EXPORT, ann.email, "--output", path, bar=True).code == 0

    def test_a_user_who_is_deleted_meanwhile_gives_no_file(
        self, ann: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(portability.export_file, "Writer", deleting(ann))
        result = run(EXPORT, ann.email, "--output", tmp_path / "ann.json")
        assert (result.code, list(tmp_path.iterdir())) == (2, [])

    @pytest.mark.parametrize(
        "arguments", [["nobody"], ["v1", "--json"], ["v1", "--output", "/nowhere/file"]]
    )
    def test_what_cannot_be_done_ends_in_two(self, ann: User, arguments: list[str]) -> None:
        result = run(EXPORT, *arguments)
        assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)


def deleting(user: User) -> type:
    class Writer(portability.export_file.Writer):
        def write(self, collection: str, document: bytes) -> None:
            super().write(collection, document)
            deletion.delete_user(user_id=user.id, seconds=0) if collection == "users" else None

    return Writer


class TestImport:
    def test_elsewhere_the_documents_are_the_same_byte_by_byte(
        self, mongodb: str, elsewhere: Path
    ) -> None:
        result = run(IMPORT, elsewhere, "--json")
        assert (result.code, result.err) == (0, "")
        assert result.json["inserted"]["activities"] == 20
        assert not any(result.json["unchanged"].values())
        assert not any(result.json["differing"].values())
        expected = content(mongodb)
        assert set(expected) - set(here()) == {"sessions"}
        for name, rows in here().items():
            assert rows == expected[name], name

    def test_what_was_exported_again_is_the_same(self, elsewhere: Path, tmp_path: Path) -> None:
        run(IMPORT, elsewhere)
        again = tmp_path / "again.json"
        assert run(EXPORT, "v1", "--output", again).code == 0
        first, second = (path.read_bytes().splitlines()[1:-1] for path in (elsewhere, again))
        assert sorted(first) == sorted(second)

    def test_a_second_run_changes_nothing(self, elsewhere: Path) -> None:
        run(IMPORT, elsewhere)
        before = here()
        result = run(IMPORT, elsewhere, "--json")
        assert (result.code, here()) == (0, before)
        assert sum(result.json["inserted"].values()) == 0
        assert sum(result.json["unchanged"].values()) == 27

    def test_what_differs_is_left_and_told(self, elsewhere: Path) -> None:
        run(IMPORT, elsewhere)
        connection.get_database().profiles.update_one({}, {"$set": {"bio": "new"}})
        before = here()
        result = run(IMPORT, elsewhere, "--json")
        assert (result.code, here()) == (1, before)
        assert result.json["differing"]["profiles"] == 1
        assert len(result.err.splitlines()) == 1

    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_after_an_interruption_the_same_command_goes_on(
        self, elsewhere: Path, mongodb: str, after: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(portability, "BATCH", 8)
        with interrupted(portability, "_store", after=after):
            assert run(IMPORT, elsewhere).code == 130
        stored = sum(map(len, here().values()))
        assert stored == 4 + 8 * after
        result = run(IMPORT, elsewhere, "--json")
        assert result.code == 0
        assert sum(result.json["unchanged"].values()) == stored
        assert len(here()["activities"]) == 20

    @pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, -1, -3])
    def test_half_a_file_is_refused(self, elsewhere: Path, share: float) -> None:
        whole = elsewhere.read_bytes()
        length = int(share) if share < 0 else int(len(whole) * share)
        elsewhere.write_bytes(whole[:length])
        refused(run(IMPORT, elsewhere))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"e7"', '"e8"'),
            ('"version":1', '"version":2'),
            ("chabad_auth_django.user", "something else"),
            ('"activities":20', '"activities":19'),
            ("]", "[["),
        ],
    )
    def test_a_changed_file_is_refused(self, elsewhere: Path, old: str, new: str) -> None:
        elsewhere.write_text(elsewhere.read_text().replace(old, new, 1))
        refused(run(IMPORT, elsewhere))

    @pytest.mark.parametrize(
        ("collection", "document"),
        [
            ("activities", {"_id": 1, "userId": ObjectId()}),
            ("users", {"_id": ObjectId(), "email": "root@example.org"}),
            ("sessions", {"_id": 1}),
            ("appdata_tombstones", {"_id": {"userId": ObjectId()}}),
            ("appdata_tombstones", {"_id": 1}),
        ],
    )
    def test_a_document_of_somebody_else_is_refused(
        self, elsewhere: Path, collection: str, document: dict[str, Any]
    ) -> None:
        with elsewhere.open("wb") as file:
            writer = portability.export_file.Writer(file, user_id=ObjectId())
            writer.write(collection, bson.encode(document))
            writer.close()
        refused(run(IMPORT, elsewhere))

    def test_a_user_whose_deletion_is_open_is_refused(self, elsewhere: Path) -> None:
        run(IMPORT, elsewhere)
        assert run("chabad_delete_user", "v1", "--yes").code == 0
        result = run(IMPORT, elsewhere)
        assert (result.code, "chabad_purge_deleted" in result.err) == (2, True)
        assert run("chabad_purge_deleted").code == 0
        assert run(IMPORT, elsewhere).code == 0

    def test_a_user_who_is_deleted_meanwhile_leaves_nothing(self, elsewhere: Path) -> None:
        original = portability._store

        def store(*arguments: Any) -> None:
            original(*arguments)
            deletion.delete_user(user_id=User.objects.get().id, seconds=0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(portability, "_store", store)
            assert run(IMPORT, elsewhere).code == 2
        assert set(here()) == {"deletions"}

    def test_a_file_that_is_not_there_ends_in_two(self, mongodb: str) -> None:
        result = run(IMPORT, "/nowhere.json")
        assert (result.code, result.err) == (
            2,
            "CommandError: /nowhere.json: No such file or directory.\n",
        )


def refused(result: Result, before: dict[str, list[bytes]] | None = None) -> None:
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1), result
    assert here() == (before or {})


def test_as_processes_in_a_pipe(
    ann: User, mongodb: str, replica_set_uri: str, tmp_path: Path
) -> None:
    exported = django_admin(EXPORT, ann.email, "--output", "-", cwd=tmp_path, MONGODB_URI=mongodb)
    assert (exported.returncode, exported.stderr) == (0, "")
    (tmp_path / "file").write_text(exported.stdout)
    with fresh_database(replica_set_uri) as uri, override_settings():
        indexes.create()
        with (tmp_path / "file").open() as file:
            result = _import_from(file, uri, tmp_path)
        assert (result.returncode, result.stderr) == (0, "")
        assert json.loads(result.stdout)["inserted"]["activities"] == 20


def _import_from(file: Any, uri: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return django_admin(IMPORT, "-", "--json", cwd=folder, stdin=file, MONGODB_URI=uri)
