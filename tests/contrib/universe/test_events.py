"""Activities and analytics: whatever is sent, nothing good is lost and nothing is stored twice."""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from django.core.management import call_command
from support.commands import CommandCounter
from support.universe import FrontEnd, check_error

from chabad_auth_django import signals
from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.contrib.universe import expiry
from chabad_auth_django.contrib.universe.parsing import BatchParser
from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity, Analytics, AuditEntry, User
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import indexes

MILLISECOND = timedelta(milliseconds=1)


def event(number: int = 0, at: datetime | None = None, **rest: Any) -> dict[str, Any]:
    time = at or now() - timedelta(minutes=10) + number * MILLISECOND
    target = f"/p{number}"
    return {"type": "page_view", "action": "view", "target": target, **_time(time), **rest}


def _time(time: datetime) -> dict[str, Any]:
    return {"timestamp": time.isoformat().replace("+00:00", "Z")}


def batch(page: FrontEnd, events: Any, **rest: Any) -> dict[str, Any]:
    answer = page.post(
        "activity/batch", {"userId": "me", "appId": "cteen", "events": events} | rest
    )
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["success"] is True
    return dict(body)


def test_an_activity_has_everything_under_a_name_of_its_own(page: FrontEnd, me: User) -> None:
    Activity.objects.delete()
    data = {"action": "theirs", "n": 1}
    sent = event(eventData=data, metadata={"v": 2})
    body = batch(page, [sent, event(1, action=None, target=None)], userId=str(me.id))
    assert body.items() >= {"processed": 2, "accepted": 2, "duplicates": 0, "rejected": []}.items()
    first, second = Activity.objects.order_by("timestamp")
    assert (first.app_id, first.event_type, first.user_id) == ("cteen", "page_view", me.id)
    assert first.event_data == {"action": "view", "target": "/p0", "data": data}
    assert first.metadata == {"v": 2}
    assert first.timestamp.isoformat() == sent["timestamp"].replace("Z", "+00:00")
    assert second.event_data is None
    batch(page, [event(type=" a\nb" + "x" * 300)], appId="\ufeffapp ")
    (mended,) = Activity.objects(app_id="app")
    assert mended.event_type == "a b" + "x" * 251
    assert "expiresAt" not in str(first.stored or Activity.read(_id=first.id))


def test_what_is_sent_again_is_stored_once(page: FrontEnd) -> None:
    Activity.objects.delete()
    same = event()
    first = [same, event(1), same]
    assert batch(page, first)["accepted"] == 3
    # The answer was lost: the client sends all again, and what came since.
    again = batch(page, [*first, same, event(2)])
    assert (again["accepted"], again["duplicates"], again["processed"]) == (2, 3, 5)
    assert Activity.objects.count() == 5


def test_no_event_makes_a_batch_fail(page: FrontEnd, me: User) -> None:
    Activity.objects.delete()
    bad = [
        None,
        "x",
        [],
        {},
        event(type=""),
        event(type=7),
        event(type="\n"),
        event(eventData={"a.b": 1}),
        event(eventData={"$where": 1}),
        event(metadata="x"),
        event(eventData={"a": "x" * 33_000}),
        event(timestamp="yesterday"),
        event(timestamp=7),
        event(at=now() - timedelta(days=91)),
        event(at=datetime(9999, 12, 31, tzinfo=UTC)),
        event(eventData={"n": 2**70}),
    ]
    body = batch(page, [*bad, event(1)])
    assert body["accepted"] == 1
    assert [item["index"] for item in body["rejected"]] == list(range(len(bad)))
    assert all({"code", "errors"} <= item.keys() for item in body["rejected"])
    for whole in ([], "x", 7, None, {}, {"events": {}}, {"events": None}):
        answer = page.post("activity/batch", whole) if whole is not None else None
        assert answer is None or answer.status_code == 200, whole
    assert batch(page, [])["processed"] == 0
    for user in ("user123", "0" * 24, 7, [], str(me.id) + "x"):
        check_error(page.post("activity/batch", {"userId": user, "events": []}), 403)
    check_error(FrontEnd().post("activity/batch", {"events": []}), 401)
    check_error(page.post("activity/batch", {}, content_type="text/plain"), 415)


