"""An import never stores a version that a key had before, and leaves what is stored."""

import io
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from django.test import override_settings
from support.clients import fresh_database
from support.exports import exported, imported
from support.interleave import Pause, command
from support.management import interrupted

from chabad_auth_django.db import connection
from chabad_auth_django.db.batches import RAW
from chabad_auth_django.exceptions import ValidationError, VersionConflict
from chabad_auth_django.models import Activity, AppData, AppDataTombstone, User
from chabad_auth_django.models.app_data_criteria import KEY
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes, integrity
from chabad_auth_django.services.lifecycle import portability
from chabad_auth_django.services.lifecycle.export_file import Writer

Key = tuple[Any, str, str]


@pytest.fixture
def key(either_server: str) -> Key:
    """A key of a stored user."""
    return User.create_user(email="ann@example.org").id, "app", "k"


def value(key: Key) -> tuple[Any, int]:
    stored = AppData.find_by_user_app_and_key(*key)
    assert stored
    return stored.data_value, stored.version


def findings() -> list[str]:
    return [finding.kind for finding in integrity.check(advance=lambda count: None)]


def deleted_at_three(key: Key) -> tuple[io.BytesIO, AppData]:
    """Return an export with version 1 of a key, and version 3 as a client still has it."""
    AppData.upsert_app_data(*key, "v1")
    file = exported(key[0])
    AppData.upsert_app_data(*key, "v2")
    stale = AppData.upsert_app_data(*key, "v3")
    AppData.delete_app_data(*key)
    return file, stale


class TestADeletedKey:
    def test_a_stale_client_overwrites_nothing(self, key: Key) -> None:
        file, stale = deleted_at_three(key)
        imported(file)
        for new in ("new 2", "new 3"):
            AppData.upsert_app_data(*key, new)
        with pytest.raises(VersionConflict):
            stale.update_value_with_version("overwritten", 3)

    def test_it_comes_back_with_the_next_version(self, key: Key) -> None:
        file, _ = deleted_at_three(key)
        assert imported(file, dry_run=True).inserted["appdatas"] == 1
        result = imported(file)
        assert (result.inserted["appdatas"], any(result.differing.values())) == (1, False)
        assert (value(key), findings()) == (("v1", 4), [])

    def test_a_second_import_changes_nothing(self, key: Key) -> None:
        file, _ = deleted_at_three(key)
        imported(file)
        for _ in range(2):
            result = imported(file)
            assert (sum(result.inserted.values()), sum(result.differing.values())) == (0, 0)
            assert value(key) == ("v1", 4)

    def test_after_another_deletion_it_gets_another_version(self, key: Key) -> None:
        file, _ = deleted_at_three(key)
        imported(file)
        AppData.delete_app_data(*key)
        imported(file)
        assert value(key) == ("v1", 5)

    @pytest.mark.parametrize("after", range(4))
    def test_after_an_interruption_the_end_is_the_same(
        self, key: Key, after: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file, _ = deleted_at_three(key)
        monkeypatch.setattr(portability, "BATCH", 1)
        with interrupted(portability, "_store", after=after), pytest.raises(KeyboardInterrupt):
            imported(file)
        imported(file)
        assert (value(key), findings()) == (("v1", 4), [])

    def test_what_else_the_document_holds_is_the_same(self, key: Key) -> None:
        AppData.upsert_app_data(*key, {"a": [1, {"b": 1.0}]})
        strange = {"long": bson.Int64(1), "uuid": bson.Binary(bytes(16), 4), "time": now()}
        collection = connection.get_database()["appdatas"]
        collection.update_one({}, {"$set": strange})
        raw = AppData.collection_as(RAW).find_one()
        assert raw
        file = exported(key[0])
        collection.delete_one({})
        AppDataTombstone.collection().insert_one(
            {"_id": dict(zip(KEY, key, strict=True)), "version": 7}
        )
        imported(file)
        assert collection.update_one({}, {"$set": {"version": bson.Int64(1)}}).modified_count
        again = AppData.collection_as(RAW).find_one()
        assert again and again.raw == raw.raw

    def test_one_that_was_deleted_while_it_was_exported_is_whole_elsewhere(
        self, key: Key, either_server: str
    ) -> None:
        AppData.upsert_app_data(*key, "v1")
        file = io.BytesIO()
        writer = Writer(file, user_id=key[0])
        for name, model in portability.exported().items():
            if name == "appdata_tombstones":
                AppData.delete_app_data(*key)
            for row in model.collection_as(RAW).find(model.owned_by([key[0]])):
                writer.write(name, bytes(row.raw))
        writer.close()
        with fresh_database(either_server):
            indexes.create()
            for _ in range(2):
                assert not any(imported(file).differing.values())
                assert (value(key), findings()) == (("v1", 2), [])


def test_a_tombstone_above_the_version_of_a_stored_key_is_left_out(key: Key) -> None:
    for number in range(9):
        AppData.upsert_app_data(*key, number)
    AppData.delete_app_data(*key)
    file = exported(key[0])
    AppDataTombstone.collection().delete_many({})
    for number in range(5):
        AppData.upsert_app_data(*key, number)
    for dry_run in (True, False, False):
        result = imported(file, dry_run=dry_run)
        assert result.differing["appdata_tombstones"] == 1
        assert (value(key), findings()) == ((4, 5), [])


def test_a_tombstone_below_the_version_of_a_stored_key_is_stored(key: Key) -> None:
    AppData.upsert_app_data(*key, "v1")
    AppData.delete_app_data(*key)
    AppData.upsert_app_data(*key, "v2")
    file = exported(key[0])
    AppDataTombstone.collection().delete_many({})
    assert imported(file).inserted["appdata_tombstones"] == 1
    assert (value(key), findings()) == (("v2", 2), [])


def test_a_key_that_comes_and_goes_meanwhile_gives_no_version_away(mongodb: str) -> None:
    key = User.create_user(email="ann@example.org").id, "app", "k"
    file, _ = deleted_at_three(key)
    pause = Pause()

    def come_and_go() -> None:
        AppData.upsert_app_data(*key, "v4")
        AppData.delete_app_data(*key)

    options = {"MONGODB_URI": mongodb, "MONGODB_OPTIONS": {"event_listeners": [pause]}}
    with override_settings(CHABAD_AUTH=options):
        pause.before(command("insert", "appdatas"), come_and_go)
        imported(file)
    assert (pause.done, value(key)) == (True, ("v1", 5))


def test_a_key_that_comes_meanwhile_is_left(mongodb: str) -> None:
    key = User.create_user(email="ann@example.org").id, "app", "k"
    file, _ = deleted_at_three(key)
    pause = Pause()
    options = {"MONGODB_URI": mongodb, "MONGODB_OPTIONS": {"event_listeners": [pause]}}
    with override_settings(CHABAD_AUTH=options):
        pause.before(command("insert", "appdatas"), lambda: AppData.upsert_app_data(*key, "theirs"))
        result = imported(file)
    assert (pause.done, value(key)) == (True, ("theirs", 4))
    assert result.differing["appdatas"] == 1


def test_two_imports_of_one_file_at_once_store_it_once(mongodb: str) -> None:
    user = User.create_user(email="ann@example.org", valu_user_id="v1")
    key = user.id, "app", "k"
    AppData.upsert_app_data(*key, "v1")
    file = exported(key[0])
    for name in ("users", "profiles", "preferences", "external_ids", "appdatas"):
        connection.get_database()[name].delete_many({})
    pause = Pause()
    listening = {"MONGODB_OPTIONS": {"event_listeners": [pause]}, "TRANSACTION_TIMEOUT": 60}
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, **listening}):
        pause.before(command("update", "deletions"), lambda: imported(io.BytesIO(file.getvalue())))
        result = imported(file)
    assert (pause.done, pause.error) == (True, None)
    assert not any([*result.inserted.values(), *result.differing.values()])
    assert (User.objects.count(), value(key)) == (1, ("v1", 1))


