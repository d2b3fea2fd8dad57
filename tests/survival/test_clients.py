"""Slow, idle, vanishing and greedy clients, and what they take from the others."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from bson import ObjectId
from django.test import override_settings
from support.api_client import Answer, Client
from support.claims import Claim
from support.gunicorn import THREADS, WORKERS, Gunicorn, gunicorn
from support.nginx import needs_nginx, nginx, trusting
from support.percentiles import describe, milliseconds
from support.processes import python_path
from support.signed_in import access_token
from support.threads import errors, together

from chabad_auth_django.db import connection
from chabad_auth_django.models import Activity, AppData, User
from chabad_auth_django.services.deployment import indexes

IDLE, SLOW, VANISHING = 1_000, 200, 200

#: Milliseconds at the 95th percentile that a well-behaved client may wait at the same time.
PATIENCE = 2_000

#: Bytes: the API refuses the one, nginx the other.
TOO_LARGE = (10_500_000, 12_500_000)

VALUE = "users/me/app-data/app/settings/"


@pytest.fixture
def database(replica_set_uri: str) -> Iterator[str]:
    """The URI of an empty database with the indexes deployed."""
    with override_settings(CHABAD_AUTH={"MONGODB_URI": replica_set_uri}):
        connection.get_client().drop_database(connection.get_database())
        indexes.create()
        yield replica_set_uri
        connection.close()


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[Gunicorn]:
    with gunicorn(database, tmp_path, DJANGO_NUM_PROXIES="1") as server:
        yield server


def new_token() -> str:
    user = User.create_user(email=f"{ObjectId()}@example.org", auth_methods=["google"])
    return access_token(user.id)


def half_a_request(token: str) -> bytes:
    """Return a PUT whose body is not whole."""
    lines = (
        f"PUT /api/{VALUE} HTTP/1.1",
        "Host: 127.0.0.1",
        "X-Forwarded-Proto: https",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        "Content-Length: 1000",
    )
    return "\r\n".join([*lines, "", '{"dataValue": "half']).encode()


def behaved(client: Client, seconds: float, pause: float = 0.02) -> list[Answer]:
    """Return what a client gets that reads and writes now and then."""
    answers = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answers.append(client.send("GET", "users/me/"))
        answers.append(client.send("POST", "users/me/activities/", {"eventType": "view"}))
        time.sleep(pause)
    return answers


def failures(answers: list[Answer]) -> int:
    return sum(answer.status not in (200, 201) for answer in answers)


def knock(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def is_alive(port: int) -> bool:
    """Tell whether the server answers within 3 seconds."""
    with knock(port) as client:
        client.settimeout(3)
        client.sendall(b"GET /api/health/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        try:
            return bool(client.recv(1))
        except TimeoutError:
            return False


def test_slow_bodies_without_a_proxy_take_every_thread(server: Gunicorn, claim: Claim) -> None:
    token = new_token()
    assert Client(server.port, token).send("GET", "users/me/").status == 200
    with ExitStack() as stack:
        for _ in range(4 * WORKERS * THREADS):
            slow = stack.enter_context(knock(server.port))
            slow.sendall(half_a_request(token))
        # A busy machine takes its time to give the last threads away.
        answered = all(is_alive(server.port) for _ in range(5))
    claim(
        "Clients: what a buffering proxy is for — slow bodies alone stop gunicorn",
        f"{4 * WORKERS * THREADS} slow bodies, {'an' if answered else 'no'} answer within 3 s",
        not answered,
    )


@needs_nginx
def test_slow_idle_and_vanishing_clients_behind_nginx(
    server: Gunicorn, tmp_path: Path, long: bool, claim: Claim
) -> None:
    workers = server.workers()
    token = new_token()
    context = trusting()
    with nginx(server.port, tmp_path / "nginx") as port, ExitStack() as stack:

        def connect() -> socket.socket:
            return stack.enter_context(context.wrap_socket(knock(port)))

        for _ in range(IDLE):
            connect()
        for _ in range(SLOW):
            connect().sendall(half_a_request(token))
        for _ in range(VANISHING):
            with context.wrap_socket(knock(port)) as gone:
                gone.sendall(half_a_request(token))
        client = Client(port, new_token(), context)
        answers = behaved(client, seconds=8 if long else 4)
        # Several: a server that resets the connection loses some of the answers only.
        refused = [client.send("PUT", VALUE, {"dataValue": "x" * size}) for size in TOO_LARGE * 10]
        strange = [
            Client(port, "nobody", context).send("PUT", VALUE, {"dataValue": "x" * 900_000})
            for _ in range(20)
        ]
    p95 = milliseconds(answers)[1]
    claim(
        f"Clients: behind nginx {IDLE:,} idle ones, {SLOW} slow bodies and {VANISHING} that vanish "
        "half-way take nothing from the others",
        f"{len(answers)} requests, {failures(answers)} errors, {describe(answers)}",
        failures(answers) == 0 and p95 < PATIENCE and server.workers() == workers,
    )
    assert AppData.objects.count() == 0
    assert {(one.status, one.body["code"]) for one in refused} == {(413, "body_too_large")}
    assert {one.status for one in strange} == {401}


@needs_nginx
def test_nginx_without_gunicorn_says_that_the_api_is_unavailable(tmp_path: Path) -> None:
    nobody = 1
    with nginx(nobody, tmp_path / "nginx") as port:
        answer = Client(port, "token", trusting()).send("GET", "users/me/")
    assert (answer.status, answer.retry_after) == (503, "5")
    assert answer.body["code"] == "unavailable"


def test_one_noisy_user_does_not_starve_the_others(
    database: str, tmp_path: Path, long: bool, claim: Claim
) -> None:
    # The others stay below the rate.
    seconds, pause = (20 if long else 4), 0.5
    settings = {"DJANGO_SETTINGS_MODULE": "support.throttled_settings", "PYTHONPATH": python_path()}

    def others(port: int) -> list[Answer]:
        clients = [Client(port, new_token()) for _ in range(4)]
        found = together([lambda one=one: behaved(one, seconds, pause) for one in clients])
        return [answer for answers in found for answer in answers]

    with gunicorn(database, tmp_path, **settings) as server:
        noisy = Client(server.port, new_token())

        def shout() -> list[Answer]:
            return loud_requests(noisy, seconds)

        before = others(server.port)
        meanwhile, *results = together([lambda: others(server.port), *[shout] * 8])
        assert errors([meanwhile, *results]) == []
    loud = [answer for answers in results for answer in answers]
    limited = sum(answer.status == 429 for answer in loud)
    stored = Activity.objects(event_type="loud").count()
    claim(
        "Clients: one noisy user meets the throttle; the others do not notice",
        f"{len(loud)} requests of the noisy one in {seconds} s, {limited} × 429, {stored} stored "
        f"at 60/min; the others: {failures(meanwhile)} errors, {describe(meanwhile)}; "
        f"before: {describe(before)}",
        limited > 0 and failures(meanwhile) == 0 and milliseconds(meanwhile)[1] < PATIENCE,
    )


def loud_requests(client: Client, seconds: float) -> list[Answer]:
    """Return what a client gets that never pauses."""
    answers = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answers.append(client.send("POST", "users/me/activities/", {"eventType": "loud"}))
    return answers
