import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings
from pymongo.database import Database
from support.cases import each

from chabad_auth_django.db.expressions import without_version
from chabad_auth_django.exceptions import UserNotFound, ValidationError
from chabad_auth_django.models import Activity, Analytics, User
from chabad_auth_django.models.fields import now

DAY = timedelta(days=1)

#: Model of an event -> what an event needs beside its user.
MINIMAL: dict[Any, dict[str, str]] = {
    Activity: {"event_type": "x"},
    Analytics: {"event_name": "x", "event_category": "custom"},
}


def store(user: User, *ages: timedelta, **fields: Any) -> list[Activity]:
    """Store an event of each age."""
    documents = [
        Activity(user_id=user.id, timestamp=now() - age, **{"event_type": "click", **fields})
        for age in ages
    ]
    return Activity.objects.insert(documents)


def test_a_new_activity_is_stored_with_exactly_the_fields_of_the_specification(
    raw: Database, user: User
) -> None:
    activity = Activity.create_activity(
        user_id=user.id,
        app_id="cteen",
        session_id="s1",
        event_type="login",
        event_data={"a": 1},
        metadata={"ip": "::1"},
    )
    stored = raw.activities.find_one()
    assert {name: type(value) for name, value in stored.items()} == {
        "__v": int,
        "_id": ObjectId,
        "userId": ObjectId,
        "appId": str,
        "sessionId": str,
        "eventType": str,
        "eventData": dict,
        "metadata": dict,
        "timestamp": datetime,
    }
    assert without_version(stored) == activity.to_mongo()


def test_optional_fields_are_absent_and_the_time_is_now(raw: Database, user: User) -> None:
    Activity.create_activity(user_id=str(user.id), event_type="login")
    stored = raw.activities.find_one()
    assert set(stored) == {"_id", "userId", "eventType", "timestamp", "__v"}
    assert timedelta(0) <= datetime.now(UTC) - stored["timestamp"] < timedelta(seconds=60)


@pytest.mark.parametrize(
    ("ahead", "accepted"), [(timedelta(minutes=4), True), (timedelta(minutes=6), False)]
)
@pytest.mark.parametrize("model", MINIMAL)
def test_a_client_clock_may_be_five_minutes_ahead(
    user: User, model: Any, ahead: timedelta, accepted: bool
) -> None:
    event = model(user_id=user.id, timestamp=datetime.now(UTC) + ahead, **MINIMAL[model])
    if accepted:
        assert event.save().id
    else:
        with pytest.raises(ValidationError):
            event.save()


def test_a_naive_time_is_utc_and_any_other_is_converted(raw: Database, user: User) -> None:
    # Yesterday: the server would remove an older one before the test has read it.
    moment = (datetime.now(UTC) - timedelta(days=1)).replace(tzinfo=None, microsecond=123_456)
    zone = timezone(timedelta(hours=2))
    for value in (
        moment,
        moment.replace(tzinfo=UTC),
        (moment + 2 * timedelta(hours=1)).replace(tzinfo=zone),
    ):
        activity = Activity.create_activity(user_id=user.id, event_type="x", timestamp=value)
        expected = moment.replace(tzinfo=UTC, microsecond=123_000)
        assert activity.timestamp == raw.activities.find_one({"_id": activity.id})["timestamp"]
        assert activity.timestamp == expected


def test_of_events_inserted_together_those_of_a_gone_user_are_taken_back(
    raw: Database, user: User
) -> None:
    ids = [user.id, ObjectId(), user.id]
    with pytest.raises(UserNotFound):
        Activity.objects.insert([Activity(user_id=id, event_type="x") for id in ids])
    assert [row["userId"] for row in raw.activities.find()] == [user.id, user.id]


def test_a_user_id_may_be_assigned_as_text(raw: Database, user: User) -> None:
    activity = Activity(event_type="x")
    activity.user_id = str(user.id)
    activity.save()
    assert raw.activities.find_one()["userId"] == activity.user_id == user.id


FINDERS: list[tuple[str, Any]] = [
    ("find_by_user_id", lambda user: user.id),
    ("find_by_user_id", lambda user: str(user.id)),
    ("find_by_app_id", lambda user: "cteen"),
    ("find_by_session_id", lambda user: "s1"),
    ("find_by_event_type", lambda user: "click"),
    ("get_recent_activity", lambda user: user.id),
    ("get_recent_activity", lambda user: str(user.id)),
]


