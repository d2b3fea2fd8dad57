"""What is purged or passed over need not be decoded, and every loop ends."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings
from pymongo.database import Database

from chabad_auth_django.db.batches import in_batches
from chabad_auth_django.models import AppData, User
from chabad_auth_django.models.fields import now

#: What is stored besides; BROKEN becomes bytes that are no UTF-8.
ODD: list[dict[str, Any]] = [
    {"text": "BROKEN"},
    {"deep": {"a": ["BROKEN", {"BROKEN": 1}]}},
    {"BROKEN": 1},
    {"version": "BROKEN"},
    {"version": ["BROKEN"]},
    {"version": bson.DatetimeMS(2**62)},
    {"sessionId": "BROKEN"},
    {"eventType": "BROKEN"},
    {"date": bson.DatetimeMS(-(2**62))},
    {"_id": "BROKEN"},
    {"_id": {"a": "BROKEN"}},
    {"_id": bson.DatetimeMS(2**62)},
]


def fill(raw: Database, user: User, collections: list[str]) -> None:
    for name in collections:
        for number, odd in enumerate(ODD):
            document = {
                "_id": bson.ObjectId(),
                "userId": user.id,
                "appId": "app",
                "dataKey": f"k{number}",
                "eventName": "x",
                "timestamp": now(),
                **odd,
            }
            encoded = bson.encode(document).replace(b"BROKEN", b"\xff\xfeK\xc3EN")
            raw[name].insert_one(RawBSONDocument(encoded))


@contextmanager
def ending(seconds: int = 20) -> Iterator[None]:
    def fail(*args: Any) -> None:
        raise TimeoutError("The loop does not end.")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def test_a_deletion_removes_what_cannot_be_decoded(either_server: str) -> None:
    user = User.create_user(email="ann@example.org")
    database = User.collection().database
    fill(database, user, ["activities", "analytics", "appdatas"])
    short = {**settings.CHABAD_AUTH, "DELETION_GRACE_SECONDS": 0}
    with ending(), override_settings(CHABAD_AUTH=short):
        user.delete()
        call_command("chabad_purge_deleted", verbosity=0)
    for name in ("activities", "analytics", "appdatas", "deletions"):
        assert database[name].count_documents({}) == 0, name


def test_deleting_app_data_ends_and_leaves_nothing(either_server: str) -> None:
    user = User.create_user(email="ann@example.org")
    database = User.collection().database
    for delete in (
        lambda: AppData.delete_app_data(user.id, "app"),
        lambda: AppData.objects(user_id=user.id).delete(),
    ):
        fill(database, user, ["appdatas"])
        with ending():
            assert AppData.delete_app_data(user.id, "app", "k3") == 1
            assert AppData.delete_app_data(user.id, "app", "k9") == 1
            assert delete() == len(ODD) - 2
        assert database.appdatas.count_documents({}) == 0
        assert database.appdata_tombstones.count_documents({}) == len(ODD)


def test_scans_end_and_see_every_document_once(user: User, raw: Database) -> None:
    for number in range(12):
        prefix = "BROKEN" if number % 3 else "fine"
        document = bson.encode({"_id": f"{prefix}{number:02}", "userId": user.id})
        raw.activities.insert_one(RawBSONDocument(document.replace(b"BROKEN", b"\xff\xfeK\xc3EN")))
    fill(raw, user, ["activities"])
    with ending():
        for size in (1, 2, 5, 100):
            batches = list(in_batches(raw.activities.with_options(CODEC), size=size))
            assert sum(map(len, batches)) == 12 + len(ODD)


CODEC = bson.CodecOptions(
    unicode_decode_error_handler="replace",
    datetime_conversion=bson.codec_options.DatetimeConversion.DATETIME_AUTO,
)


def test_commands_that_read_everything_end(user: User, raw: Database, capsys: Any) -> None:
    fill(raw, user, ["activities", "analytics", "appdatas"])
    for command, *arguments in (
        ("chabad_check_integrity",),
        ("chabad_verify_erasure", user.email),
        ("chabad_export_user", user.email),
        ("chabad_show_user", user.email),
        ("chabad_stats",),
    ):
        with ending():
            try:
                call_command(command, *arguments)
            except CommandError as error:
                # It found something, and says so.
                assert str(error), command
