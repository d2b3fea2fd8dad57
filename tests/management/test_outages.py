"""What commands do while MongoDB dies in the middle, or no majority confirms a write."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.errors import BulkWriteError, PyMongoError
from support.exports import exported
from support.faults import failing, kill
from support.interleave import Pause, command
from support.management import run
from support.processes import run_code

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity, Deletion, User
from chabad_auth_django.models.deletion import CREATING
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes, retention
from chabad_auth_django.services.lifecycle import deletion

#: What a write is answered that the primary has done, and no majority.
UNCONFIRMED = {"writeConcernError": {"code": 100, "errmsg": "x"}}

#: Seconds in which a command must have noticed an outage, on a busy machine.
BUDGET = 30


@pytest.fixture
def server(breakable_server: Mongod, pause: Pause) -> Iterator[Mongod]:
    """The server with an empty database, and a client that waits 300 ms for a primary."""
    options = {"serverSelectionTimeoutMS": 300, "event_listeners": [pause]}
    changed = {"MONGODB_URI": breakable_server.start(), "MONGODB_OPTIONS": options}
    with override_settings(CHABAD_AUTH=changed):
        connection.ping(timeout=60)
        database = connection.get_database()
        for name in database.list_collection_names():
            database[name].delete_many({})
        indexes.create()
        yield breakable_server
        connection.close()


def test_an_import_that_no_majority_confirms_is_not_done(server: Mongod, tmp_path: Path) -> None:
    user = User.create_user(email="ann@example.org")
    Activity.collection().insert_one({"userId": user.id, "timestamp": now()})
    path = tmp_path / "ann.json"
    path.write_bytes(exported(user.id).getvalue())
    Activity.collection().delete_many({})
    namespace = f"{connection.get_database().name}.activities"
    with failing("insert", namespace=namespace, **UNCONFIRMED):
        result = run("chabad_import_user", path)
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "MongoDB refused: x. Then run the same command again." in result.err
    assert run("chabad_import_user", path).code == 0
    assert Activity.objects.count() == 1


@pytest.mark.parametrize("name", ["chabad_set_retention", "chabad_sync_indexes --fix"])
def test_a_retention_that_no_majority_confirms_is_not_done(server: Mongod, name: str) -> None:
    retention.set_days(days=100)
    with failing("collMod", **UNCONFIRMED):
        result = run(*name.split(), "--yes")
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert "MongoDB refused: x. Then run the same command again." in result.err
    assert run(*name.split(), "--yes").code == 0
    assert retention.current_days() == conf.ACTIVITY_RETENTION_DAYS


def test_a_job_that_no_majority_confirms_is_no_deletion_of_somebody(server: Mongod) -> None:
    with failing("update", **UNCONFIRMED), pytest.raises(BulkWriteError):
        Deletion.open_jobs([ObjectId()], state=CREATING)


def test_a_dead_server_is_noticed_within_a_long_limit(server: Mongod, pause: Pause) -> None:
    pause.before(command("find", "users"), partial(kill, server))
    started = time.monotonic()
    with connection.long_limit(60 * 60), pytest.raises(PyMongoError):
        User.collection().find_one()
    assert pause.done
    assert time.monotonic() - started < BUDGET


def test_the_log_has_no_frames_of_an_outage(
    server: Mongod, pause: Pause, caplog: pytest.LogCaptureFixture
) -> None:
    user = User.create_user(email="ann@example.org")
    deletion.delete_user(user_id=user.id, seconds=0)
    pause.before(command("find", "users"), partial(kill, server))
    result = run("chabad_purge_deleted")
    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "resume failed for the user" in caplog.text
    assert "File " not in caplog.text


def test_errors_of_the_threads_of_pymongo_are_not_on_standard_error(tmp_path: Path) -> None:
    code = (
        "import logging\n"
        "import chabad_auth_django.management.base\n"
        "logging.getLogger('pymongo.client').error('x')"
    )
    process = run_code(code, cwd=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
