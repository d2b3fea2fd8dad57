"""The API while MongoDB is dead, paused, electing or failing: 503, and no restart afterwards."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import Any

import mongoengine
import pymongo
import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ProtocolError,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WTimeoutError,
)
from rest_framework.test import APIClient
from support import faults
from support.cases import each
from support.faults import kill
from support.interleave import Pause, command
from support.invariants import end_transactions_of_the_dead
from support.issuer import SHARED, shared_token
from support.processes import suspend
from support.threads import errors, together

from chabad_auth_django.api.http.errors import is_outage
from chabad_auth_django.api.urls import urlpatterns
from chabad_auth_django.contrib.embedded import ServerError
from chabad_auth_django.contrib.embedded.server import Mongod
from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models import Activity, AppData, User
from chabad_auth_django.services.deployment import indexes, readiness
from chabad_auth_django.services.lifecycle import portability
from chabad_auth_django.services.signing_in import sessions, tokens

Login = Callable[[User | None], APIClient]

#: Seconds of a request that is to fail; of one that has to come to a certain command first, even
#: on a busy machine; and what either may really take there. Without a limit it would be for ever.
IMPATIENCE = 0.3
PATIENCE = 2.0
BUDGET = 18

KEY = {"HTTP_IDEMPOTENCY_KEY": "k"}
VALUE = "/api/users/me/app-data/cteen/settings/"

#: What answers without MongoDB.
ALIVE = {"health-live", "schema", "docs", "index", "not-found"}

ARGUMENTS = {
    "user": "me",
    "session": str(ObjectId()),
    "role": "moderator",
    "permission": "users:read",
    "method": "google",
    "key": "k",
    "app": "cteen",
    "widget": "w",
    "identity": "0" * 24,
}


@pytest.fixture
def server(breakable_server: Mongod, pause: Pause) -> Iterator[Mongod]:
    """The server with an empty database; it runs again afterwards."""
    changed = {
        "MONGODB_URI": breakable_server.start(),
        "MONGODB_OPTIONS": {
            "serverSelectionTimeoutMS": 300,
            "heartbeatFrequencyMS": 500,
            "event_listeners": [pause],
        },
        "ISSUERS": [SHARED],
    }
    with override_settings(CHABAD_AUTH=changed):
        wait_for_primary(APIClient())
        indexes.create()
        database = connection.get_database()
        for name in database.list_collection_names():
            database[name].delete_many({})
        yield breakable_server
        connection.close()


@pytest.fixture
def ann(server: Mongod) -> User:
    return User.create_user(email="ann@example.org", auth_methods=["google"])


@pytest.fixture
def client(ann: User, login: Login) -> APIClient:
    return login(ann)


@contextmanager
def impatient(seconds: float = IMPATIENCE) -> Iterator[None]:
    changed = {**settings.CHABAD_AUTH, "REQUEST_TIMEOUT": seconds}
    with override_settings(CHABAD_AUTH=changed):
        yield


@contextmanager
def paused(server: Mongod) -> Iterator[None]:
    pid = server.pid
    assert pid is not None
    suspend(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look each time whether the server is ready."""
    monkeypatch.setattr(readiness, "LIFESPAN", 0)


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503, (answer.status_code, answer.content)
    assert answer.json()["code"] == "unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert "Traceback" not in answer.text


def put(client: APIClient, value: Any = 1, **headers: str) -> Any:
    return client.put(VALUE, {"dataValue": value}, format="json", **headers)


def sign_ins(ann: User) -> list[tuple[str, dict[str, str]]]:
    refresh_token = sessions.open_session(user_id=ann.id, auth_method="google")[1]
    return [("login", {"token": shared_token()}), ("refresh", {"refreshToken": refresh_token})]


def caller_of(user_id: ObjectId) -> APIClient:
    """Return a client with a token of a session that no server can be asked for."""
    client = APIClient()
    token = tokens.issue_access_token(user_id=user_id, session_id=ObjectId())
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def every_endpoint() -> Iterator[tuple[str, str, str]]:
    """Yield the name, the method and the path of every endpoint."""
    for pattern in urlpatterns:
        names = pattern.pattern.converters
        path = str(pattern.pattern)
        for name in names:
            path = re.sub(rf"<\w+:{name}>", ARGUMENTS[name], path)
        for method in getattr(pattern.callback, "actions", None) or {"get": ""}:
            if not path.startswith("^") and method != "head":
                yield str(pattern.name), method, f"/api/{path}"