def test_many_bad_activities_are_answered_briefly(page: FrontEnd) -> None:
    for bad in ({}, {"type": "x", "eventData": {"$a": 1}, "timestamp": "yesterday"}):
        sent = {"userId": "me", "appId": "cteen", "events": [bad] * 5_000}
        answer = page.post("activity/batch", sent)
        body = answer.json()
        assert len(answer.content) <= 16 * 1024
        assert (body["processed"], body["accepted"], body["duplicates"]) == (5_000, 0, 0)
        named = [item["index"] for item in body["rejected"]]
        assert named == list(range(len(named))) != []


def test_half_a_character_is_no_reason_to_lose_a_batch(page: FrontEnd) -> None:
    Activity.objects.delete()
    texts = ["\ud83d", "a\ude00b", "😀", "\\ud83d", "\\\ud83d", "\ud83d\\ude00"]
    body = {"events": [event(eventData={"texts": texts})]}
    assert "\\ud83d" in json.dumps(body)
    answer = page.post("activity/batch", body)
    assert answer.json()["accepted"] == 1
    stored = Activity.objects.get().event_data["data"]["texts"]
    assert stored == ["\ufffd", "a\ufffdb", "😀", "\\ud83d", "\\\ufffd", "\ufffd\\ude00"]


def test_what_the_parser_refuses_in_an_activity_takes_no_other_along(page: FrontEnd) -> None:
    Activity.objects.delete()
    for value, is_stored in (
        ('{"\\ud83d": 1, "\\ud83e": 2}', True),
        ('{"a": 1, "a": 2}', True),
        ('{"a": 1e400}', False),
        (f'{{"a": {"9" * 5_000}}}', False),
        (f'{{"a": -{"9" * 99}}}', False),
        (f'{{"a": 1, "a": {"[" * 5_000}{"]" * 5_000}}}', False),
    ):
        odd = json.dumps(event(eventData="HERE")).replace('"HERE"', value)
        good = json.dumps(event(1, target=value[:20]))
        answer = page.send_text("POST", "activity/batch", f'{{"events": [{odd}, {good}]}}')
        assert answer.status_code == 200, value[:20]
        rejected = [item["index"] for item in answer.json()["rejected"]]
        assert rejected == ([] if is_stored else [0]), value[:20]
    for text in ("{", '{"events": [{"a": 1e400}', "\ufeff{}", '{"a": 1, "a": \x00}'):
        check_error(page.send_text("POST", "activity/batch", text), 400)


