"""The documents of quarter hours: who is in them, and when they are made again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pymongo.database import Database
from support import oracle
from support.processes import python

from chabad_auth_django.exceptions import ExtraRequired
from chabad_auth_django.models import User
from chabad_auth_django.services.analytics import (
    active_users,
    bitmaps,
    rollups,
    timeseries,
    user_numbers,
)
from chabad_auth_django.services.lifecycle import deletion

DAY = timedelta(days=1)
FIRST = datetime(2025, 3, 1, tzinfo=UTC)
WEEK: dict[str, Any] = {"start": FIRST, "end": FIRST + 7 * DAY}


def store(raw: Database, users: list[User]) -> None:
    raw.analytics.insert_many(
        {
            "userId": user.id,
            "eventName": "view",
            "timestamp": FIRST + day * DAY + timedelta(hours=5 * number),
        }
        for day in range(7)
        for number, user in enumerate(users)
    )


@pytest.fixture
def users(raw: Database) -> list[User]:
    found = [User.create_user(email=f"{number}@example.org") for number in range(3)]
    store(raw, found)
    return found


def people(**asked: Any) -> list[int]:
    return [row["users"] for row in active_users.get_active_users(**{**WEEK, **asked})]


def test_the_events_of_a_built_day_are_not_read(
    users: list[User], raw: Database, commands: Any
) -> None:
    list(rollups.run())
    for zone in ("UTC", "Asia/Kolkata"):
        raw.elsewhere.insert_one({})
        commands.clear()
        # The days before and after the range have no events, and no document.
        assert people(time_zone=zone)[1:6] == [3] * 5
        # The snapshot, the log, the documents, and the days that have none.
        assert commands.names == ["aggregate"] * 2 + ["killCursors"] + ["aggregate"] * 2


def test_an_erased_user_is_in_no_set_and_its_number_is_not_used_again(
    users: list[User], raw: Database
) -> None:
    list(rollups.run())
    numbers = {row["userId"]: row["_id"] for row in raw.analytics_user_numbers.find()}
    assert people() == [3] * 7
    users[0].delete()
    # At once: before any roll-up.
    assert people() == [2] * 7
    assert raw.analytics_quarters.count_documents({"build": {"$exists": True}}) == 0
    list(deletion.run())
    list(rollups.run())
    assert people() == [2] * 7
    new = User.create_user(email="new@example.org")
    store(raw, [new])
    list(rollups.run())
    assert people() == [3] * 7
    after = {row["userId"]: row["_id"] for row in raw.analytics_user_numbers.find()}
    assert set(after) == {users[1].id, users[2].id, new.id}
    assert after[new.id] not in numbers.values()


@pytest.mark.parametrize("is_purged", [True, False])
def test_a_late_roll_up_puts_no_erased_user_back(
    users: list[User], raw: Database, monkeypatch: pytest.MonkeyPatch, is_purged: bool
) -> None:
    """It has counted the events, and knows the numbers, when the user goes."""
    rollups.catch_up()
    assign = user_numbers.assign

    def assign_before_the_erasure(ids: Any) -> Any:
        known = assign(ids)
        if User.objects(id=users[0].id):
            deletion.delete_user(user_id=users[0].id, seconds=60 if is_purged else 0)
        return known

    monkeypatch.setattr(user_numbers, "assign", assign_before_the_erasure)
    rolled = rollups.build(day=FIRST)
    # The rows of the user went with the document of its day: that build has failed.
    assert (rolled is None) == is_purged
    number_of = {row["userId"]: row["_id"] for row in raw.analytics_user_numbers.find()}
    assert (users[0].id in number_of) != is_purged
    gone = number_of.get(users[0].id)
    for document in raw.analytics_quarters.find({"build": {"$exists": True}}):
        shown = [bitmaps.BitMap.deserialize(found) for found in document["all"]["users"].values()]
        assert gone not in bitmaps.union(shown)
    assert people() == [2] * 7


def test_roll_ups_of_an_earlier_form_are_made_anew(users: list[User], raw: Database) -> None:
    list(rollups.run())
    raw.analytics_quarters.delete_many({})
    raw.analytics_daily_users.update_many({}, {"$unset": {"quarters": True}})
    raw.analytics_rollups.update_many({}, {"$unset": {"hasUsers": True}})
    for _ in range(2):
        assert people() == [3] * 7
        series = timeseries.get_timeseries(**WEEK, time_zone="Asia/Kolkata", bucket="day")
        expected = oracle.timeseries(raw.analytics.find(), "day", "Asia/Kolkata", None)
        assert [row["count"] for row in series] == [row["count"] for row in expected]
        list(rollups.run())
        assert raw.analytics_quarters.count_documents({"build": {"$exists": True}}) == 7
    assert list(rollups.run()) == []


def test_without_the_extra_all_else_is_counted(
    users: list[User], raw: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bitmaps, "is_installed", False)
    list(rollups.run())
    assert list(rollups.run()) == []
    series = timeseries.get_timeseries(**WEEK, time_zone="Asia/Kolkata")
    assert sum(row["count"] for row in series) == 21
    for ask in (active_users.get_active_users, active_users.get_retention):
        with pytest.raises(ExtraRequired, match="figures"):
            ask(**WEEK)
    monkeypatch.undo()
    assert people() == [3] * 7
    assert len(list(rollups.run())) == 7
    assert people() == [3] * 7


def test_a_machine_without_pyroaring_imports_the_package(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pyroaring'] = None; import django; django.setup()\n"
        "from chabad_auth_django.services.analytics import active_users, bitmaps, rollups\n"
        "assert not bitmaps.is_installed"
    )
    result = python("-c", code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr


def test_figures_are_right_at_every_moment_of_runs_and_writes(
    users: list[User], raw: Database
) -> None:
    made = [user.id for user in users]

    def write() -> None:
        for number in range(12):
            user = User.create_user(email=f"late{number}@example.org")
            store(raw, [user])
            made.append(user.id)

    def roll_up() -> None:
        while writing.is_alive():
            list(rollups.run())

    writing, rolling = Thread(target=write), Thread(target=roll_up)
    writing.start()
    rolling.start()
    while writing.is_alive():
        before = len(made)
        found = people(time_zone="Asia/Jerusalem")
        # One more may be stored, and not yet be in the list.
        assert all(before <= count <= len(made) + 1 for count in found[:-1]), (before, found)
    writing.join()
    rolling.join()
    assert people() == [15] * 7
