"""Signing in with the token of an issuer, and what follows, over HTTP."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from bson import ObjectId
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient
from support.issuer import AUDIENCE, ISSUER, JwksServer, Key, by_hand, claims
from support.signed_in import access_token

from chabad_auth_django.models import Activity, Analytics, Session, User
from chabad_auth_django.services.identity import external_ids

Login = Callable[[User | None], APIClient]

LOGIN, REFRESH, ME = "/api/auth/login/", "/api/auth/refresh/", "/api/auth/me/"


@pytest.fixture(scope="module")
def key() -> Key:
    return Key("one")


@pytest.fixture
def jwks(key: Key) -> Iterator[JwksServer]:
    server = JwksServer()
    server.keys = [key]
    yield server
    server.close()


@pytest.fixture(autouse=True)
def configured(mongodb: str, jwks: JwksServer) -> Iterator[None]:
    issuer = {
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "ALGORITHMS": ["RS256"],
        "JWKS_URL": jwks.url,
        "AUTH_METHOD": "google",
        "EXTERNAL_ID_FIELD": "valuUserId",
    }
    rates = {"sign_in": None, "refresh": None}
    with override_settings(
        CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [issuer], "THROTTLE_RATES": rates}
    ):
        yield


def post(path: str, **body: Any) -> Any:
    return APIClient().post(path, body, format="json")


def bearer(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def assert_refused(answer: Any, status: int = 401, code: str = "invalid_token") -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert set(answer.json()) <= {"code", "detail", "errors"}
    assert "WWW-Authenticate" in answer.headers or status != 401


def test_a_token_of_an_issuer_signs_in(key: Key) -> None:
    answer = APIClient().post(
        LOGIN,
        {"token": key.sign(claims()), "appId": "cteen"},
        format="json",
        HTTP_USER_AGENT="Firefox",
    )
    assert answer.status_code == 200, answer.content
    data = answer.json()
    assert set(data) == {"accessToken", "refreshToken", "tokenType", "expiresIn", "user"}
    assert (data["tokenType"], data["expiresIn"]) == ("Bearer", 900)
    assert data["user"]["email"] == "ann@example.org"
    assert data["user"]["valuUserId"] == "person-1"
    assert data["user"]["authMethods"] == ["google"]
    assert data["user"]["lastLogin"]
    me = bearer(data["accessToken"]).get(ME)
    assert me.json() == data["user"]
    (session,) = Session.objects
    assert (session.user_agent, session.auth_method) == ("Firefox", "google")
    assert [item.event_type for item in Activity.objects(app_id="cteen")] == ["login"]
    assert [item.event_name for item in Analytics.objects(app_id="cteen")] == ["login"]


def bad_tokens(key: Key) -> dict[str, str]:
    good = claims()
    return {
        "empty": "",
        "no token": "x.y.z",
        "none": by_hand({"alg": "none", "typ": "JWT", "kid": key.kid}, good),
        "confused": by_hand({"alg": "HS256", "typ": "JWT", "kid": key.kid}, good, key.pem),
        "another's key": Key(key.kid).sign(good),
        "expired": key.sign(claims(exp=1)),
        "foreign audience": key.sign(claims(aud="another-app")),
        "foreign issuer": key.sign(claims(iss="https://evil.example.org")),
        "unknown key": key.sign(good, kid="unknown"),
        "deep": by_hand({"alg": "RS256", "kid": key.kid}, {"a": eval("[" * 50 + "]" * 50)}, b"x"),
        "ours, of another kind": jwt.encode(
            {**good, "iss": settings.SECRET_KEY}, settings.SECRET_KEY, "HS256"
        ),
        "a megabyte": key.sign(claims(name="x" * 700_000)),
        "accents": "é.é.é",
        "two": f"{key.sign(good)},{key.sign(good)}",
    }


def test_no_bad_token_signs_in_or_opens_a_resource(key: Key, user: User, jwks: JwksServer) -> None:
    external_ids.link_external_id(user_id=user.id, field="valuUserId", value="person-1")
    for name, token in bad_tokens(key).items():
        started = time.monotonic()
        answer = post(LOGIN, token=token)
        if name == "empty":
            assert answer.status_code == 400
        else:
            assert_refused(answer)
        assert_refused(bearer(token).get(ME))
        assert_refused(post(REFRESH, refreshToken=token or "x"))
        assert time.monotonic() - started < 20, name
    # Once when it is first needed, and once for all the unknown keys.
    assert jwks.requests <= 2
    assert Session.objects.count() == 0
    assert bearer(key.sign(claims())).get(ME).status_code == 200


def test_a_body_of_two_megabytes_is_refused() -> None:
    assert_refused(post(LOGIN, token="x" * 2_000_000), 413, "body_too_large")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": None},
        {"token": 5},
        {"token": {"$gt": ""}},
        {"token": "x", "username": "ann", "password": "x"},
        {"username": "ann"},
        {"password": "x"},
        {"username": {"$gt": ""}, "password": "x"},
        {"token": "x", "roles": ["admin"]},
        {"token": "x", "appId": ""},
        [],
        "x",
        None,
    ],
    ids=str,
)
def test_a_body_that_signs_nobody_in(body: Any) -> None:
    assert_refused(APIClient().post(LOGIN, body, format="json"), 400, "invalid")


def test_without_contrib_auth_there_are_no_credentials() -> None:
    answer = post(LOGIN, username="ann", password="secret")
    assert_refused(answer, 403, "credentials_disabled")


def test_an_issuer_that_does_not_answer(key: Key, jwks: JwksServer) -> None:
    jwks.status = 500
    for answer in (post(LOGIN, token=key.sign(claims())), bearer(key.sign(claims())).get(ME)):
        assert_refused(answer, 503, "issuer_unavailable")
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer\t{}",
        "Bearer: {}",
        "Bearer {} x",
        "Bearer {0},Bearer {0}",
        'Bearer "{}"',
        "Basic {}",
        "Token {}",
        "{}",
        "Bearer x" + "y" * 100_000,
        "Bearer \xe9\x00",
        "",
    ],
    ids=lambda header: header[:20],
)
def test_headers_that_authenticate_nobody(user: User, header: str) -> None:
    token = access_token(user.id)
    answer = APIClient().get(ME, HTTP_AUTHORIZATION=header.format(token))
    assert answer.status_code == 401
    assert answer.json()["code"] in ("invalid_token", "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_headers_that_authenticate(user: User, header: str) -> None:
    token = access_token(user.id)
    assert APIClient().get(ME, HTTP_AUTHORIZATION=header.format(token)).status_code == 200


def test_a_refresh_token_is_good_once(key: Key) -> None:
    first = post(LOGIN, token=key.sign(claims())).json()
    second = post(REFRESH, refreshToken=first["refreshToken"])
    assert second.status_code == 200
    assert second.json()["user"] == first["user"]
    # It is no login.
    assert Activity.objects.count() == 1
    assert second.json()["refreshToken"] != first["refreshToken"]
    assert bearer(second.json()["accessToken"]).get(ME).status_code == 200
    third = post(REFRESH, refreshToken=second.json()["refreshToken"])
    assert third.status_code == 200
    # Somebody has a copy: nobody can tell who.
    assert_refused(post(REFRESH, refreshToken=first["refreshToken"]))
    assert_refused(post(REFRESH, refreshToken=third.json()["refreshToken"]))
    assert Session.objects.count() == 0


@pytest.mark.parametrize("token", [None, 5, "", ["x"], {"$gt": ""}])
def test_a_refresh_token_is_text(token: Any) -> None:
    assert_refused(post(REFRESH, refreshToken=token), 400, "invalid")


def test_an_access_token_is_no_refresh_token_nor_the_reverse(key: Key) -> None:
    data = post(LOGIN, token=key.sign(claims())).json()
    assert_refused(post(REFRESH, refreshToken=data["accessToken"]))
    assert_refused(post(LOGIN, token=data["accessToken"]))
    assert_refused(bearer(data["refreshToken"]).get(ME))


def test_logging_out_ends_the_session(key: Key) -> None:
    data, other = (post(LOGIN, token=key.sign(claims())).json() for _ in range(2))
    assert bearer(data["accessToken"]).post("/api/auth/logout/").status_code == 204
    assert_refused(bearer(data["accessToken"]).post("/api/auth/logout/"))
    assert_refused(bearer(data["accessToken"]).get(ME))
    assert_refused(post(REFRESH, refreshToken=data["refreshToken"]))
    assert post(REFRESH, refreshToken=other["refreshToken"]).status_code == 200


def test_sessions_are_listed_and_revoked(key: Key, login: Login) -> None:
    logins = [post(LOGIN, token=key.sign(claims())).json() for _ in range(3)]
    client = bearer(logins[0]["accessToken"])
    listed = client.get("/api/auth/sessions/").json()["results"]
    assert len(listed) == 3
    assert [item["current"] for item in listed].count(True) == 1
    assert not {"tokenHash", "familyHash", "userId"} & set(listed[0])
    current = next(item["id"] for item in listed if item["current"])
    other = next(item["id"] for item in listed if not item["current"])

    stranger = login(User.create_user(email="eve@example.org"))
    assert len(stranger.get("/api/auth/sessions/").json()["results"]) == 1
    for path in (other, str(ObjectId()), "me", "x"):
        answer = stranger.delete(f"/api/auth/sessions/{path}/")
        assert_refused(answer, 404, "not_found")

    assert client.delete(f"/api/auth/sessions/{other}/").status_code == 204
    assert client.delete(f"/api/auth/sessions/{other}/").status_code == 404
    assert client.delete("/api/auth/sessions/").status_code == 204
    owner_id = Session.objects.get(id=current).user_id
    assert [str(session.id) for session in Session.objects(user_id=owner_id)] == [current]


def test_the_caller_and_the_rules(user: User, login: Login) -> None:
    client = login(user)
    assert client.get("/api/auth/rules/").json() == {
        "roles": {
            "user": [],
            "moderator": ["users:read", "activities:read", "analytics:read"],
            "admin": ["*"],
        }
    }
    assert client.get(ME).json()["id"] == str(user.id)
    user.add_role("moderator")
    assert client.get(ME).json()["roles"] == ["user", "moderator"]
    user.delete()
    assert_refused(client.get(ME))


def test_an_issuers_token_opens_a_resource_of_a_user_who_exists(key: Key, user: User) -> None:
    token = key.sign(claims())
    for _ in range(2):
        assert bearer(token).get(ME).json()["id"] == str(user.id)
    user.refresh()
    assert user.valu_user_id == "person-1"
    unverified = key.sign(claims(email="other@example.org", email_verified=False))
    answer = bearer(unverified).patch("/api/users/me/", {"name": "By id"}, format="json")
    assert (answer.status_code, answer.json()["name"]) == (200, "By id")
    assert bearer(unverified).post("/api/auth/logout/").status_code == 204
    assert Session.objects.count() == Activity.objects.count() == 0


def test_an_issuers_token_does_not_open_what_is_linked_to_another_id(key: Key, user: User) -> None:
    external_ids.link_external_id(user_id=user.id, field="valuUserId", value="person-7")
    assert_refused(bearer(key.sign(claims())).get(ME), 409, "external_id_taken")


def test_of_two_users_with_one_external_id_the_claim_decides(key: Key, user: User) -> None:
    token = key.sign(claims(email_verified=False))
    external_ids.link_external_id(user_id=user.id, field="valuUserId", value="person-1")
    # Another program does not know of claims.
    User.collection().insert_one({"email": "eve@example.org", "valuUserId": "person-1"})
    assert bearer(token).get(ME).json()["id"] == str(user.id)
    external_ids.unlink_external_id(user_id=user.id, field="valuUserId")
    User.collection().insert_one({"email": "eva@example.org", "valuUserId": "person-1"})
    assert_refused(bearer(token).get(ME), 409, "external_id_taken")


def test_no_answer_of_auth_may_be_cached(key: Key, user: User, login: Login) -> None:
    data = post(LOGIN, token=key.sign(claims())).json()
    client = bearer(data["accessToken"])
    answers = [
        post(LOGIN, token=key.sign(claims())),
        post(LOGIN, token="x"),
        post(LOGIN),
        post(REFRESH, refreshToken=data["refreshToken"]),
        post(REFRESH, refreshToken="x"),
        APIClient().get(LOGIN),
        APIClient().get(ME),
        client.get(ME),
        client.get("/api/auth/rules/"),
        client.get("/api/auth/sessions/"),
        client.delete("/api/auth/sessions/"),
        client.delete("/api/auth/sessions/x/"),
        client.post("/api/auth/logout/"),
        client.post("/api/auth/logout/", HTTP_IDEMPOTENCY_KEY="k"),
        client.post("/api/auth/logout/", HTTP_IDEMPOTENCY_KEY="k"),
    ]
    assert {answer.headers.get("Cache-Control") for answer in answers} == {"private, no-store"}


def test_the_logs_name_no_secret(key: Key, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # The driver logs what it sends, if somebody asks it to.
    caplog.set_level(logging.INFO, "pymongo")
    token = key.sign(claims())
    data = post(LOGIN, token=token).json()
    client = bearer(data["accessToken"])
    client.get(ME)
    post(REFRESH, refreshToken=data["refreshToken"])
    post(REFRESH, refreshToken=data["refreshToken"])
    post(LOGIN, token=key.sign(claims(sub="person-2")))
    post(LOGIN, token=token[:-5])
    post(LOGIN, username="ann@example.org", password="hunter2")
    bearer(token[:-5]).get(ME)
    User.create_user(email="eve@example.org", roles=["admin"])
    assert "401" in caplog.text or "Unauthorized" in caplog.text
    secrets = (token, token[:-5], data["accessToken"], data["refreshToken"], "hunter2")
    for secret in (*secrets, "ann@example.org", "eve@example.org"):
        assert secret not in caplog.text
