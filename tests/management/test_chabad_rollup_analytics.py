import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pymongo.database import Database

from chabad_auth_django.models import Analytics, User
from chabad_auth_django.services.analytics import rollups

FIRST = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def events(raw: Database, user: User) -> None:
    """Two days with two events each."""
    raw.analytics.insert_many(
        [
            {"userId": user.id, "eventName": "x", "timestamp": FIRST + number * timedelta(hours=12)}
            for number in range(4)
        ]
    )


def run(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("chabad_rollup_analytics", *arguments, stdout=output)
    return output.getvalue().splitlines()


def run_json(*arguments: str) -> Any:
    [line] = run("--json", *arguments)
    return json.loads(line)


def test_each_day_has_a_line() -> None:
    assert run() == [
        "2025-03-01            2 events",
        "2025-03-02            2 events",
        "2 days, 4 events.",
    ]
    assert run() == []


def test_json_has_the_figures() -> None:
    assert run_json() == {"days": ["2025-03-01", "2025-03-02"], "events": 4, "dryRun": False}
    assert run_json() == {"days": [], "events": 0, "dryRun": False}


def test_a_dry_run_says_which_days_and_writes_nothing(raw: Database, user: User) -> None:
    before = raw.analytics_rollups.count_documents({})
    assert run("--dry-run") == ["2 days to count."]
    assert raw.analytics_rollups.count_documents({}) == before
    run()
    raw.analytics.insert_one({"userId": user.id, "timestamp": FIRST})
    assert run_json("--dry-run") == {"days": ["2025-03-01"], "events": 0, "dryRun": True}


def test_a_year_before_1000_has_four_digits(raw: Database, user: User) -> None:
    raw.analytics.delete_many({})
    day = datetime(24, 1, 20, tzinfo=UTC)
    fields = {"event_name": "x", "event_category": "custom", "timestamp": day}
    Analytics.create_analytics(user_id=user.id, **fields)
    assert run_json("--dry-run")["days"] == ["0024-01-20"]
    assert run()[0] == "0024-01-20             1 event"
    raw.analytics.update_one({}, {"$set": {"eventName": "y"}})
    assert run_json()["days"] == ["0024-01-20"]


def test_a_run_that_was_interrupted_is_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    build = rollups.build

    def interrupted(*, day: datetime) -> Any:
        if day > FIRST:
            raise KeyboardInterrupt
        return build(day=day)

    monkeypatch.setattr(rollups, "build", interrupted)
    with pytest.raises(CommandError) as caught:
        run()
    assert caught.value.returncode == 130
    monkeypatch.undo()
    assert run_json()["days"] == ["2025-03-02"]


def test_a_standalone_server_is_refused(standalone: str) -> None:
    with pytest.raises(CommandError, match="replica set") as caught:
        run()
    assert caught.value.returncode == 2
