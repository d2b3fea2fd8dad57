"""The commands that each operation sends: a new one is a regression until it is wanted."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from support.clients import recording, with_options
from support.commands import CommandCounter

from chabad_auth_django.models import Activity, Analytics, AppData, Preferences, Profile, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.data import app_data
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import flows

Operation = Callable[[User], Any]

COMMIT = "commitTransaction"
DAY_AGO = now() - timedelta(days=1)


def activity(user: User) -> Activity:
    return Activity(user_id=user.id, event_type="x")


def analytics(user: User) -> Analytics:
    return Analytics(user_id=user.id, event_name="x", event_category="custom")


def key(user: User, data_key: str = "old") -> dict[str, Any]:
    return {"user_id": user.id, "app_id": "a", "data_key": data_key}


FIND, CHANGE, INSERT_FOR_USER = ["find"], ["findAndModify"], ["insert", "find"]
#: Whether a part of a day is archived; then all in one.
COUNT = ["find", "aggregate"]

#: Operation -> what it sends to a replica set; a user, "old" AppData and their documents exist.
COMMANDS: dict[str, tuple[Operation, list[str]]] = {
    "create_user": (
        lambda user: User.create_user(email="bob@example.org"),
        # The audit trail too.
        ["insert", "insert", "insert", "insert", COMMIT],
    ),
    "insert two users": (
        lambda user: User.objects.insert([User(email=f"{n}@example.org") for n in range(2)]),
        ["insert", "insert", "insert", "insert", COMMIT],
    ),
    "find_by_email": (lambda user: User.find_by_email("ann@example.org"), FIND),
    "find_by_valu_id": (lambda user: User.find_by_valu_id("v"), FIND),
    "find_by_merkos_id": (lambda user: User.find_by_merkos_id("m"), FIND),
    "find_by_role": (lambda user: list(User.find_by_role("user")), FIND),
    "find_by_auth_method": (lambda user: list(User.find_by_auth_method("google")), FIND),
    "has_permission": (lambda user: user.has_permission("x"), []),
    "add_role": (lambda user: user.add_role("admin"), CHANGE),
    "remove_role": (lambda user: user.remove_role("user"), CHANGE),
    # What the user does not have.
    "remove_permission": (lambda user: user.remove_permission("x"), CHANGE + FIND),
    "add_permission": (lambda user: user.add_permission("x"), CHANGE),
    "add_auth_method": (lambda user: user.add_auth_method("cdsso"), CHANGE),
    "update_last_login": (lambda user: user.update_last_login(), CHANGE),
    "save a user": (lambda user: setattr(user, "name", "Anna") or user.save(), CHANGE),
    "Profile.find_by_user_id": (lambda user: Profile.find_by_user_id(user.id), FIND),
    "find_or_create_profile": (lambda user: Profile.find_or_create_profile(user.id), FIND),
    "update_avatar": (
        lambda user: Profile.find_by_user_id(user.id).update_avatar("https://x.org"),
        FIND + CHANGE,
    ),
    "set_metadata": (
        lambda user: Profile.find_by_user_id(user.id).set_metadata("a", 1),
        FIND + CHANGE,
    ),
    "find_or_create_preferences": (
        lambda user: Preferences.find_or_create_preferences(user.id),
        FIND,
    ),
    "get_defaults": (lambda user: Preferences.get_defaults(), []),
    "update_theme": (
        lambda user: Preferences.find_by_user_id(user.id).update_theme("dark"),
        FIND + CHANGE,
    ),
    "create_activity": (lambda user: activity(user).save(), INSERT_FOR_USER),
    "insert three activities": (
        lambda user: Activity.objects.insert([activity(user) for _ in range(3)]),
        INSERT_FOR_USER,
    ),
    "Activity.find_by_user_id": (lambda user: list(Activity.find_by_user_id(user.id)), FIND),
    "get_recent_activity": (lambda user: list(Activity.get_recent_activity(user.id)), FIND),
    "Activity.find_by_date_range": (
        lambda user: list(Activity.find_by_date_range(DAY_AGO, now())),
        FIND,
    ),
    "create_analytics": (lambda user: analytics(user).save(), INSERT_FOR_USER),
    "get_event_counts": (lambda user: Analytics.get_event_counts(DAY_AGO, now()), COUNT),
    "get_category_counts": (
        lambda user: Analytics.get_category_counts(DAY_AGO, now(), user.id),
        COUNT,
    ),
    "find_by_user_and_app": (lambda user: list(AppData.find_by_user_and_app(user.id, "a")), FIND),
    "find_by_user_app_and_key": (lambda user: AppData.find_by_user_app_and_key(**key(user)), FIND),
    "create_app_data": (
        lambda user: AppData.create_app_data(**key(user, "new"), data_value=1),
        ["find", "insert", COMMIT, "find"],
    ),
    "upsert an old key": (lambda user: AppData.upsert_app_data(**key(user), data_value=2), CHANGE),
    "upsert a new key": (
        lambda user: AppData.upsert_app_data(**key(user, "new"), data_value=2),
        [*CHANGE, "find", "insert", COMMIT, "find"],
    ),
    "update_app_data": (
        lambda user: AppData.update_app_data(**key(user), data_value=2, expected_version=1),
        CHANGE,
    ),
    "delete_app_data": (
        lambda user: AppData.delete_app_data(**key(user)),
        ["find", "find", "update", "delete", COMMIT, "find"],
    ),
    "get_complete_profile": (
        lambda user: creation.get_complete_profile(email=user.email),
        FIND * 3,
    ),
    "record_login": (
        lambda user: flows.record_login(user_id=user.id, app_id="a"),
        [*CHANGE, "insert", "insert", COMMIT],
    ),
    "synchronize an old key": (
        lambda user: app_data.synchronize_app_data(**key(user), data_value=2, expected_version=1),
        ["find", *CHANGE, "insert", COMMIT, "find"],
    ),
}


def prepare() -> User:
    user = User.create_user(email="ann@example.org", auth_methods=["google"])
    AppData.create_app_data(**key(user), data_value=1)
    return user


@pytest.mark.parametrize("name", COMMANDS)
def test_an_operation_sends_exactly_its_commands(commands: CommandCounter, name: str) -> None:
    operation, expected = COMMANDS[name]
    user = prepare()
    commands.clear()
    operation(user)
    assert commands.names == expected
    wait_for_the_majority(commands.sent)


#: Commands whose write concern decides whether a failover loses them.
WRITES = {"insert", "update", "delete", "findAndModify"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_write_to_a_standalone_server_waits_for_the_majority(
    standalone: str, name: str
) -> None:
    with recording(standalone) as commands:
        COMMANDS[name][0](prepare())
        wait_for_the_majority(commands.sent)


def wait_for_the_majority(sent: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Check that each write is confirmed by a majority, or is part of a transaction that is."""
    for command_name, command in sent:
        in_transaction = "autocommit" in command
        if command_name == COMMIT or (command_name in WRITES and not in_transaction):
            assert command["writeConcern"]["w"] == "majority", command_name
        elif in_transaction:
            # The server refuses it there; the commit speaks for all.
            assert "writeConcern" not in command


