"""A purge by a project that lacks the app with a Document does not leave its data for ever."""

from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from django.core.checks import run_checks
from support.management import run
from support.processes import django_admin, run_code

from chabad_auth_django.db import connection
from chabad_auth_django.models import Deletion, User
from chabad_auth_django.services.lifecycle import deletion


@pytest.fixture
def other(either_server: str, tmp_path: Path) -> Any:
    """Another project on the same database, which has the Document Achievement."""
    settings = {
        "cwd": tmp_path,
        "MONGODB_URI": either_server,
        "DJANGO_SETTINGS_MODULE": "support.seventh_settings",
    }

    class Project:
        def run(self, name: str) -> Any:
            return django_admin(name, **settings)

        def insert(self, user_id: ObjectId) -> None:
            code = (
                "import sys; from bson import ObjectId\n"
                "from support.seventh.models import Achievement\n"
                f"Achievement(user_id=ObjectId('{user_id}'), badge='first').save()"
            )
            result = run_code(code, **settings)
            assert (result.returncode, result.stderr) == (0, "")

    return Project()


@pytest.fixture
def raw(either_server: str) -> Any:
    return connection.get_database()


def messages() -> list[str]:
    found = run_checks(databases=["default"])
    return [message.msg for message in found if message.id == "chabad_auth.W010"]


def test_a_deletion_ends_only_where_every_document_is_known(other: Any, raw: Any) -> None:
    user = User.create_user(email="ann@example.org")
    other.insert(user.id)
    user.delete()
    for _ in range(2):
        result = run("chabad_purge_deleted", "--json")
        assert result.code == 1
        assert "achievements (support.seventh.models.Achievement)" in result.err
        assert list(result.json["unknownCollections"]) == ["achievements"]
        assert (raw.achievements.count_documents({}), raw.deletions.count_documents({})) == (1, 1)
    assert len(messages()) == 1
    erased = run("chabad_erase_user", user.id, "--yes", "--json")
    assert erased.code == 1
    assert erased.json["receipts"][0]["finishedAt"] is None
    assert "achievements" in erased.err

    assert other.run("chabad_purge_deleted").returncode == 0
    assert (raw.achievements.count_documents({}), Deletion.count_jobs()) == (0, 0)
    assert run("chabad_erase_user", user.id, "--yes").code == 0
    assert messages() == [], "An empty collection keeps nothing open."


def test_two_projects_end_together_what_neither_ends_alone(other: Any, raw: Any) -> None:
    user, stays = User.objects.insert([User(email="ann@example.org"), User(email="b@example.org")])
    for owner in (user, stays):
        other.insert(owner.id)
    raw.badges.insert_one({"userId": stays.id})
    raw.owned_collections.insert_one({"_id": "badges", "document": "third.models.Badge"})
    user.delete()
    assert run("chabad_purge_deleted").code == 1
    result = other.run("chabad_purge_deleted")
    assert result.returncode == 1
    assert "badges (third.models.Badge)" in result.stderr
    assert "achievements" not in result.stderr
    assert raw.achievements.count_documents({}) == 1
    # What the other one has swept need not be known here.
    raw.badges.delete_many({})
    assert run("chabad_purge_deleted").code == 0
    assert raw.deletions.count_documents({}) == 0


def test_a_deletion_that_begins_again_is_swept_again(other: Any, raw: Any) -> None:
    job = {"_id": ObjectId(), "state": "deleting", "swept": ["achievements"]}
    raw.deletions.insert_one(job)
    deletion.begin(user_ids=[job["_id"]])
    assert "swept" not in raw.deletions.find_one()


def test_deploying_the_indexes_makes_a_collection_known(other: Any, raw: Any) -> None:
    raw.achievements.insert_one({"userId": ObjectId()})
    assert messages() == []
    assert other.run("chabad_sync_indexes").returncode == 0
    assert len(messages()) == 1
    raw.achievements.drop()
