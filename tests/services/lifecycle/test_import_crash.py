"""A killed import left a whole user or none; the same import once more stores all of the file."""

from pathlib import Path
from typing import Any

import pytest
from support import jobs
from support.claims import Claim
from support.fork_server import ForkServer
from support.invariants import incomplete_users, leftovers, watched
from support.killer import Killer

from chabad_auth_django.db import connection
from chabad_auth_django.models import AppData, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.lifecycle import deletion, portability

EVENTS = 2 * portability.BATCH

Rows = dict[str, list[Any]]


@pytest.fixture
def file(either_server: str, tmp_path: Path) -> Path:
    """The export of a user with everything."""
    user = User.create_user(email="ann@example.org", valu_user_id="valu-1")
    for number in range(4):
        AppData.upsert_app_data(user.id, "app", f"key{number}", number)
    AppData.delete_app_data(user.id, "app", "key0")
    for name in ("activities", "analytics"):
        rows = [{"userId": user.id, "timestamp": now(), "n": n} for n in range(EVENTS)]
        connection.get_database()[name].insert_many(rows)
    path = tmp_path / "user.json"
    with path.open("wb") as file:
        portability.export_user(user_id=user.id, file=file, advance=lambda count: None)
    return path


def stored() -> Rows:
    """Return all documents, collection by collection."""
    database = connection.get_database()
    rows = {
        name: list(database[name].find(sort=[("_id", 1)]))
        for name in set(database.list_collection_names()) - {"audit_log"}
    }
    return {name: found for name, found in rows.items() if found}


def remove(rows: Rows) -> None:
    """Make the database a new one, in which nobody was ever half there."""
    for name in sorted(rows, key=lambda name: name != "users"):
        connection.get_database()[name].delete_many({})


@pytest.mark.slow
def test_a_killed_import(
    either_server: str, processes: ForkServer, file: Path, trials: int, claim: Claim
) -> None:
    database = connection.get_database()
    everything = stored()
    kill = Killer(processes, database)
    half = 0
    with watched(either_server):
        for _ in range(trials):
            remove(everything)
            kill("import_user", commands=30, seconds=0.3, path=str(file))
            half += 0 < sum(map(len, stored().values())) < sum(map(len, everything.values()))
            assert incomplete_users(database) == []
            # Without transactions the first steps of an import are a creation to be ended.
            list(deletion.run())
            assert leftovers(database) == {}
            jobs.import_user(str(file))
            assert stored() == everything
    kind = "replica set" if connection.supports_transactions() else "standalone"
    claim(
        f"Kills: a killed import, run again, stores all of the file ({kind})",
        f"{kill.killed} of {trials} runs killed, {half} of them half-way",
        kill.killed > trials / 2 and half > trials / 10,
    )
