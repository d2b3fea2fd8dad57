"""``chabad_import_user --dry-run`` ends as the import does; see ``test_chabad_export_user``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import ObjectId
from support.clients import fresh_database
from support.management import run

from chabad_auth_django.db import connection
from chabad_auth_django.models import AppData, ExternalId, Profile, User
from chabad_auth_django.services.deployment import indexes
from chabad_auth_django.services.identity import external_ids
from chabad_auth_django.services.lifecycle.export_file import Writer

IMPORT = "chabad_import_user"


@pytest.fixture
def file(either_server: str, tmp_path: Path) -> Iterator[Path]:
    """The export of a user; the database is another one, with the indexes."""
    user = User.create_user(email="ann@example.org")
    external_ids.link_external_id(user_id=user.id, field="valuUserId", value="v1")
    for key in ("a", "b"):
        AppData.upsert_app_data(user.id, "app", key, 1)
    AppData.delete_app_data(user.id, "app", "a")
    path = tmp_path / "ann.json"
    assert run("chabad_export_user", "v1", "--output", path).code == 0
    with fresh_database(either_server):
        indexes.create()
        yield path


def stored() -> dict[str, list[Any]]:
    """Return all documents."""
    database = connection.get_database()
    names = set(database.list_collection_names()) - {"audit_log"}
    return {name: list(database[name].find()) for name in names}


def outcome(file: Path) -> tuple[int, dict[str, Any] | None]:
    """Return the exit status and the object of a dry run, and then of the import: the same."""
    before = stored()
    dry = run(IMPORT, file, "--dry-run", "--json")
    assert stored() == before
    real = run(IMPORT, file, "--json")
    assert (dry.code, dry.err) == (real.code, real.err)
    if not dry.out:
        assert (real.out, stored()) == ("", before)
        return dry.code, None
    assert dry.json == {**real.json, "dryRun": True}
    return dry.code, dry.json


def have_the_address() -> None:
    User.create_user(email="ann@example.org")


def claim_the_id() -> None:
    bob = User.create_user(email="bob@example.org")
    external_ids.link_external_id(user_id=bob.id, field="valuUserId", value="v1")


def do_both() -> None:
    have_the_address()
    claim_the_id()


@pytest.mark.parametrize("have", [have_the_address, claim_the_id, do_both])
def test_what_belongs_to_another_user_is_refused(file: Path, have: Callable[[], None]) -> None:
    have()
    assert outcome(file) == (2, None)


def test_documents_without_their_user_are_named(file: Path) -> None:
    assert run(IMPORT, file).code == 0
    for model in (User, ExternalId):
        model.collection().delete_many({})
    for arguments in (["--dry-run"], []):
        assert "preferences has an orphan of this user" in run(IMPORT, file, *arguments).err
    assert run("chabad_check_integrity", "--repair").code == 0
    assert run(IMPORT, file).code == 0


def test_a_key_under_another_id_differs(file: Path) -> None:
    assert run(IMPORT, file).code == 0
    user = User.objects.get()
    AppData.collection().delete_many({})
    AppData.upsert_app_data(user.id, "app", "b", "other")
    code, found = outcome(file)
    assert found
    assert (code, found["inserted"]["appdatas"], found["differing"]["appdatas"]) == (1, 0, 1)


def test_a_profile_under_another_id_differs(file: Path) -> None:
    assert run(IMPORT, file).code == 0
    user = User.objects.get()
    Profile.collection().delete_many({})
    Profile.find_or_create_profile(user.id)
    code, found = outcome(file)
    assert found
    assert (code, found["inserted"]["profiles"], found["differing"]["profiles"]) == (1, 0, 1)


def test_an_identity_that_was_taken_away_does_not_come_back(file: Path) -> None:
    """Whoever has it could sign in as the user again."""
    assert run(IMPORT, file).code == 0
    ExternalId.objects.delete()
    code, found = outcome(file)
    assert found
    assert (code, found["inserted"]["external_ids"], found["differing"]["external_ids"]) == (
        1,
        0,
        1,
    )
    assert ExternalId.objects.count() == 0


def test_a_key_that_is_twice_in_the_file_differs(either_server: str, tmp_path: Path) -> None:
    id = ObjectId()
    with (tmp_path / "file").open("wb") as file:
        writer = Writer(file, user_id=id)
        writer.write("users", bson.encode({"_id": id, "email": "ann@example.org"}))
        for number in range(2):
            key = {"userId": id, "appId": "app", "dataKey": "k", "version": 1}
            writer.write("appdatas", bson.encode({"_id": number, **key}))
        writer.close()
    code, found = outcome(tmp_path / "file")
    assert found
    assert (code, found["inserted"]["appdatas"], found["differing"]["appdatas"]) == (1, 1, 1)


def test_an_empty_database_takes_everything(file: Path) -> None:
    code, found = outcome(file)
    assert found
    assert (code, sum(found["inserted"].values())) == (0, 6)
    assert not stored().get("deletions")
