"""Going on with deletions for a limited time loses nothing and hits nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.commands import CommandCounter

from chabad_auth_django.contrib.admin import purge
from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models import Activity, Deletion, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion, deletion_status, purging, receipts


def left_behind(raw: Database[Any], count: int, state: str = "deleting") -> ObjectId:
    user_id = ObjectId()
    for _ in range(count):
        raw.activities.insert_one({"userId": user_id, "eventType": "read", "timestamp": now()})
    since = now() - timedelta(hours=1)
    raw.deletions.insert_one({"_id": user_id, "state": state, "since": since})
    return user_id


def test_a_run_without_time_ends_no_deletion_and_the_next_one_does(raw: Database[Any]) -> None:
    gone = left_behind(raw, 5)
    assert purge.run(seconds=0) == purge.Progress(0, 0, 1)
    assert sum(purging.count_documents(user_id=gone).values()) == 5
    assert purge.run(seconds=60) == purge.Progress(5, 1, 0)
    assert deletion_status.list_deletions() == ([], None)
    assert Activity.objects.count() == 0


def test_a_run_ends_with_its_time_however_much_is_left(raw: Database[Any]) -> None:
    many = left_behind(raw, 300)
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "PURGE_BATCH_SIZE": 1}):
        found = purge.run(seconds=0.01)
    assert found.finished == 0 and found.open == 1
    left = deletion_status.list_deletions()[0][0].left
    assert left == 300 - found.documents > 0
    assert purge.run(seconds=60).documents == left
    assert not deletion_status.list_deletions()[0] and not raw.deletions.find_one({"_id": many})


def test_who_is_there_again_keeps_everything(raw: Database[Any], user: User) -> None:
    raw.activities.insert_one({"userId": user.id, "eventType": "read", "timestamp": now()})
    raw.deletions.insert_one({"_id": user.id, "state": "purging", "since": now()})
    before = purging.count_documents(user_id=user.id)
    assert purge.run(seconds=60).documents == 0
    assert purging.count_documents(user_id=user.id) == before
    assert User.find_by_id(user.id) is not None


def test_what_many_have_left_is_counted_with_one_command(commands: CommandCounter) -> None:
    database: Any = Activity.database()
    ids = [left_behind(database, count) for count in (1, 2, 3)]
    commands.clear()
    assert {item.user_id: item.left for item in deletion_status.list_deletions()[0]} == dict(
        zip(ids, (1, 2, 3), strict=True)
    )
    assert commands.names == ["find", "aggregate", "aggregate"]


def test_jobs_and_receipts_that_lack_something_are_told_and_end(raw: Database[Any]) -> None:
    began = now() - timedelta(hours=1)
    nothing, *others = rows = [
        # It is just being ended, while somebody takes its receipt.
        {},
        {"state": "deleting"},
        {"state": "creating"},
        {"state": "purging", "receipt": {"names": []}},
        {"receipt": {"names": []}},
        {"receipt": {"names": [], "found": None, "finishedAt": began}},
        {"since": began, "state": "deleting", "receipt": {"found": {"users": 1}}},
    ]
    for row in rows:
        row["_id"] = ObjectId()
    raw.deletions.insert_many(rows)
    assert {item.user_id for item in deletion_status.list_deletions()[0]} == {
        row["_id"] for row in others
    }
    assert deletion_status.find(name=str(nothing["_id"])) is None
    with pytest.raises(UserNotFound):
        receipts.find(name=str(nothing["_id"]))
    for row in others:
        assert str(row["_id"]) in str(deletion_status.find(name=str(row["_id"])))
        assert receipts.find(name=str(row["_id"])).user_id == row["_id"]
        if row.get("receipt"):
            assert receipts.read(user_id=row["_id"]).requested_at <= now()
    assert Deletion.oldest_job() == began
    list(deletion.run())
    list(deletion.run())
    assert Deletion.count_jobs() == 0
