from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database
from support.cases import each

from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Analytics, User
from chabad_auth_django.models.fields import now

HOUR = timedelta(hours=1)


def create(
    user: User, name: str = "click", category: str = "engagement", **fields: Any
) -> Analytics:
    return Analytics.create_analytics(
        user_id=user.id, event_name=name, event_category=category, **fields
    )


def test_a_new_event_is_stored_with_exactly_the_fields_of_the_specification(
    raw: Database, user: User
) -> None:
    event = create(user, app_id="cteen", session_id="s1", event_data={"a": 1})
    stored = raw.analytics.find_one()
    assert {name: type(value) for name, value in stored.items()} == {
        "__v": int,
        "_id": ObjectId,
        "userId": ObjectId,
        "appId": str,
        "sessionId": str,
        "eventName": str,
        "eventCategory": str,
        "eventData": dict,
        "timestamp": datetime,
    }
    assert without_version(stored) == event.to_mongo()


def test_optional_fields_are_absent(raw: Database, user: User) -> None:
    create(user)
    assert set(raw.analytics.find_one()) == {
        "_id",
        "userId",
        "eventName",
        "eventCategory",
        "timestamp",
        "__v",
    }


@pytest.mark.parametrize("category", ["engagement", "conversion", "error", "custom"])
def test_each_category_of_the_specification_is_accepted(user: User, category: str) -> None:
    event = create(user, category=category)
    assert list(Analytics.find_by_category(category)) == [event]


@pytest.mark.parametrize(
    ("finder", "value"),
    [("find_by_user_id", None), ("find_by_event_name", "click"), ("find_by_category", "error")],
)
def test_a_finder_gives_only_what_matches_newest_first(
    user: User, finder: str, value: str | None
) -> None:
    third, first, second = (
        create(user, category="error", timestamp=now() - n * HOUR) for n in (3, 1, 2)
    )
    create(User.create_user(email="bob@example.org"), name="other")
    found = getattr(Analytics, finder)
    for argument in [value] if value else [user.id, str(user.id)]:
        assert list(found(argument)) == [first, second, third]
        assert list(found(argument, limit=2)) == [first, second]
    assert list(found("nothing" if value else ObjectId())) == []


@each("value", [None, 5, b"x", ["x"], {"$gt": ""}, "\ud800"], ids=ascii)
@each("finder", ["find_by_user_id", "find_by_event_name", "find_by_category"])
def test_a_finder_refuses_a_value_of_another_type(mongodb: str, finder: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        getattr(Analytics, finder)(value)


@pytest.fixture
def counted(user: User) -> tuple[datetime, datetime, User]:
    """Return the range and the owner of the events that the tests of the counts store."""
    start = now() - 24 * HOUR
    end = start + HOUR
    bob = User.create_user(email="bob@example.org")
    for owner, name, category, moment in [
        (user, "b", "custom", start),
        (user, "a", "custom", end - timedelta(milliseconds=1)),
        (user, "c", "error", start),
        (user, "c", "error", start),
        (bob, "b", "engagement", start),
        (bob, "d", "custom", end),
        (bob, "d", "custom", start - timedelta(milliseconds=1)),
    ]:
        create(owner, name, category, timestamp=moment)
    return start, end, user


def test_counts_are_ordered_by_count_then_name(counted: tuple[datetime, datetime, User]) -> None:
    start, end, _ = counted
    assert Analytics.get_event_counts(start, end) == [
        {"eventName": "b", "count": 2},
        {"eventName": "c", "count": 2},
        {"eventName": "a", "count": 1},
    ]
    assert Analytics.get_category_counts(start, end) == [
        {"category": "custom", "count": 2},
        {"category": "error", "count": 2},
        {"category": "engagement", "count": 1},
    ]


@pytest.mark.parametrize("form", [ObjectId, str])
def test_counts_may_be_those_of_one_user(
    counted: tuple[datetime, datetime, User], form: type
) -> None:
    start, end, user = counted
    assert Analytics.get_event_counts(start, end, form(user.id)) == [
        {"eventName": "c", "count": 2},
        {"eventName": "a", "count": 1},
        {"eventName": "b", "count": 1},
    ]
    assert Analytics.get_category_counts(start, end, form(user.id)) == [
        {"category": "custom", "count": 2},
        {"category": "error", "count": 2},
    ]
    assert Analytics.get_event_counts(start, end, form(ObjectId())) == []


def test_counts_take_naive_times_for_utc(counted: tuple[datetime, datetime, User]) -> None:
    start, end, _ = counted
    naive = [moment.replace(tzinfo=None) for moment in (start, end)]
    assert Analytics.get_event_counts(*naive) == Analytics.get_event_counts(start, end)


@pytest.mark.parametrize("aggregation", ["get_event_counts", "get_category_counts"])
@pytest.mark.parametrize("value", [None, "2024-01-01", 5, {"$gt": ""}], ids=str)
def test_counts_refuse_values_of_another_type(mongodb: str, aggregation: str, value: Any) -> None:
    count = getattr(Analytics, aggregation)
    with pytest.raises(ValidationError):
        count(value, now())
    with pytest.raises(ValidationError):
        count(now(), value)
    if value is not None:
        with pytest.raises(ValidationError):
            count(now(), now(), user_id=value)


def test_event_data_has_a_limit_in_bytes_over_all_keys(mongodb: str, user: User) -> None:
    event = create(user)
    with override_settings(CHABAD_AUTH={"MONGODB_URI": mongodb, "EVENT_DATA_MAX_BYTES": 100}):
        event.add_event_data("a", "x" * 60)
        with pytest.raises(ValidationError):
            event.add_event_data("b", "x" * 60)
    assert list(event.event_data) == ["a"]
