"""Events: exactly once, whatever is sent again."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database
from rest_framework.test import APIClient
from support.hostile import DEEP
from support.requests import check_error, send
from support.threads import together

from chabad_auth_django.exceptions import UserNotFound
from chabad_auth_django.models import Activity, Analytics, User
from chabad_auth_django.models.fields import to_utc
from chabad_auth_django.services.data import events

ACTIVITIES = "/api/users/me/activities/"
ANALYTICS = "/api/users/me/analytics/"


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_an_event_is_shown_as_it_was_answered(api: APIClient) -> None:
    event = {
        "eventType": "opened",
        "appId": "cteen",
        "sessionId": "s",
        "eventData": {"page": 1},
        "metadata": {"ip": None},
        "timestamp": "2026-11-01T10:00:00.123456+02:00",
    }
    event["timestamp"] = at(-60)
    stored = api.post(ACTIVITIES, event, format="json")
    assert stored.status_code == 201
    assert api.get(ACTIVITIES).json()["results"] == [stored.json()]
    assert stored.json()["timestamp"].endswith("Z")


def test_the_same_batch_again_stores_nothing(api: APIClient, owner: User) -> None:
    batch = [{"eventType": "opened", "timestamp": at(-number)} for number in range(5)]
    assert api.post(ACTIVITIES, batch, format="json").json()["accepted"] == 5
    grown = [*batch, {"eventType": "closed", "timestamp": at(-9)}]
    answer = api.post(ACTIVITIES, grown, format="json").json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 5)
    assert Activity.objects(user_id=owner.id).count() == 6


def test_two_equal_events_in_one_batch_are_two(api: APIClient, owner: User) -> None:
    event = {"eventType": "opened", "timestamp": at(-1)}
    for _ in range(2):
        api.post(ACTIVITIES, [event, event], format="json")
    assert Activity.objects(user_id=owner.id).count() == 2


def test_a_message_id_is_answered_as_the_first_time(api: APIClient, owner: User) -> None:
    event = {"eventName": "opened", "eventCategory": "custom", "messageId": "m1"}
    first = api.post(ANALYTICS, event, format="json")
    again = api.post(ANALYTICS, {**event, "timestamp": at(-5)}, format="json")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert Analytics.objects(user_id=owner.id).count() == 1


def test_a_message_id_names_a_message_of_one_user(api: APIClient, admin: User, login: Any) -> None:
    event = {"eventType": "opened", "messageId": "m1"}
    ids = {
        client.post(ACTIVITIES, event, format="json").json()["id"] for client in (api, login(admin))
    }
    assert len(ids) == 2


def test_events_without_time_and_id_are_all_stored(api: APIClient, owner: User) -> None:
    for _ in range(3):
        api.post(ACTIVITIES, {"eventType": "opened"}, format="json")
    assert Activity.objects(user_id=owner.id).count() == 3


def test_a_growing_batch_sent_by_many_whose_answers_get_lost_is_stored_once(
    owner: User, login: Any
) -> None:
    """Eight senders of the same events; of the answers of each, every other one gets lost."""
    happened = [{"eventType": "opened", "timestamp": at(-number)} for number in range(80)]
    happened += [{"eventType": "opened", "messageId": f"m{number}"} for number in range(20)]

    def send() -> int:
        client = login(owner)
        known, accepted = 0, 0
        for number in range(1, 11):
            batch = happened[known : 10 * number]
            answer = client.post(ACTIVITIES, batch, format="json").json()
            assert answer["accepted"] + answer["duplicates"] == len(batch)
            accepted += answer["accepted"]
            if number % 2:
                # This answer has arrived: what it is about is not sent again.
                known = 10 * number
        return accepted

    assert sum(together([send] * 8)) == len(happened)
    stored = Activity.objects(user_id=owner.id)
    assert stored.count() == len(happened)
    times = {to_utc(datetime.fromisoformat(event["timestamp"])) for event in happened[:80]}
    assert times <= set(stored.scalar("timestamp"))


@pytest.mark.parametrize(
    ("seconds", "status"), [(4 * 60, 201), (6 * 60, 400), (-89 * 86_400, 201), (-91 * 86_400, 400)]
)
def test_a_time_is_bounded(api: APIClient, seconds: float, status: int) -> None:
    event = {"eventType": "opened", "timestamp": at(seconds)}
    assert api.post(ACTIVITIES, event, format="json").status_code == status


@pytest.mark.parametrize(
    "clock", ["1970-01-01T00:10:00Z", "2001-01-01T00:00:00+02:00", "2105-12-31T23:59:59Z", None]
)
def test_a_wrong_clock_of_the_client_is_corrected(api: APIClient, clock: str | None) -> None:
    sent_at = datetime.fromisoformat(clock or at(0))
    happened = sent_at - timedelta(minutes=5)
    event = {
        "eventType": "opened",
        "timestamp": happened.isoformat(),
        "sentAt": sent_at.isoformat(),
    }
    before = datetime.now(UTC)
    answer = api.post(ACTIVITIES, event, format="json").json()
    assert "sentAt" not in answer
    stored = datetime.fromisoformat(answer["timestamp"]) + timedelta(minutes=5)
    millisecond = timedelta(milliseconds=1)
    assert before - millisecond < stored <= datetime.now(UTC)
    assert ObjectId(answer["id"]).generation_time == happened.replace(microsecond=0)


@pytest.mark.parametrize(
    ("seconds", "status"), [(-4 * 60, 201), (-6 * 60, 400), (89 * 86_400, 201), (91 * 86_400, 400)]
)
def test_a_corrected_time_is_bounded(api: APIClient, seconds: float, status: int) -> None:
    """By how long before its sending the event happened."""
    sent_at = datetime(2001, 1, 1, tzinfo=UTC)
    times = {"timestamp": sent_at - timedelta(seconds=seconds), "sentAt": sent_at}
    event = {"eventType": "opened", **{name: time.isoformat() for name, time in times.items()}}
    answer = api.post(ACTIVITIES, event, format="json")
    assert answer.status_code == status
    assert answer.json().get("errors", {}).keys() == ({"timestamp"} if status == 400 else set())


def test_a_batch_sent_again_later_is_the_same(api: APIClient, owner: User) -> None:
    happened = {"timestamp": at(-600)}
    events = [
        {"eventType": "opened", **happened},
        {"eventType": "opened", **happened},
        {"eventType": "opened", "messageId": "m", **happened},
    ]
    for seconds in (None, -60, -30, 0):
        sent = {} if seconds is None else {"sentAt": at(seconds)}
        batch = [{**event, **sent} for event in events]
        answer = api.post(ACTIVITIES, batch, format="json").json()
        assert answer["accepted"] == (3 if seconds is None else 0)
    assert Activity.objects(user_id=owner.id).count() == 3


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("eventType=opened", 2),
        ("appId=cteen", 1),
        ("sessionId=s2", 1),
        ("eventType=opened&appId=cteen", 1),
        ("since={-30}", 2),
        ("until={-30}", 1),
        ("since={-45}&until={-15}", 2),
    ],
)
def test_a_list_is_filtered(api: APIClient, query: str, count: int) -> None:
    events = [
        {"eventType": "opened", "appId": "cteen", "timestamp": at(-10)},
        {"eventType": "opened", "sessionId": "s2", "timestamp": at(-20)},
        {"eventType": "closed", "timestamp": at(-40)},
    ]
    api.post(ACTIVITIES, events, format="json")
    for seconds in (-15, -30, -45):
        query = query.replace(f"{{{seconds}}}", at(seconds).replace("+00:00", "Z"))
    assert len(api.get(f"{ACTIVITIES}?{query}").json()["results"]) == count


def test_a_list_shows_its_users_on_request(api: APIClient, owner: User) -> None:
    api.post(ACTIVITIES, {"eventType": "opened"}, format="json")
    (row,) = api.get(f"{ACTIVITIES}?expand=user").json()["results"]
    assert row["user"] == {"id": str(owner.id), "email": owner.email, "name": owner.name}


def test_counts_are_by_name_and_category(api: APIClient, admin: User, login: Any) -> None:
    events = [{"eventName": name, "eventCategory": "custom"} for name in ("a", "b", "b")]
    api.post(ANALYTICS, events, format="json")
    login(admin).post(ANALYTICS, events[:1], format="json")
    window = {"start": at(-60), "end": at(60)}
    assert api.get(f"{ANALYTICS}event-counts/", window).json() == [
        {"eventName": "b", "count": 2},
        {"eventName": "a", "count": 1},
    ]
    assert api.get(f"{ANALYTICS}category-counts/", window).json() == [
        {"category": "custom", "count": 3}
    ]
    everybody = login(admin).get("/api/analytics/category-counts/", window).json()
    assert everybody == [{"category": "custom", "count": 4}]


#: A field and its value, refused or (``None``) accepted; for one event and for one of a batch.
INPUTS: list[tuple[str, Any, str | None]] = [
    ("eventName", "n" * 255, None),
    ("eventName", "n" * 256, "eventName"),
    ("eventName", "", "eventName"),
    ("eventName", None, "eventName"),
    ("eventName", {"$gt": ""}, "eventName"),
    ("eventName", "a\u0000b", "eventName"),
    ("eventCategory", "conversion", None),
    ("eventCategory", "other", "eventCategory"),
    ("eventCategory", ["custom"], "eventCategory"),
    ("eventCategory", {"custom": 1}, "eventCategory"),
    ("appId", "cteen", None),
    ("appId", None, None),
    ("appId", 7, "appId"),
    ("sessionId", True, "sessionId"),
    ("messageId", "m", None),
    ("messageId", "", "messageId"),
    ("messageId", None, None),
    ("timestamp", None, None),
    ("timestamp", partial(at, -60), None),
    ("timestamp", partial(at, 240), None),
    ("timestamp", partial(at, 400), "timestamp"),
    ("timestamp", "1969-12-31T23:59:59Z", "timestamp"),
    ("timestamp", "9999-12-31T23:59:59-14:00", "timestamp"),
    ("timestamp", "2026-13-01T00:00:00Z", "timestamp"),
    ("timestamp", "0001-01-01T00:00:00+14:00", "timestamp"),
    ("timestamp", "", "timestamp"),
    ("timestamp", "yesterday", "timestamp"),
    ("timestamp", {"$date": 1}, "timestamp"),
    ("timestamp", 1.5, "timestamp"),
    ("sentAt", None, None),
    ("sentAt", partial(at, -86_400), None),
    ("sentAt", "1970-01-01T00:00:00Z", None),
    ("sentAt", "1969-12-31T23:59:59Z", "sentAt"),
    ("sentAt", "2106-02-07T00:00:00Z", "sentAt"),
    ("sentAt", "9999-12-31T23:59:59-14:00", "sentAt"),
    ("sentAt", "", "sentAt"),
    ("sentAt", 0, "sentAt"),
    ("sentAt", {"$gt": ""}, "sentAt"),
    ("eventData", {}, None),
    ("eventData", None, None),
    ("eventData", {"a": [{"b": 2**63 - 1}]}, None),
    ("eventData", {"a": 2**63}, "eventData"),
    ("eventData", [], "eventData"),
    ("eventData", "text", "eventData"),
    ("eventData", {"": 1}, "eventData"),
    ("eventData", {"a": {"$b": 1}}, "eventData"),
    ("eventData", {"a": "x" * 33_000}, "eventData"),
    ("eventData", {"a": json.loads(DEEP)}, "eventData"),
    ("metadata", {}, "metadata"),
    ("userId", "000000000000000000000000", "userId"),
    ("_id", "000000000000000000000000", "_id"),
    ("id", 1, "id"),
    ("$set", {}, "$set"),
    ("eventType", "x", "eventType"),
]


@pytest.mark.parametrize(("field", "value", "refused"), INPUTS)
def test_one_event_and_one_of_a_batch_have_the_same_verdict(
    api: APIClient, owner: User, field: str, value: Any, refused: str | None
) -> None:
    value = value() if callable(value) else value
    good = {"eventName": "good", "eventCategory": "custom"}
    event = {"eventName": "n", "eventCategory": "custom", field: value}
    single = api.post(ANALYTICS, event, format="json")
    batch = api.post(ANALYTICS, [good, event, good], format="json").json()
    if refused is None:
        assert single.status_code == 201
        stays = {"messageId", "timestamp"}
        is_known = field in stays and value is not None
        assert (batch["accepted"], batch["duplicates"]) == ((2, 1) if is_known else (3, 0))
        assert batch["rejected"] == []
        rows = api.get(ANALYTICS).json()["results"]
        assert single.json() in rows
        if field not in {*stays, "sentAt"}:
            assert single.json()[field] == value
    else:
        assert single.status_code == 400
        assert list(single.json()["errors"]) == [refused]
        assert (batch["accepted"], batch["duplicates"]) == (2, 0)
        assert batch["rejected"] == [{"index": 1, **single.json()}]
        assert Analytics.objects(user_id=owner.id).count() == 2


@pytest.mark.parametrize("body", ["null", "7", '"x"', "{}", "true"])
def test_what_is_no_event_is_refused_alone_and_in_a_batch(api: APIClient, body: str) -> None:
    single = send(api, "POST", ACTIVITIES, body)
    check_error(single, 400, "invalid")
    batch = send(api, "POST", ACTIVITIES, f"[{body}]").json()
    assert batch["rejected"] == [{"index": 0, **single.json()}]
    assert [batch[name] for name in ("accepted", "duplicates", "rejectedCount")] == [0, 0, 1]


def test_an_empty_batch_stores_nothing(api: APIClient) -> None:
    nothing = {"accepted": 0, "duplicates": 0, "rejectedCount": 0, "rejected": []}
    assert api.post(ACTIVITIES, [], format="json").json() == nothing


def test_a_message_id_sent_by_many_at_once_is_stored_once(owner: User, login: Any) -> None:
    event = {"eventType": "opened", "messageId": "m1"}
    clients = [login(owner) for _ in range(16)]
    answers = together(
        [
            lambda client=client: client.post(ACTIVITIES, event, format="json").json()
            for client in clients
        ]
    )
    assert len({answer["id"] for answer in answers}) == 1
    assert Activity.objects(user_id=owner.id).count() == 1


def test_an_expired_activity_does_not_appear(api: APIClient, owner: User) -> None:
    rows = [
        {"userId": owner.id, "timestamp": datetime.now(UTC) - timedelta(days=days)}
        for days in (89, 91, 1000)
    ]
    Activity.collection().insert_many(rows)
    assert len(api.get(f"{ACTIVITIES}?since=2000-01-01T00:00:00Z").json()["results"]) == 1


def test_twins_for_a_user_who_is_gone_are_both_refused(admin: User, login: Any) -> None:
    path = f"/api/users/{ObjectId()}/activities/"
    for number in range(10):
        event = {"eventType": "x", "messageId": str(number)}
        key = {"HTTP_IDEMPOTENCY_KEY": f"key{number}"}
        for headers in ({}, key):
            calls = [partial(login(admin).post, path, event, format="json", **headers)] * 2
            assert [answer.status_code for answer in together(calls)] == [404, 404]
    assert Activity.objects.count() == 0


def test_a_repeated_event_for_a_user_who_is_gone_is_refused(
    owner: User, raw: Database[Any]
) -> None:
    event = {"eventType": "x", "messageId": "m"}
    at = {"model": Activity, "user_id": owner.id}
    events.store_event(**at, event=event)
    stored = raw.activities.find_one()
    # As while the one who stored it has not checked the user yet.
    raw.users.delete_one({"_id": owner.id})
    with pytest.raises(UserNotFound):
        events.store_event(**at, event=event)
    assert raw.activities.count_documents({}) == 0
    raw.activities.insert_one(stored)
    with pytest.raises(UserNotFound):
        events.ingest(**at, events=[event])
    assert raw.activities.count_documents({}) == 0


def test_of_a_message_id_the_first_stays(api: APIClient, owner: User) -> None:
    def event(text: str, id: str = "m") -> dict[str, Any]:
        return {"eventType": text, "messageId": id}

    def stored() -> list[str]:
        return sorted(row["eventType"] for row in Activity.collection().find())

    batches = [
        [event("first"), event("second"), {"eventType": "alone"}, event("third")],
        [event("fourth"), event("fifth", "n"), event("sixth", "n")],
        [{"eventType": "", "messageId": "o"}, event("seventh", "o"), event("eighth", "o")],
    ]
    answers = [api.post(ACTIVITIES, batch, format="json").json() for batch in batches]
    assert [(row["accepted"], row["duplicates"]) for row in answers] == [(2, 2), (1, 2), (1, 1)]
    assert stored() == ["alone", "fifth", "first", "seventh"]
    assert api.post(ACTIVITIES, event("ninth"), format="json").json()["eventType"] == "first"
    assert stored() == ["alone", "fifth", "first", "seventh"]


def test_equal_events_are_numbered_over_the_whole_request(api: APIClient, owner: User) -> None:
    event = {"eventType": "x", "timestamp": at(-60)}
    for sent, count in ((1, 1), (2, 2), (1, 2), (5, 5), (3, 5)):
        api.post(ACTIVITIES, [event] * sent, format="json")
        assert Activity.objects.count() == count
    events.ingest(model=Activity, user_id=owner.id, events=[event] * 2_500)
    assert Activity.objects.count() == 2_500