def test_every_endpoint_says_that_a_dead_server_is_unavailable(
    server: Mongod, ann: User, client: APIClient
) -> None:
    bodies = {f"/api/auth/{name}/": body for name, body in sign_ins(ann)}
    issued = {"HTTP_AUTHORIZATION": f"Bearer {shared_token()}"}
    assert client.get("/api/auth/me/").status_code == 200
    kill(server)

    def check(name: str, method: str, path: str) -> float:
        caller = caller_of(ann.id)
        started = time.monotonic()
        answer = getattr(caller, method)(path, bodies.get(path), format="json", **KEY)
        if name in ALIVE:
            assert answer.status_code < 500
        else:
            assert_unavailable(answer)
        return time.monotonic() - started

    endpoints = list(every_endpoint())
    assert len(endpoints) > 50
    with impatient():
        results = together([partial(check, *endpoint) for endpoint in endpoints])
    assert errors(results) == []
    assert max(results) < BUDGET
    assert_unavailable(APIClient().get("/api/users/me/", **issued))
    assert APIClient().get("/api/users/me/").status_code == 401

    server.start()
    deadline = time.monotonic() + 60
    # The client learns of it with its next heartbeat.
    while client.get("/api/auth/me/").status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert client.get("/api/health/ready/").status_code == 200
    assert APIClient().get("/api/users/me/", **issued).status_code == 200
    for path, body in bodies.items():
        assert client.post(path, body, format="json").status_code == 200, path
    assert put(client, **KEY).status_code == 201


def test_a_paused_server_does_not_make_a_request_hang(
    server: Mongod, ann: User, client: APIClient
) -> None:
    login_body = sign_ins(ann)[0][1]
    requests: list[Callable[[], Any]] = [
        lambda: client.get("/api/users/me/"),
        lambda: put(client),
        lambda: put(client, **KEY),
        lambda: APIClient().post("/api/auth/login/", login_body, format="json"),
        lambda: client.get("/api/health/ready/"),
    ]
    assert client.get("/api/users/me/").status_code == 200
    with paused(server), impatient():
        for request in requests:
            started = time.monotonic()
            assert_unavailable(request())
            assert time.monotonic() - started < BUDGET
        started = time.monotonic()
        assert client.get("/api/health/live/").status_code == 200
        assert time.monotonic() - started < BUDGET
    for request in requests:
        assert request().status_code in (200, 201)


@pytest.mark.parametrize("collection", ["idempotency_keys", "appdatas"])
@pytest.mark.parametrize("end", ["killed", "paused"])
def test_a_server_that_fails_in_the_middle_of_a_keyed_request(
    server: Mongod, client: APIClient, pause: Pause, end: str, collection: str
) -> None:
    assert put(client).status_code == 201
    pid = server.pid
    assert pid is not None
    name = {"idempotency_keys": "update", "appdatas": "findAndModify"}[collection]
    fail = partial(os.kill, pid, signal.SIGKILL) if end == "killed" else partial(suspend, pid)
    pause.before(command(name, collection), fail)
    started = time.monotonic()
    with impatient(PATIENCE):
        assert_unavailable(put(client, 2, **KEY))
    assert time.monotonic() - started < BUDGET
    assert pause.done
    if end == "killed":
        server.start()
        wait_for_primary(client)
    else:
        os.kill(pid, signal.SIGCONT)
        # Nobody could tell the server to end the transaction.
        end_transactions_of_the_dead(connection.get_database())
    answer = put(client, 2, **KEY)
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    again = put(client, 2, **KEY)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (answer.content, "true")
    assert AppData.objects.get().version == 2