@pytest.mark.parametrize(("finder", "argument"), FINDERS)
def test_a_finder_gives_only_what_matches_newest_first(
    user: User, finder: str, argument: Any
) -> None:
    ages = [timedelta(minutes=n) for n in (3, 1, 2)]
    third, first, second = store(user, *ages, app_id="cteen", session_id="s1")
    other = User.create_user(email="bob@example.org")
    store(other, *ages, app_id="other", session_id="s2", event_type="other")
    found = getattr(Activity, finder)
    assert list(found(argument(user))) == [first, second, third]
    assert list(found(argument(user), limit=1)) == [first]
    assert list(found(ObjectId() if "user" in finder or "recent" in finder else "nothing")) == []


@pytest.mark.parametrize("finder", [*dict(FINDERS), "find_by_date_range"])
def test_a_finder_does_not_show_what_the_server_should_have_removed(
    mongodb: str, raw: Database, user: User, finder: str
) -> None:
    argument = dict(FINDERS).get(finder)
    arguments: list[Any] = [argument(user)] if argument else [now() - 60 * DAY, now()]
    hours = {"hours": 24 * 60} if finder == "get_recent_activity" else {}
    settings = {"MONGODB_URI": mongodb, "ACTIVITY_RETENTION_DAYS": 30}
    with override_settings(CHABAD_AUTH=settings):
        young, _old = store(user, 29 * DAY, 31 * DAY, app_id="cteen", session_id="s1")
        assert list(getattr(Activity, finder)(*arguments, **hours)) == [young]
    assert raw.activities.count_documents({}) == 2


@each(
    ("finder", "value"),
    [
        (name, value)
        for name in ("find_by_app_id", "find_by_session_id", "find_by_event_type")
        for value in (None, 5, b"x", ["x"], {"$gt": ""}, "\ud800")
    ]
    + [
        (name, value)
        for name in ("find_by_user_id", "get_recent_activity")
        for value in (None, 5, b"0123456789ab", "", "x" * 24, "ab " * 8, "a" * 12, {"$gt": ""})
    ],
    ids=ascii,
)
def test_a_finder_refuses_a_value_of_another_type(mongodb: str, finder: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        getattr(Activity, finder)(value)


@pytest.mark.parametrize("form", [ObjectId, str])
@pytest.mark.parametrize("model", MINIMAL)
def test_a_date_range_holds_its_start_and_not_its_end(user: User, model: Any, form: type) -> None:
    start = now() - DAY
    end = start + timedelta(hours=1)
    last = end - timedelta(milliseconds=1)
    other = User.create_user(email="bob@example.org")
    for owner in (user, other):
        for moment in (start - timedelta(milliseconds=1), start, last, end):
            model(user_id=owner.id, timestamp=moment, **MINIMAL[model]).save()
    times = [row.timestamp for row in model.find_by_date_range(start, end, form(user.id))]
    assert times == [last, start]
    assert len(model.find_by_date_range(start, end)) == 4
    assert len(model.find_by_date_range(start, end, limit=3)) == 3
    naive = [moment.replace(tzinfo=None) for moment in (start, end)]
    assert len(model.find_by_date_range(*naive)) == 4


@pytest.mark.parametrize("model", MINIMAL)
@pytest.mark.parametrize(
    "value",
    [
        None,
        "2024-01-01",
        5,
        date(2024, 1, 1),
        {"$gt": ""},
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12))),
    ],
    ids=str,
)
def test_a_date_range_of_anything_but_datetimes_is_refused(
    mongodb: str, model: Any, value: Any
) -> None:
    if value is not None:
        with pytest.raises(ValidationError):
            model.find_by_date_range(value, now())
        with pytest.raises(ValidationError):
            model.find_by_date_range(now(), value)
    with pytest.raises(ValidationError):
        model.find_by_date_range(now(), now(), user_id=5)


@pytest.mark.parametrize("hours", [0, -1, float("nan"), float("inf"), True, "24", None, 1e9])
def test_the_hours_of_recent_activity_are_a_positive_number(user: User, hours: Any) -> None:
    with pytest.raises(ValidationError):
        Activity.get_recent_activity(user.id, hours=hours)


def test_recent_activity_is_that_of_the_last_day_or_the_given_hours(user: User) -> None:
    events = store(user, *(timedelta(hours=n) for n in (1, 23, 25)))
    assert list(Activity.get_recent_activity(user.id)) == events[:2]
    assert list(Activity.get_recent_activity(user.id, hours=1.5)) == events[:1]


def test_the_server_removes_an_activity_after_ninety_days_and_nothing_else(
    raw: Database, user: User
) -> None:
    old, young = store(user, 91 * DAY, 89 * DAY)
    Analytics.create_analytics(
        user_id=user.id, event_name="x", event_category="custom", timestamp=now() - 91 * DAY
    )
    # Our server looks each second, another each minute.
    deadline = time.monotonic() + 90
    while raw.activities.count_documents({"_id": old.id}) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [row["_id"] for row in raw.activities.find()] == [young.id]
    assert raw.analytics.count_documents({}) == 1
