import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings
from pymongo.database import Database
from support.management import interrupted, run

from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes, retention

COMMAND = "chabad_set_retention"


@pytest.fixture
def old(user: User, raw: Database) -> Iterator[Database]:
    """Activities of 0, 10, 20 … 80 days ago, with a retention of 90."""
    ages = [now() - timedelta(days=days) for days in range(0, 90, 10)]
    raw.activities.insert_many(
        [{"userId": user.id, "eventType": "x", "timestamp": time} for time in ages]
    )
    yield raw
    indexes.fix()


@contextmanager
def set_to(days: int) -> Iterator[None]:
    """Let the setting say so many days."""
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ACTIVITY_RETENTION_DAYS": days}):
        yield


def seconds(raw: Database) -> object:
    return raw.activities.index_information()["timestamp_1"]["expireAfterSeconds"]


def test_the_index_is_changed_in_place_and_the_server_removes(old: Database) -> None:
    with set_to(35):
        result = run(COMMAND, "--yes", "--json")
    assert result.code == 0
    assert result.json == {
        "before": 90.0,
        "days": 35,
        "expired": 5,
        "settingDays": 35,
        "dryRun": False,
    }
    assert seconds(old) == 35 * 86_400
    # Our server looks each second, another each minute.
    deadline = time.monotonic() + 90
    while old.activities.count_documents({}) > 4:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert run(COMMAND, 35, "--dry-run", "--json").json["expired"] == 0


def test_it_asks_for_the_number_of_days_when_something_goes(old: Database) -> None:
    with set_to(35):
        assert run(COMMAND, answers="yes\n").code == 2
        assert run(COMMAND).code == 2
    assert seconds(old) == 90 * 86_400
    with set_to(85):
        assert run(COMMAND).code == 0, "Nothing goes."
    with set_to(75):
        result = run(COMMAND, answers="75\n")
    assert (result.code, "remove 1 activity at once" in result.err) == (0, True)
    assert seconds(old) == 75 * 86_400


def test_a_retention_that_is_applied_already_needs_no_answer(
    old: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some have just expired, and the server has not come to them.
    monkeypatch.setattr(retention, "count_expired", lambda *, days: 5)
    assert run(COMMAND).lines == ["Activities are kept for 90 days (before: 90); 5 go at once."]
    with set_to(35):
        assert run(COMMAND).code == 2


def test_a_dry_run_and_an_interrupted_run_change_nothing(old: Database) -> None:
    result = run(COMMAND, 35, "--dry-run")
    assert result.lines == ["Activities would be kept for 35 days (before: 90); 5 go at once."]
    with set_to(35), interrupted(retention, "set_days"):
        assert run(COMMAND, "--yes").code == 130
    assert seconds(old) == 90 * 86_400


@pytest.mark.parametrize("days", ["0", "-1", "nan", "1.5", "", "99999999"])
def test_other_numbers_are_refused(old: Database, days: str) -> None:
    result = run(COMMAND, "--yes", "--", days)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert seconds(old) == 90 * 86_400


def test_without_a_ttl_index_it_says_what_to_do(old: Database) -> None:
    old.activities.drop_index("timestamp_1")
    try:
        result = run(COMMAND, 90)
    finally:
        indexes.create()
    assert (result.code, "chabad_sync_indexes --fix" in result.err) == (2, True)