def test_an_export_that_is_cut_off_is_not_whole(
    server: Mongod, ann: User, client: APIClient
) -> None:
    rows = [{"userId": ann.id, "eventData": {"text": "x" * 1_000}}] * 3_000
    Activity.collection().insert_many([dict(row) for row in rows])
    pieces = client.get("/api/users/me/export/").streaming_content
    sent = next(pieces) + next(pieces)
    kill(server)
    started = time.monotonic()
    with pytest.raises(PyMongoError):
        for piece in pieces:
            sent += piece
    assert time.monotonic() - started < BUDGET
    with pytest.raises(ValidationError):
        portability.check(file=BytesIO(sent))
    assert_unavailable(client.get("/api/users/me/export/"))


def test_an_election_is_unavailable_at_most(server: Mongod, client: APIClient) -> None:
    uri = server.status().uri
    assert uri is not None
    statuses = set()
    with pymongo.MongoClient(uri) as admin:
        admin.admin.command("replSetStepDown", 2, force=True)
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            with impatient():
                answers = (client.get("/api/auth/me/"), put(client), put(client, **KEY))
            for answer in answers:
                statuses.add(answer.status_code)
                if answer.status_code == 503:
                    assert_unavailable(answer)
    assert statuses <= {200, 201, 503}
    assert 503 in statuses
    wait_for_primary(client)


def wait_for_primary(client: APIClient) -> None:
    until = time.monotonic() + 60
    while client.get("/api/health/ready/").json().get("code") == "unavailable":
        assert time.monotonic() < until


@contextmanager
def failing(command: str, patience: float = IMPATIENCE, **how: Any) -> Iterator[None]:
    """Let the server fail each such command of requests that have little time."""
    with faults.failing(command, **how), impatient(patience):
        yield


CODES = (
    *(6, 7, 13, 18, 24, 43, 46, 50, 89, 91, 112, 117, 175, 189, 211, 225, 237, 244, 262, 267, 279),
    *(290, 365, 391, 9001, 10107, 11600, 11601, 11602, 13435, 13436),
)


@pytest.mark.parametrize("code", [24, 91, 10107, 11600])
def test_what_the_server_may_say_in_an_election_or_a_shutdown(
    server: Mongod, client: APIClient, code: int
) -> None:
    assert put(client).status_code == 201
    with failing("aggregate", errorCode=code):
        assert_unavailable(client.get("/api/users/me/profile/"))
    for keyed in ({}, KEY):
        with failing("findAndModify", errorCode=code):
            assert_unavailable(put(client, **keyed))
    assert put(client, **KEY).status_code == 200


WTIMEOUT = {"code": 64, "errmsg": "x", "errInfo": {"wtimeout": True}}


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("insert", {"closeConnection": True}),
        ("findAndModify", {"closeConnection": True}),
        ("commitTransaction", {"closeConnection": True}),
        ("commitTransaction", {"blockConnection": True, "blockTimeMS": 700}),
        ("insert", {"writeConcernError": {"code": 100, "errmsg": "x"}}),
        ("findAndModify", {"writeConcernError": WTIMEOUT}),
        ("commitTransaction", {"writeConcernError": {"code": 91, "errmsg": "x"}}),
    ],
)
def test_a_write_whose_result_is_lost_happens_once_under_a_key(
    server: Mongod, client: APIClient, how: dict[str, Any], name: str
) -> None:
    assert put(client).status_code == 201
    keyed = KEY
    if name != "commitTransaction" and "writeConcernError" in how:
        # Inside a transaction only the commit has a write concern.
        keyed = {}
    path = VALUE.replace("settings", "new") if name == "insert" else VALUE
    started = time.monotonic()
    with failing(name, **how):
        answer = client.put(path, {"dataValue": 2}, format="json", **keyed)
    assert time.monotonic() - started < BUDGET
    assert_unavailable(answer)
    if keyed:
        time.sleep(how.get("blockTimeMS", 0) / 1_000)
        answer = client.put(path, {"dataValue": 2}, format="json", **keyed)
        assert answer.json()["version"] == (1 if name == "insert" else 2)
        assert answer.status_code == (201 if name == "insert" else 200)


def test_what_the_cache_of_the_server_has_no_room_for_is_too_large(
    server: Mongod, client: APIClient
) -> None:
    with failing("findAndModify", errorCode=388):
        answer = put(client)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_events_whose_write_concern_fails_are_unavailable(
    server: Mongod, client: APIClient
) -> None:
    batch = [{"eventType": "view"}] * 2
    for code in (64, 91, 189):
        with failing("insert", writeConcernError={"code": code, "errmsg": "x"}):
            answer = client.post("/api/users/me/activities/", batch, format="json")
        assert_unavailable(answer)


