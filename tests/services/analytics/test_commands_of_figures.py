"""What each figure asks of MongoDB where all days but today's are rolled up."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.database import Database
from support.commands import CommandCounter

from chabad_auth_django.models import User
from chabad_auth_django.models.counting import DAY, start_of_day
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import active_users, counts, rollups, timeseries

#: What was counted until when, the log of changes since, and the end of that cursor.
SNAPSHOT = ["aggregate", "aggregate", "killCursors"]
#: Sums of days, and the events of today.
DAYS = ["aggregate"]
#: The documents of days, and the events of today.
QUARTERS = ["aggregate", "aggregate"]
#: Which users of these events there are, and their numbers.
USERS = ["aggregate"]

JERUSALEM = {"time_zone": "Asia/Jerusalem"}
MIDDAY = DAY / 2

Ask = Callable[..., Any]

EXPECTED: list[tuple[Ask, dict[str, Any], list[str]]] = [
    (counts.get_event_counts, {}, ["find", *SNAPSHOT[1:], *DAYS]),
    (timeseries.get_timeseries, {}, [*SNAPSHOT, *DAYS]),
    (timeseries.get_timeseries, JERUSALEM, [*SNAPSHOT, *QUARTERS]),
    (active_users.get_active_users, {}, [*SNAPSHOT, *QUARTERS, *USERS]),
    (active_users.get_active_users, JERUSALEM, [*SNAPSHOT, *QUARTERS, *USERS]),
    (active_users.get_active_users, {"first_time": True}, [*SNAPSHOT, *QUARTERS, *USERS]),
    (active_users.get_retention, JERUSALEM, [*SNAPSHOT, *QUARTERS, *USERS]),
    (active_users.get_retention, {"cohort": "firstTime"}, [*SNAPSHOT, *QUARTERS, *USERS]),
]


def test_each_figure_costs_what_is_stated(
    raw: Database, commands: CommandCounter, subtests: pytest.Subtests
) -> None:
    today = start_of_day(now())
    user = User.create_user(email="ann@example.org")
    raw.analytics.insert_many(
        {"userId": user.id, "eventName": "x", "timestamp": today - age * DAY} for age in range(150)
    )
    list(rollups.run())
    # More documents than a first batch has.
    days = {"start": today - 120 * DAY, "end": today + DAY}
    for ask, asked, expected in EXPECTED:
        with subtests.test(ask.__name__, **asked):
            # Without any write since the last look at the log there is nothing to read in it.
            raw.elsewhere.insert_one({})
            commands.clear()
            ask(**days, **asked)
            assert commands.names == expected
    with subtests.test("parts of days"):
        raw.elsewhere.insert_one({})
        commands.clear()
        timeseries.get_timeseries(start=days["start"] + MIDDAY, end=days["end"] - MIDDAY)
        assert commands.names == [*SNAPSHOT, *DAYS]
