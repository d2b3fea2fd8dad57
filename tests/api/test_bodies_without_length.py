"""A body that does not say its length is read, or refused with 411; it never counts as empty."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from support.gunicorn import gunicorn
from support.signed_in import access_token

from chabad_auth_django.conf import conf
from chabad_auth_django.models import Profile, User

PROFILE = "/api/users/me/profile/"
BODY = json.dumps({"bio": "sent without a length"}).encode()


def over_wsgi(user: User, body: bytes, **environ: Any) -> tuple[int, Any]:
    """Patch the profile with the environment of a server that speaks WSGI."""
    statuses = []
    answer = get_wsgi_application()(
        {
            "REQUEST_METHOD": "PATCH",
            "PATH_INFO": PROFILE,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": "application/json",
            "HTTP_AUTHORIZATION": f"Bearer {access_token(user.id)}",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": BytesIO(),
            **environ,
        },
        lambda status, headers: statuses.append(int(status.split()[0])),
    )
    return statuses[0], json.loads(b"".join(answer))


def over_asgi(user: User, body: bytes, **scope: Any) -> tuple[int, Any]:
    """Patch the profile as a server that speaks ASGI does."""
    sent: list[Any] = []
    halves = [body[:5], body[5:]]

    async def receive() -> Any:
        if not halves:
            await asyncio.sleep(60)
        more = len(halves) > 1
        return {"type": "http.request", "body": halves.pop(0), "more_body": more}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {
        b"host": b"testserver",
        b"content-type": b"application/json",
        b"authorization": f"Bearer {access_token(user.id)}".encode(),
    }
    whole = {
        "type": "http",
        "http_version": "2",
        "method": "PATCH",
        "path": PROFILE,
        "query_string": b"",
        "headers": list(headers.items()),
        **scope,
    }
    asyncio.run(get_asgi_application()(whole, receive, send))
    return sent[0]["status"], json.loads(b"".join(part.get("body", b"") for part in sent[1:]))


WAYS = {
    "HTTP/2": (over_wsgi, {"SERVER_PROTOCOL": "HTTP/2"}),
    "HTTP/3": (over_wsgi, {"SERVER_PROTOCOL": "HTTP/3"}),
    "chunks taken apart": (
        over_wsgi,
        {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    ),
    "an empty length": (over_wsgi, {"SERVER_PROTOCOL": "HTTP/2.0", "CONTENT_LENGTH": ""}),
    "ASGI": (over_asgi, {}),
    "ASGI over HTTP/1.1": (over_asgi, {"http_version": "1.1"}),
}


def test_a_body_that_ends_by_itself_is_read(mongodb: str) -> None:
    for number, (name, (send, environ)) in enumerate(WAYS.items()):
        user = User.create_user(email=f"{number}@example.org")
        status, answer = send(user, BODY, **environ)
        assert (status, answer["bio"]) == (200, "sent without a length"), name
        assert Profile.find_by_user_id(user.id).bio == "sent without a length"
        assert send(user, b"{", **environ)[0] == 400, name
        assert send(user, b"", **environ)[0] == 200, name
        assert Profile.find_by_user_id(user.id).bio == "sent without a length"
        too_long = b" " * (conf.BODY_MAX_BYTES + 1)
        assert send(user, too_long, **environ)[0] == 413, name


def test_a_body_whose_names_a_limit_counts_is_read(user: User) -> None:
    # The environment has no address of a client either, as of a server that listens on a socket.
    body = {"username": "ann@example.org", "password": "wrong", "refreshToken": "x" * 40}
    for name, (send, environ) in WAYS.items():
        for path, fields in (("login", ("username", "password")), ("refresh", ("refreshToken",))):
            key = "path" if send is over_asgi else "PATH_INFO"
            method = "method" if send is over_asgi else "REQUEST_METHOD"
            sent = json.dumps({field: body[field] for field in fields}).encode()
            asked = {**environ, key: f"/api/auth/{path}/", method: "POST"}
            status, answer = send(user, sent, **asked)
            assert status != 400, (name, path, answer)


def test_a_body_in_chunks_that_nobody_takes_apart_is_refused(user: User) -> None:
    status, answer = over_wsgi(user, BODY, HTTP_TRANSFER_ENCODING="chunked")
    assert (status, answer["code"]) == (411, "length_required")
    assert Profile.find_by_user_id(user.id).bio is None


def test_a_length_that_is_no_number_is_refused(user: User) -> None:
    for length in ("abc", "34,34", "34;", "+34", "-1", "²", "٣٤", "0x22"):
        status, answer = over_wsgi(user, BODY, CONTENT_LENGTH=length)
        assert (status, answer["code"]) == (400, "parse_error"), length
    assert Profile.find_by_user_id(user.id).bio is None


def test_an_idempotency_key_is_of_the_body_that_was_sent(user: User) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "one", "SERVER_PROTOCOL": "HTTP/2"}
    assert over_wsgi(user, BODY, **key)[0] == over_wsgi(user, BODY, **key)[0] == 200
    assert over_wsgi(user, b'{"bio": "other"}', **key)[0] == 422


@pytest.mark.slow
def test_gunicorn_takes_chunks(mongodb: str, user: User, tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield BODY[:10]
        yield BODY[10:]

    with gunicorn(mongodb, tmp_path) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {
            "Authorization": f"Bearer {access_token(user.id)}",
            "Content-Type": "application/json",
            "X-Forwarded-Proto": "https",
        }
        connection.request("PATCH", PROFILE, chunks(), headers, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["bio"]) == (200, "sent without a length")
        connection.close()


@pytest.mark.slow
def test_chunks_that_are_damaged_are_the_clients_error(
    mongodb: str, user: User, tmp_path: Path
) -> None:
    lines = (
        f"PATCH {PROFILE} HTTP/1.1",
        "Host: 127.0.0.1",
        "X-Forwarded-Proto: https",
        f"Authorization: Bearer {access_token(user.id)}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )
    head = "\r\n".join([*lines, "", ""]).encode()
    answers = []
    with gunicorn(mongodb, tmp_path) as server:
        # No number, the end within a chunk, a chunk longer than it says.
        for chunks in (b"zz\r\n{}\r\n0\r\n\r\n", b"5\r\n{}", b"2\r\n{} {}\r\n0\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
                client.sendall(head + chunks)
                client.shutdown(socket.SHUT_WR)
                response = http.client.HTTPResponse(client)
                response.begin()
                answers.append((response.status, json.loads(response.read())["code"]))
                response.close()
    assert answers == [(400, "parse_error")] * 3