def test_what_python_cannot_hold_is_moved_byte_by_byte(key: Key, replica_set_uri: str) -> None:
    row = {"_id": bson.ObjectId(), "userId": key[0], "far": bson.DatetimeMS(2**60), "text": "abc"}
    odd = bson.encode(row).replace(b"abc", b"\xff\xfeb")
    Activity.collection().insert_one(RawBSONDocument(odd))
    file = exported(key[0])
    with fresh_database(replica_set_uri):
        indexes.create()
        assert imported(file).inserted["activities"] == 1
        stored = Activity.collection().with_options(codec_options=RAW).find_one()
        assert stored.raw == odd
        assert imported(file).unchanged["activities"] == 1


def test_a_document_of_any_size_is_moved_byte_by_byte(key: Key, replica_set_uri: str) -> None:
    for size in (100_000, 200_000, 1_000_000, 15_000_000):
        row = {"_id": size, "userId": key[0], "long": "x" * size, "many": [{"a": 1}] * 20}
        Activity.collection().insert_one(row)
    stored = {row["_id"]: row.raw for row in Activity.collection_as(RAW).find()}
    file = exported(key[0])
    with fresh_database(replica_set_uri):
        indexes.create()
        assert imported(file).inserted["activities"] == len(stored)
        again = {row["_id"]: row.raw for row in Activity.collection_as(RAW).find()}
        assert again == stored


def test_an_empty_timestamp_is_refused_before_anything_is_stored(
    key: Key, replica_set_uri: str
) -> None:
    """In its place MongoDB would store its own time."""
    Activity.collection().insert_one({"_id": 1, "userId": key[0]})
    Activity.collection().update_one({}, {"$set": {"at": bson.Timestamp(0, 0)}})
    file = exported(key[0])
    with fresh_database(replica_set_uri), pytest.raises(ValidationError):
        imported(file)