def test_the_deletion_of_a_user_waits_for_the_majority(either_server: str) -> None:
    with recording(either_server, DELETION_GRACE_SECONDS=0) as commands:
        user = prepare()
        commands.clear()
        user.delete()
        assert "delete" in commands.names
        wait_for_the_majority(commands.sent)


@pytest.fixture
def stale_reads(mongodb: str) -> Any:
    """Use a URI that asks for reads from secondaries."""
    with recording(with_options(mongodb, "readPreference=secondaryPreferred")) as commands:
        yield commands


def read_modes(commands: CommandCounter) -> list[str]:
    return [
        command.get("$readPreference", {"mode": "primary"})["mode"]
        for name, command in commands.sent
        if name in ("find", "aggregate")
    ]


def test_a_plain_read_follows_the_uri(stale_reads: CommandCounter) -> None:
    User.find_by_email("ann@example.org")
    assert read_modes(stale_reads) == ["secondaryPreferred"]


@pytest.mark.parametrize(
    "operation",
    [
        lambda user: activity(user).save(),
        lambda user: Activity.objects.insert([activity(user), activity(user)]),
        lambda user: AppData.create_app_data(**key(user, "new"), data_value=1),
        lambda user: AppData.delete_app_data(**key(user)),
        lambda user: Profile.create_profile(User.create_user(email="b@example.org").id),
        lambda user: user.refresh(),
        lambda user: User.objects(id=user.id).delete(),
        lambda user: user.delete(),
        lambda user: app_data.synchronize_app_data(**key(user), data_value=2, expected_version=1),
    ],
)
def test_a_read_that_decides_goes_to_the_primary(
    stale_reads: CommandCounter, operation: Operation
) -> None:
    user = prepare()
    stale_reads.clear()
    try:
        operation(user)
    except Exception as error:
        assert type(error).__name__ == "AlreadyExists"
    assert set(read_modes(stale_reads)) <= {"primary"}


def test_find_or_create_reads_what_another_has_just_stored_from_the_primary(
    stale_reads: CommandCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = prepare()
    for model, name in ((Profile, "profile"), (Preferences, "preferences")):
        # A secondary that lags behind does not show it yet.
        monkeypatch.setattr(model, "find_by_user_id", lambda user_id: None)
        stale_reads.clear()
        assert getattr(model, f"find_or_create_{name}")(user.id).user_id == user.id
        assert set(read_modes(stale_reads)) == {"primary"}
