"""Nobody has to know of a command to get the indexes, and nothing is lost by getting them."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest
from bson import ObjectId
from django.core.management import CommandError, call_command
from pymongo.uri_parser import parse_uri
from support.processes import python

from chabad_auth_django.db import connection
from chabad_auth_django.models.fields import now

SETTINGS = """
SECRET_KEY = "tests only, at least thirty-two bytes long"
INSTALLED_APPS = ["chabad_auth_django"]
DATABASES = {
    name: {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{name}.sqlite3"}
    for name in ("default", "other")
}
USE_TZ = True
"""


NOBODY = "mongodb://127.0.0.1:1/x"


@pytest.fixture
def database(replica_set_uri: str) -> Iterator[pymongo.database.Database[Any]]:
    """An empty database without indexes, which a process of its own will use."""
    uri = replica_set_uri.replace(parse_uri(replica_set_uri)["database"], f"i{ObjectId()}")
    with pymongo.MongoClient(uri) as client:
        yield client.get_default_database()
        client.drop_database(client.get_default_database())


def run(folder: Path, database: Any, *arguments: str, settings: str = SETTINGS) -> str:
    (folder / "migrating.py").write_text(settings)
    uri = connection.uri_setting()
    result = python(
        *("-m", "django", *arguments),
        cwd=folder,
        MONGODB_URI=uri.replace(f"/{parse_uri(uri)['database']}", f"/{database.name}"),
        DJANGO_SETTINGS_MODULE="migrating",
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def names(database: Any, collection: str) -> set[str]:
    return set(database[collection].index_information())


@pytest.mark.slow
def test_migrate_creates_them_and_the_check_names_those_that_are_missing(
    database: Any, tmp_path: Path
) -> None:
    assert "(chabad_auth.W011)" not in run(tmp_path, database, "check")
    assert "MongoDB indexes are missing: activities {" in run(
        tmp_path, database, "check", "--database", "default"
    )
    assert "Created" not in run(tmp_path, database, "migrate", "--database", "other")
    off = f"{SETTINGS}\nCHABAD_AUTH = {{'INDEXES_AFTER_MIGRATE': False}}"
    assert "Created" not in run(tmp_path, database, "migrate", settings=off)
    assert database.list_collection_names() == []
    assert "MongoDB indexes." in run(tmp_path, database, "migrate")
    assert "email_1" in names(database, "users")
    assert database.activities.index_information()["timestamp_1"]["expireAfterSeconds"]
    assert run(tmp_path, database, "migrate", "-v0") == ""
    assert "W011" not in run(tmp_path, database, "check", "--database", "default")


def test_what_needs_a_decision_is_left_and_told(database: Any, tmp_path: Path) -> None:
    old = now() - timedelta(days=1000)
    database.activities.insert_many([{"timestamp": old} for _ in range(3)])
    database.audit_log.insert_one({"timestamp": old})
    database.users.insert_many([{"email": "ann@example.org"} for _ in range(2)])
    user_id = ObjectId()
    database.profiles.insert_many([{"userId": user_id} for _ in range(2)])
    database.analytics.create_index([("timestamp", 1)], name="theirs", expireAfterSeconds=5)
    database.preferences.create_index([("theirs", 1)])
    before = database.analytics.index_information()["theirs"]
    told = run(tmp_path, database, "migrate")
    assert "would remove 3 documents" in told
    assert "chabad_sync_indexes" in told
    assert told.count("chabad_check_integrity") == 2
    assert "ann@example.org" not in told
    assert "timestamp_1" not in names(database, "activities")
    assert "userId_1_timestamp_-1" in names(database, "activities")
    assert "email_1" not in names(database, "users")
    assert database.analytics.index_information()["theirs"] == before
    assert "theirs_1" in names(database, "preferences")
    assert database.activities.count_documents({}) == 3


def test_the_command_that_is_named_finds_what_blocks_an_index(
    mongodb: str, raw: Any, fresh_indexes: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for collection, key in {
        "profiles": {"userId": ObjectId()},
        "appdatas": {"userId": ObjectId(), "appId": "a", "dataKey": "k"},
        "preferences": {"userId": None},
    }.items():
        raw[collection].drop_indexes()
        raw[collection].insert_many([dict(key) for _ in range(3)])
    with pytest.raises(CommandError):
        call_command("chabad_check_integrity", "--json")
    assert capsys.readouterr().out.count("duplicate_key") >= 3


@pytest.mark.slow
def test_without_a_server_migrate_warns_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "migrating.py").write_text(SETTINGS)
    started = time.monotonic()
    result = python(
        *("-m", "django", "migrate"),
        cwd=tmp_path,
        MONGODB_URI=NOBODY,
        DJANGO_SETTINGS_MODULE="migrating",
    )
    assert result.returncode == 0
    assert "No MongoDB indexes were created" in result.stderr
    assert time.monotonic() - started < 120