def test_a_count_that_takes_too_long_is_no_outage(server: Mongod, client: APIClient) -> None:
    query = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
    for name in ("event-counts", "category-counts", "timeseries"):
        path = f"/api/users/me/analytics/{name}/"
        counts = f"{connection.get_database().name}.analytics_daily_users"
        cases = [{"errorCode": 50}]
        if name == "timeseries":
            cases.append({"blockConnection": True, "blockTimeMS": 2_500})
        for how in cases:
            with failing("aggregate", PATIENCE, namespace=counts, **how):
                answer = client.get(path, query)
            assert (answer.status_code, answer.json()["code"]) == (400, "too_slow")
        assert client.get(path, query).status_code == 200


def test_a_server_that_stops_while_it_counts_is_an_outage(
    server: Mongod, client: APIClient, pause: Pause
) -> None:
    query = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
    pid = server.pid
    assert pid is not None
    pause.before(command("aggregate", "analytics_daily_users"), lambda: suspend(pid))
    started = time.monotonic()
    try:
        with impatient(PATIENCE):
            assert_unavailable(client.get("/api/users/me/analytics/event-counts/", query))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert pause.done
    assert time.monotonic() - started < BUDGET


@pytest.mark.parametrize(
    "uri", ["mongodb://127.0.0.1:1/test_x", "mongodb://nowhere.invalid/test_x"]
)
def test_a_server_that_was_never_there_is_unavailable(uri: str) -> None:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "REQUEST_TIMEOUT": IMPATIENCE}):
        client = caller_of(ObjectId())
        assert_unavailable(client.get("/api/users/me/"))
        assert_unavailable(client.get("/api/health/ready/"))
        assert client.get("/api/health/live/").status_code == 200


def test_an_embedded_server_that_does_not_start_is_unavailable() -> None:
    def uri() -> str:
        raise ServerError("mongod ended.")

    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri}):
        assert_unavailable(caller_of(ObjectId()).get("/api/users/me/"))


def failure(code: int, *labels: str) -> OperationFailure:
    return OperationFailure("x", code, {"errorLabels": list(labels)})


def bulk(**details: Any) -> BulkWriteError:
    return BulkWriteError({"writeErrors": [], "writeConcernErrors": [], **details})


def wrapped(error: PyMongoError) -> mongoengine.OperationError:
    result = mongoengine.OperationError("x")
    result.__context__ = error
    return result


@each(
    ("error", "expected"),
    [
        (ServerSelectionTimeoutError(), True),
        (AutoReconnect(), True),
        (NotPrimaryError(), True),
        (NetworkTimeout(), True),
        (WaitQueueTimeoutError(), True),
        (ExecutionTimeout("x", 50), True),
        (WTimeoutError("x", 64), True),
        (WriteConcernError("x", 64), True),
        (WriteConcernError("x", 91), True),
        (failure(251, "TransientTransactionError"), True),
        (failure(1, "UnknownTransactionCommitResult"), True),
        *((failure(code), True) for code in CODES),
        (bulk(writeConcernErrors=[{"code": 91, "errmsg": "x"}]), True),
        (bulk(writeErrors=[{"code": 11600, "errmsg": "x"}]), True),
        (wrapped(AutoReconnect()), True),
        (wrapped(failure(189)), True),
        (wrapped(DuplicateKeyError("x", 11000)), False),
        (mongoengine.OperationError("x"), False),
        (bulk(writeErrors=[{"code": 121, "errmsg": "x"}]), False),
        (failure(2), False),
        (OperationFailure("x"), False),
        (DuplicateKeyError("x", 11000), False),
        (ConfigurationError(), True),
        # A connection on which somebody else's answer came.
        (ProtocolError("Got response id 2 but expected 1"), True),
        (ValueError(), False),
        (None, False),
    ],
    ids=repr,
)
def test_which_errors_are_an_outage(error: Exception | None, expected: bool) -> None:
    assert is_outage(error) is expected
