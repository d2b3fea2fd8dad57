"""What arrives over a socket: Django's test client would mend what is broken on the wire."""

import json
import socket
from io import BytesIO
from typing import Any

import pytest
from rest_framework.test import APIClient
from support.requests import check_error
from support.signed_in import access_token

from chabad_auth_django.models import User

PROFILE = "/api/users/me/profile/"
PREFERENCES = "/api/users/me/preferences/"
ACTIVITIES = "/api/users/me/activities/"
VALUE = "/api/users/me/app-data/cteen/k/"

Headers = dict[str, str]

MANY = "&".join(f"a{number}=1" for number in range(2_000))


def exchange(
    address: tuple[str, int],
    owner: User,
    line: str,
    headers: Headers | None = None,
    body: bytes = b"",
) -> tuple[int, Headers, bytes]:
    """Send a request as the owner; return the status, the headers and the body of the answer."""
    sent: Headers = {
        "Host": "localhost",
        "Authorization": "Bearer " + access_token(owner.id),
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    } | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value != "absent")
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(f"{line} HTTP/1.0\r\n{head}\r\n".encode("latin-1") + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    top, _, content = answer.partition(b"\r\n\r\n")
    status, *rows = top.decode("latin-1").split("\r\n")
    return int(status.split()[1]), dict(row.split(": ", 1) for row in rows), content


#: Line, headers, body -> status, code.
REFUSED: list[tuple[str, Headers, bytes, int, str]] = [
    # Encodings.
    (f"PATCH {PROFILE}", {}, b'{"bio": "\xff\xfe"}', 400, "parse_error"),
    (f"PATCH {PROFILE}", {}, b'{"bio": "\xed\xa0\x80"}', 400, "parse_error"),
    (f"PATCH {PROFILE}", {}, b'{"bio": "\xc0\xaf"}', 400, "parse_error"),
    (f"PATCH {PROFILE}", {}, b"\x00", 400, "parse_error"),
    (f"PATCH {PROFILE}", {}, b"\xff" * 100, 400, "parse_error"),
    (f"PATCH {PROFILE}", {}, '{"bio": "b"}'.encode("utf-16"), 400, "parse_error"),
    (f"PATCH {PROFILE}", {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08\0", 400, "parse_error"),
    # Content types.
    (f"PATCH {PROFILE}", {"Content-Type": ""}, b"{}", 415, "unsupported_media_type"),
    (f"PATCH {PROFILE}", {"Content-Type": "json"}, b"{}", 415, "unsupported_media_type"),
    (f"PATCH {PROFILE}", {"Content-Type": "a/b\xff;;="}, b"{}", 415, "unsupported_media_type"),
    # Lengths.
    (
        f"PATCH {PROFILE}",
        {"Transfer-Encoding": "chunked", "Content-Length": "absent"},
        b'c\r\n{"bio": "b"}\r\n0\r\n\r\n',
        411,
        "length_required",
    ),
    (f"PATCH {PROFILE}", {}, b" " * 20_000_000, 413, "body_too_large"),
    # Queries.
    (f"GET {PROFILE}?{MANY}", {}, b"", 400, "parse_error"),
    (f"GET {ACTIVITIES}?appId=%00", {}, b"", 400, "invalid"),
    (f"GET {ACTIVITIES}?%ff=%fe", {}, b"", 400, "invalid"),
    (f"GET {ACTIVITIES}?format=xml", {}, b"", 404, "not_found"),
    (f"GET {ACTIVITIES}?limit=1&limit=1001", {}, b"", 400, "invalid"),
    # Paths.
    ("GET /api/users/a%0Ab/c/d/", {}, b"", 404, "not_found"),
    ("GET /api/users%0A/", {}, b"", 404, "not_found"),
    ("GET /api/users/me%2Fprofile/x/", {}, b"", 404, "not_found"),
    ("GET /api/schema/nothing/", {}, b"", 404, "not_found"),
    ("GET /api/docs", {}, b"", 404, "not_found"),
    ("GET /api/users/%ff%fe/", {}, b"", 403, "permission_denied"),
    ("GET /api/users/%2e%2e/", {}, b"", 403, "permission_denied"),
    (f"GET {VALUE}%0A/", {}, b"", 400, "invalid"),
    ("GET /api/users/me/app-data/a%0Ab/k/", {}, b"", 400, "invalid"),
    ("GET /api/users/me/app-data/a/%00/", {}, b"", 400, "invalid"),
    # Headers.
    (f"GET {PROFILE}", {"Accept": ";;;,,,/"}, b"", 406, "not_acceptable"),
    (f"GET {PROFILE}", {"Accept": "\xff\xfe"}, b"", 406, "not_acceptable"),
    (f"GET {PROFILE}", {"Accept": "a/b;" * 10_000}, b"", 406, "not_acceptable"),
    (f"GET {PROFILE}", {"Accept": "a/b; c*=bogus''x"}, b"", 406, "not_acceptable"),
    (f"GET {ACTIVITIES}", {"Host": "evil..example:x"}, b"", 400, "parse_error"),
    (f"GET {PROFILE}", {"Authorization": "Bearer \xff\xfe"}, b"", 401, "invalid_token"),
    (f"GET {PROFILE}", {"Authorization": "Bearer " + "x" * 60_000}, b"", 401, "invalid_token"),
    (f"GET {PROFILE}", {"Authorization": "Bearer"}, b"", 401, "invalid_token"),
    (f"GET {PROFILE}", {"Authorization": "Basic YTpi"}, b"", 401, "not_authenticated"),
    (f"PUT {VALUE}", {"If-Match": "\xff"}, b'{"dataValue": 1}', 412, "precondition_failed"),
    (f"PUT {VALUE}", {"If-Match": '"9",' * 9_000}, b'{"dataValue": 1}', 412, "precondition_failed"),
    # Methods.
    (f"TRACE {PROFILE}", {}, b"", 403, "permission_denied"),
    (f"NONSENSE {PROFILE}", {}, b"", 403, "permission_denied"),
]


@pytest.mark.parametrize(
    ("line", "headers", "body", "status", "code"), REFUSED, ids=lambda value: str(value)[:40]
)
def test_what_is_broken_on_the_wire_is_refused(
    address: tuple[str, int],
    owner: User,
    settings: Any,
    line: str,
    headers: Headers,
    body: bytes,
    status: int,
    code: str,
) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    answered, received, content = exchange(address, owner, line, headers, body)
    assert (answered, received["Content-Type"]) == (status, "application/json"), content[:300]
    answer = json.loads(content)
    assert answer["code"] == code
    assert answer.keys() - {"errors", "current"} == {"code", "detail"}


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        (f"PATCH {PROFILE}", {"Content-Type": "APPLICATION/JSON; Charset=UTF-8"}, b'{"bio": "b"}'),
        (f"PATCH {PROFILE}", {"Content-Type": "application/x-www-form-urlencoded"}, b""),
        (f"PATCH {PROFILE}", {"Content-Type": "multipart/form-data; boundary=x"}, b""),
        (f"PATCH {PROFILE}", {"Content-Type": "absent", "Content-Length": "absent"}, b""),
        (f"PATCH {PROFILE}", {"X-Large": "x" * 60_000}, b"{}"),
        (f"GET {PROFILE}", {"If-None-Match": '"x",' * 9_000}, b""),
        (f"GET {PROFILE}", {"X-HTTP-Method-Override": "DELETE", "Range": "bytes=0-1"}, b""),
        (f"GET {ACTIVITIES}?format=json", {}, b""),
        (f"GET {PROFILE}", {"Accept": ""}, b""),
        (f"GET {PROFILE}", {"Accept": " , "}, b""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_merely_unusual_is_served(
    address: tuple[str, int], owner: User, settings: Any, line: str, headers: Headers, body: bytes
) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    status, received, content = exchange(address, owner, line, headers, body)
    assert (status, received["Content-Type"]) == (200, "application/json"), content[:300]


def test_an_empty_form_switches_no_widget_off(address: tuple[str, int], owner: User) -> None:
    line = f"PUT {PREFERENCES}widgets/clock/"
    exchange(address, owner, line, {}, b'{"enabled": true}')
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, content = exchange(address, owner, line, form)
    assert (status, json.loads(content)["widgets"]["enabled"]) == (200, ["clock"])


def test_a_middleware_of_the_host_may_have_read_the_body(api: APIClient, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "support.middleware.read_body"]
    assert api.patch(PROFILE, {"bio": "b"}, format="json").json()["bio"] == "b"
    keyed = {"HTTP_IDEMPOTENCY_KEY": "k"}
    assert api.patch(PROFILE, {"bio": "c"}, format="json", **keyed).status_code == 200
    assert api.patch(PROFILE, {"bio": "d"}, format="json", **keyed).status_code == 422
    check_error(api.patch(PROFILE, {"bio": "x" * 2**20}, format="json"), 413, "body_too_large")
    check_error(APIClient().post("/api/auth/login/", {"token": "x"}, format="json"), 401)


class Reset(BytesIO):
    """The body of a client that is gone half-way."""

    def read(self, *args: Any) -> bytes:
        raise ConnectionResetError


def test_a_client_that_is_gone_half_way_is_no_error_of_the_server(
    api: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"content_type": "application/json", "wsgi.input": Reset()}
    check_error(api.generic("PATCH", PROFILE, "{}", **broken), 400, "parse_error")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("token", "size", "environ", "status"),
    [
        (None, 500_000, {}, 401),
        ("valid", 2_000_000, {}, 413),
        ("valid", 2_000_000, {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}, 413),
    ],
)
def test_a_refused_body_is_read_lest_the_server_resets_the_connection(
    owner: User, token: str | None, size: int, environ: dict[str, Any], status: int
) -> None:
    body = BytesIO(b" " * size)
    sent = {"CONTENT_LENGTH": str(size), "wsgi.input": body, **environ}
    if token:
        sent["HTTP_AUTHORIZATION"] = f"Bearer {access_token(owner.id)}"
    answer = APIClient().generic("PATCH", PROFILE, content_type="application/json", **sent)
    check_error(answer, status)
    assert body.tell() == size


@pytest.mark.parametrize(
    ("length", "most"), [("40000000", 0), ("", 17_000_000)], ids=["announced", "in chunks"]
)
def test_a_body_that_is_huge_is_not_read_to_its_end(owner: User, length: str, most: int) -> None:
    body = BytesIO(b" " * 40_000_000)
    sent = {"CONTENT_LENGTH": length, "wsgi.input": body, "wsgi.input_terminated": True}
    check_error(APIClient().generic("PATCH", PROFILE, content_type="application/json", **sent), 401)
    assert body.tell() <= most
