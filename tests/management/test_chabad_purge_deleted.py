from datetime import UTC, datetime
from io import StringIO

from bson import ObjectId
from django.core.management import call_command
from django.test import override_settings
from pymongo.database import Database
from support.management import interrupted
from support.management import run as command

from chabad_auth_django.models import Activity, User
from chabad_auth_django.services.lifecycle import deletion

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def run() -> list[str]:
    output = StringIO()
    call_command("chabad_purge_deleted", stdout=output)
    return output.getvalue().splitlines()


def test_with_no_job_nothing_is_done(mongodb: str, user: User) -> None:
    assert run() == []
    assert User.find_by_email(user.email) == user


def test_what_a_crash_left_is_purged_and_the_job_ends(raw: Database, user: User) -> None:
    id = ObjectId()
    raw.deletions.insert_one({"_id": id, "state": "deleting", "since": LONG_AGO})
    raw.activities.insert_many([{"userId": id, "eventType": "x"} for _ in range(1500)])
    kept = Activity.create_activity(user_id=user.id, event_type="x")
    assert run() == [
        f"{id}      1,500 documents purged, finished",
        "1 deletion finished, 0 waiting, 1,500 documents purged.",
    ]
    assert [row["_id"] for row in raw.activities.find()] == [kept.id]
    assert raw.deletions.count_documents({}) == 0


def test_within_the_grace_period_the_job_waits_for_its_second_sweep(
    mongodb: str, raw: Database, user: User
) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "DELETION_GRACE_SECONDS": 3600}):
        user.delete()
        for _ in range(2):
            assert run() == []
    assert len(run()) == 2
    assert raw.deletions.count_documents({}) == 0


def test_json_and_a_dry_run(raw: Database, user: User) -> None:
    user.delete()
    result = command("chabad_purge_deleted", "--dry-run", "--json")
    nothing = {"documents": 0, "unknownCollections": {}}
    assert result.json == {"finished": 0, "waiting": 1, "dryRun": True} | nothing
    assert raw.deletions.count_documents({}) == 1
    result = command("chabad_purge_deleted", "--json")
    assert result.json == {"finished": 1, "waiting": 0, "dryRun": False} | nothing


def test_after_an_interruption_the_same_command_goes_on(raw: Database, user: User) -> None:
    other = User.create_user(email="bob@example.org")
    for one in (user, other):
        one.delete()
    with interrupted(deletion, "resume", after=1):
        assert command("chabad_purge_deleted").code == 130
    assert raw.deletions.count_documents({}) == 1
    assert command("chabad_purge_deleted", "--json").json["finished"] == 1