@pytest.mark.parametrize(
    "server",
    [
        {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        {"SERVER_PROTOCOL": "HTTP/2"},
    ],
)
def test_a_batch_that_does_not_say_its_length_is_stored(page: FrontEnd, server: Any) -> None:
    def send(events: list[Any]) -> Any:
        body = BytesIO(json.dumps({"events": events}).encode())
        options = {"wsgi.input": body, "CONTENT_TYPE": "application/json", **server}
        return page.send_text("POST", "activity/batch", "", **options)

    Activity.objects.delete()
    assert send([event()]).json()["accepted"] == 1
    large = [event(number, eventData={"text": "x" * 30_000}) for number in range(100)]
    assert send(large).json()["accepted"] == 100
    check_error(send(large * 4), 413, "body_too_large")
    event_of_another = BytesIO(b'{"userId": "user123", "type": "event", "action": "x"}')
    options = {"wsgi.input": event_of_another, "CONTENT_TYPE": "application/json", **server}
    check_error(page.send_text("POST", "analytics", "", **options), 403)


def test_an_activity_that_is_too_deep_takes_no_other_along(page: FrontEnd) -> None:
    Activity.objects.delete()
    for opening, closing in (("[", "]"), ('{"[":', "}"), ('[{"a\\"}]":', "}]")):
        for depth in (30, 600, 2_000, 100_000):
            deep = json.dumps(event(1, eventData={"deep": "HERE"}))
            deep = deep.replace('"HERE"', opening * depth + "0" + closing * depth)
            answer = page.send_text("POST", "activity/batch", f'{{"events": [{deep}]}}')
            assert answer.status_code == 200, (opening, depth)
            (rejected,) = answer.json()["rejected"]
            assert rejected["errors"]["eventData"][0]["code"] == "too_deep", (opening, depth)
    deep = "[" * 2_000
    check_error(page.send_text("POST", "activity/batch", f'{{"events": [{deep}]}}'), 400)


def test_a_batch_of_quotes_without_an_end_is_refused_at_once(page: FrontEnd) -> None:
    started = process_time()
    check_error(page.send_text("POST", "activity/batch", '"' + '\\"' * 50_000), 400)
    assert process_time() - started < 5


def test_backslashes_beside_half_a_character_take_little_memory() -> None:
    body = b'"\\ud83d' + b"\\\\" * 100_000 + b'"'
    tracemalloc.start()
    text = BatchParser().parse_body(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert text == "\ufffd" + "\\" * 100_000
    assert peak < 20 * len(body), peak


@pytest.mark.parametrize("depth", [500, 900, 960, 1_000])
def test_what_is_as_deep_as_the_parser_takes_is_refused(page: FrontEnd, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    check_error(page.send_text("POST", "analytics", f'{{"properties": {deep}}}'), 400)
    for path in ("analytics", "activity/batch"):
        check_error(page.send_text("POST", path, f'{{"userId": {deep}}}'), 403)


def test_a_clock_that_is_ahead_is_corrected(page: FrontEnd) -> None:
    for ahead in (timedelta(minutes=2), timedelta(days=400)):
        Activity.objects.delete()
        newest = now() + ahead
        times = [newest - timedelta(hours=hours) for hours in (2, 1, 0)]
        sent = [event(number, at=time) for number, time in enumerate(times)]
        for _ in range(2):
            assert batch(page, sent)["rejected"] == []
        stored = [item.timestamp for item in Activity.objects.order_by("timestamp")]
        assert len(stored) == 3
        assert abs(stored[-1] - now()) < timedelta(seconds=5)
        assert stored[-1] - stored[0] == timedelta(hours=2)
    # What was right before the clock went wrong stays right.
    Activity.objects.delete()
    body = batch(page, [event(), event(1, at=now() + timedelta(days=400))])
    assert body["rejected"] == []
    assert Activity.objects.order_by("timestamp").first().timestamp < now() - timedelta(minutes=9)


def test_a_queue_of_thousands_is_one_batch(
    page: FrontEnd, commands: CommandCounter, configure: Any
) -> None:
    Activity.objects.delete()
    same = event()
    sent = [event(number) for number in range(2498)]
    sent = [same, *sent, same]
    with configure(MONGODB_OPTIONS={"event_listeners": [commands]}):
        commands.clear()
        body = batch(page, sent)
        assert commands.names == ["aggregate", "insert", "insert", "insert", "find"]
        assert (body["processed"], body["accepted"]) == (2500, 2500)
        commands.clear()
        assert batch(page, sent)["duplicates"] == 2500
        # A batch that was cut off by a time limit must come further each time.
        assert commands.names == ["aggregate", "insert", "find", "find", "find"]
    assert Activity.objects.count() == 2500


def test_ten_mebibytes_are_taken(page: FrontEnd) -> None:
    Activity.objects.delete()
    sent = [event(number, eventData={"text": "x" * 30_000}) for number in range(340)]
    assert len(json.dumps(sent)) > 10_200_000
    assert batch(page, sent)["accepted"] == 340
    sent += [event(400 + number, eventData={"text": "x" * 30_000}) for number in range(20)]
    check_error(page.post("activity/batch", {"events": sent}), 413, "body_too_large")
    # Each event costs something, however short it is.
    many = page.send_text("POST", "activity/batch", f'{{"events": [{"0," * 100_000}0]}}')
    check_error(many, 413, "body_too_large")
    # All other calls take what the API takes.
    check_error(page.patch("profile/me", {"bio": "x" * 1_100_000}), 413)


@pytest.mark.parametrize("path", ["activity/batch", "analytics"])
def test_a_body_that_cannot_be_read_counts(page: FrontEnd, configure: Any, path: str) -> None:
    with configure(THROTTLE_RATES={"write": "2/min"}):
        assert page.post(path, {"type": "event", "events": []}).status_code == 200
        check_error(page.send_text("POST", path, "{"), 400)
        check_error(page.send_text("POST", path, "{"), 429, "throttled")


@contextmanager
def failing(command: str, after: int) -> Iterator[None]:
    """Let the server cut the connection at each such command of ours but the first ones."""
    admin = connection.get_client().admin
    data = {"failCommands": [command], "closeConnection": True, "appName": "chabad_auth_django"}
    admin.command("configureFailPoint", "failCommand", mode={"skip": after}, data=data)
    try:
        yield
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")


def test_an_outage_half_way_is_503_and_the_rest_is_stored_the_next_time(
    tmp_path: Path, configure: Any
) -> None:
    server = Mongod(tmp_path, replica_set="rs0", parameters={"enableTestCommands": 1})
    with configure(MONGODB_URI=server.start()):
        page = FrontEnd()
        page.sign_in()
        sent = [event(number) for number in range(2500)]
        with failing("insert", after=1):
            answer = page.post("activity/batch", {"appId": "cteen", "events": sent})
            check_error(answer, 503, "unavailable")
            assert int(answer["Retry-After"]) > 0
        assert Activity.objects(event_type="page_view").count() == 1000
        body = batch(page, [*sent, event(3000)])
        assert (body["accepted"], body["duplicates"]) == (1501, 1000)
        assert Activity.objects(event_type="page_view").count() == 2501
    connection.close()
    server.stop()


def expiry_indexes() -> list[str]:
    found = map(str, indexes.declared_indexes())
    return [index for index in found if index.startswith("activities {expiresAt")]


def test_a_ttl_does_not_count_by_itself(page: FrontEnd) -> None:
    Activity.objects.delete()
    assert batch(page, [event()], ttl=1)["accepted"] == 1
    assert list(Activity.collection().find({"expiresAt": {"$exists": True}})) == []
    assert expiry_indexes() == []


def test_a_ttl_counts_where_the_setting_says_so(
    page: FrontEnd, configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Activity.objects.delete()
    monkeypatch.setattr(Activity, "added_indexes", [(expiry.is_honoured, expiry.INDEX)])
    assert expiry_indexes() == []
    with configure(UNIVERSE_HONOURS_TTL=True):
        assert expiry_indexes() == ["activities {expiresAt: 1} sparse=True"]
        day, most = timedelta(days=1), timedelta(days=90)
        thirty = 30 * day / MILLISECOND
        for ttl, kept in (
            *((0, day), (-1, day), (1.5, day), (thirty, 30 * day), (1e300, most)),
            *((-1e300, day), (-(2**70), day), (float("nan"), day)),
            *((2**70, most), (None, None), ("x", None), (True, None)),
        ):
            Activity.objects.delete()
            batch(page, [event()], ttl=ttl)
            (stored,) = Activity.collection().find()
            assert stored.get("expiresAt") == (kept and stored["timestamp"] + kept), ttl
        Activity.objects.delete()
        batch(page, [event(), event(1, at=now() - 2 * day)], ttl=0)
        batch(page, [event(2)])
        call_command("chabad_purge_deleted", verbosity=0)
        assert Activity.objects.count() == 3
        signals.purge_due.connect(expiry.purge)
        try:
            call_command("chabad_purge_deleted", verbosity=0)
        finally:
            signals.purge_due.disconnect(expiry.purge)
        assert Activity.objects.count() == 2


def analytics(page: FrontEnd, **sent: Any) -> Any:
    body = {"userId": "me", "appId": "cteen", **_time(now()), **sent}
    answer = page.post("analytics", body)
    if answer.status_code == 200:
        assert answer.json() == {"success": True}
    return answer


def test_an_analytics_event_is_mapped(page: FrontEnd) -> None:
    Analytics.objects.delete()
    analytics(page, type="conversion", category="shop", action="buy", label="x", value=3)
    (stored,) = Analytics.objects
    assert (stored.event_name, stored.event_category) == ("buy", "conversion")
    assert stored.event_data == {"type": "conversion", "category": "shop", "label": "x", "value": 3}
    for kind, action, name, category in (
        ("page_view", "view", "view", "custom"),
        ("event", "", "event", "custom"),
        ("error", "x" * 300, "x" * 255, "error"),
        ("error", "TypeError:\n at x", "TypeError:  at x".replace("  ", " "), "error"),
        ("event", "\ufeffopened ", "opened", "custom"),
        ("engagement", None, "engagement", "engagement"),
        (None, None, "event", "custom"),
        (7, ["x"], "event", "custom"),
    ):
        Analytics.objects.delete()
        assert analytics(page, type=kind, action=action).status_code == 200
        (stored,) = Analytics.objects
        assert (stored.event_name.replace("  ", " "), stored.event_category) == (name, category)
        if isinstance(action, str) and action:
            assert stored.event_data.get("action", stored.event_name) == action


def test_times_of_analytics(page: FrontEnd) -> None:
    Analytics.objects.delete()
    for time in ("1970-01-01T00:00:00.000Z", _time(now() + timedelta(days=2))["timestamp"]):
        assert analytics(page, type="event", action="a", timestamp=time).status_code == 200
    first, last = Analytics.objects.order_by("timestamp")
    assert first.timestamp.year == 1970
    assert abs(last.timestamp - now()) < timedelta(seconds=5)


def test_long_texts_are_cut(page: FrontEnd) -> None:
    Analytics.objects.delete()
    stack = "Error\n" + "  at ש (x.js:1)\n" * 5_000
    properties = {"stack": stack, "page": "/p"}
    sent = {"type": "error", "category": "error", "action": "Error", "label": "m"}
    assert analytics(page, **sent, properties=properties).status_code == 200
    (stored,) = Analytics.objects
    kept = stored.event_data["properties"]
    assert kept["page"] == "/p"
    assert stack.startswith(kept["stack"]) and len(kept["stack"].encode()) > 30_000
    assert analytics(page, **{**sent, "label": "m" * 50_000}).status_code == 200
    assert analytics(page, type="error", action="a" * 50_000).status_code == 200
    properties = {"message": "m" * 20_000, "componentStack": "c" * 20_000}
    assert analytics(page, **sent, properties=properties).status_code == 200
    for properties in ({"a.b": 1}, {"stack": {"x": "x" * 40_000}}):
        check_error(analytics(page, **sent, properties=properties), 400)
    for user in ("user123", 7):
        check_error(analytics(page, **sent, userId=user), 403)
    check_error(page.post("analytics", [1]), 400)


@pytest.mark.parametrize("path", ["activity/batch", "analytics"])
def test_an_administrator_may_write_for_others(path: str, page: FrontEnd, me: User) -> None:
    other = User.create_user(email="o@example.org", auth_methods=["google"])
    sent = {"userId": str(other.id), "type": "event", "action": "a", "events": [event()]}
    check_error(page.post(path, sent), 403)
    # What is refused is in the audit trail, of whoever may do more, too.
    me.add_permission("activities:write")
    me.add_permission("analytics:write")
    chief = User.create_user(email="chief@example.org", roles=["admin"])
    check_error(page.post(path, {**sent, "userId": str(chief.id)}), 403)
    refused = AuditEntry.objects(outcome="refused", actor_id=str(me.id))
    assert {entry.user_id for entry in refused} == {other.id, chief.id}
    me.add_role("admin")
    assert page.post(path, sent).status_code == 200
    model = Activity if path == "activity/batch" else Analytics
    assert model.objects(user_id=other.id).count() == 1
    for absent in ("0" * 24, "user123"):
        check_error(page.post(path, {**sent, "userId": absent}), 404)
