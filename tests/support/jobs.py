"""What the killed processes and the racing threads do: everything that a project may write."""

import itertools
import json
import random
import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from bson import ObjectId
from support import management as command
from support.exports import imported

from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import (
    AlreadyExists,
    ChabadAuthError,
    DuplicateEmail,
    UserNotFound,
)
from chabad_auth_django.models import (
    Activity,
    Analytics,
    AppData,
    Deletion,
    Preferences,
    Profile,
    User,
)
from chabad_auth_django.services.analytics import archive, rollups
from chabad_auth_django.services.data.app_data import synchronize_app_data
from chabad_auth_django.services.identity import users
from chabad_auth_django.services.lifecycle import deletion, receipts
from chabad_auth_django.services.signing_in.flows import record_login

Write = Callable[[ObjectId, random.Random], object]


def activity(user_id: ObjectId, chance: random.Random) -> None:
    Activity.create_activity(user_id=user_id, event_type="view")


def activities(user_id: ObjectId, chance: random.Random) -> None:
    Activity.objects.insert(
        [Activity(user_id=user_id, event_type="view") for _ in range(chance.randint(1, 20))]
    )


def analytics(user_id: ObjectId, chance: random.Random) -> None:
    Analytics.create_analytics(user_id=user_id, event_name="x", event_category="custom")


def upsert(user_id: ObjectId, chance: random.Random) -> None:
    AppData.upsert_app_data(user_id, "app", f"key{chance.randint(0, 5)}", chance.random())


def delete_key(user_id: ObjectId, chance: random.Random) -> None:
    AppData.delete_app_data(user_id, "app", f"key{chance.randint(0, 5)}")


def delete_keys(user_id: ObjectId, chance: random.Random) -> None:
    AppData.delete_app_data(user_id, "app")


def profile(user_id: ObjectId, chance: random.Random) -> None:
    Profile.find_or_create_profile(user_id)


def preferences(user_id: ObjectId, chance: random.Random) -> None:
    Preferences.find_or_create_preferences(user_id)


def metadata(user_id: ObjectId, chance: random.Random) -> None:
    Profile.find_or_create_profile(user_id).set_metadata("key", chance.random())


def login(user_id: ObjectId, chance: random.Random) -> None:
    record_login(user_id=user_id, app_id="app")


def synchronize(user_id: ObjectId, chance: random.Random) -> None:
    key = {"user_id": user_id, "app_id": "app", "data_key": f"key{chance.randint(0, 5)}"}
    stored = AppData.find_by_user_app_and_key(**key)
    with suppress(AlreadyExists):
        synchronize_app_data(
            **key, data_value=chance.random(), expected_version=stored.version if stored else None
        )


@atomic
def together(user_id: ObjectId, chance: random.Random) -> None:
    activities(user_id, chance)
    upsert(user_id, chance)
    analytics(user_id, chance)


WRITES: tuple[Write, ...] = (
    activity,
    activities,
    analytics,
    upsert,
    upsert,
    delete_key,
    delete_keys,
    profile,
    preferences,
    metadata,
    login,
    synchronize,
    together,
)


def write(user_id: str, seed: int) -> None:
    """Write for the user, now this, now that, until killed."""
    chance = random.Random(seed)
    while True:
        # A version conflict, a key that is not there: what racing clients have to expect.
        with suppress(ChabadAuthError):
            chance.choice(WRITES)(ObjectId(user_id), chance)


def write_once(user_id: str, name: str) -> None:
    """Write for the user once."""
    with suppress(UserNotFound):
        globals()[name](ObjectId(user_id), random.Random(0))


def delete(user_id: str) -> None:
    """Delete the user."""
    User.objects(id=user_id).delete()


def erase(name: str) -> None:
    """Do what ``chabad_delete_user`` does."""
    found = receipts.find(name=name)
    receipts.delete(subject=found, advance=lambda count: None)
    Deletion.take_receipt(found.user_id)


def grant(user_id: str) -> None:
    """Make the user a moderator."""
    user = User.find_by_id(user_id)
    assert user
    users.change_grants(user=user, grant=True, roles=["moderator"])


def recover() -> None:
    """Do what ``chabad_purge_deleted`` does."""
    list(deletion.run())


def ways_to_create(prefix: str, chance: random.Random) -> Iterator[Callable[[], Any]]:
    """Yield calls that each create users with new addresses, in every way there is."""
    for number in itertools.count():
        email = f"{prefix}-{number}@example.org"
        others = [f"{prefix}-{number}-{n}@example.org" for n in range(chance.randint(1, 5))]
        yield chance.choice(
            [
                lambda email=email: User.create_user(email=email),
                lambda email=email: User(email=email).save(),
                lambda email=email: User.objects.insert(User(email=email)),
                lambda others=others: User.objects.insert([User(email=one) for one in others]),
                lambda email=email: User.create_user(email=f"{prefix}-taken@example.org"),
            ]
        )


def create(prefix: str, seed: int) -> None:
    """Create users until killed; some have an address that is taken."""
    for call in ways_to_create(prefix, random.Random(seed)):
        with suppress(DuplicateEmail):
            call()


def create_once(emails: list[str]) -> None:
    """Create users with one call."""
    User.objects.insert([User(email=email) for email in emails])


def roll_up() -> None:
    """Do what ``chabad_rollup_analytics`` does."""
    list(rollups.run())


def archive_events(before: str, folder: str) -> None:
    """Do what ``chabad_archive_analytics --before`` does."""
    list(archive.archive(before=datetime.fromisoformat(before), folder=Path(folder)))


def restore_events(month: str, folder: str) -> None:
    """Do what ``chabad_archive_analytics --restore`` does."""
    list(archive.restore(month=month, folder=Path(folder)))


def import_user(path: str) -> None:
    """Do what ``chabad_import_user`` does."""
    with Path(path).open("rb") as file:
        imported(file)


def run_commands(report: str, commands: list[list[str]]) -> None:
    """Run the commands; write exit status and words of each, and the memory it all took, in kB."""
    results = [command.run(*arguments) for arguments in commands]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = [[result.code, result.out, result.err] for result in results]
    Path(report).write_text(json.dumps({"told": told, "memory": memory}), encoding="utf-8")
