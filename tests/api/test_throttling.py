"""How often one caller may do what."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import InvalidCacheKey
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings
from rest_framework.settings import api_settings
from rest_framework.test import APIClient
from support.commands import CommandCounter

from chabad_auth_django import checks
from chabad_auth_django.api.http import throttling
from chabad_auth_django.checks.risks import check_risks
from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import sessions

Login = Callable[[User | None], APIClient]

ME = "/api/users/me/"
PROFILE = "/api/users/me/profile/"


@contextmanager
def rates(uri: str, **rates: str | None) -> Iterator[None]:
    with override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "THROTTLE_RATES": rates}):
        yield


def statuses(count: int, send: Callable[[int], Any]) -> list[int]:
    return [send(number).status_code for number in range(count)]


def sign_in(username: str, address: str = "10.0.0.1", **headers: str) -> Any:
    body = {"username": username, "password": "wrong"}
    return APIClient().post("/api/auth/login/", body, format="json", REMOTE_ADDR=address, **headers)


def test_who_calls_too_often_is_told_when_to_come_back(mongodb: str, api: APIClient) -> None:
    with rates(mongodb, read="2/min"):
        assert statuses(2, lambda n: api.get(ME)) == [200, 200]
        answer = api.get(ME)
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert set(answer.json()) == {"code", "detail"}
    assert 0 < int(answer.headers["Retry-After"]) <= 61


def test_who_calls_too_often_for_a_lowered_rate_is_told_when_to_come_back(
    mongodb: str, api: APIClient
) -> None:
    with rates(mongodb, read="5/hour"):
        assert statuses(5, lambda n: api.get(ME)) == [200] * 5
    with rates(mongodb, read="2/hour"):
        answer = api.get(ME)
    assert answer.status_code == 429
    assert 3_500 < int(answer.headers["Retry-After"]) <= 3_601


def test_nobody_waits_for_a_time_that_a_wrong_clock_showed(
    mongodb: str, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rates(mongodb, read="2/min"):
        with monkeypatch.context() as wrong:
            wrong.setattr(throttling.ScopedThrottle, "timer", lambda throttle: time.time() + 10**7)
            assert statuses(3, lambda n: api.get(ME)) == [200, 200, 429]
        assert statuses(3, lambda n: api.get(ME)) == [200, 200, 429]


def test_reads_and_writes_count_apart_and_by_user(
    mongodb: str, api: APIClient, admin: User, login: Login
) -> None:
    with rates(mongodb, read="1/min", write="2/min"):
        assert statuses(2, lambda n: api.get(ME)) == [200, 429]
        assert statuses(3, lambda n: api.patch(PROFILE, {}, format="json")) == [200, 200, 429]
        assert login(admin).get(ME).status_code == 200


def test_a_scope_that_is_left_out_has_its_default(mongodb: str) -> None:
    with rates(mongodb, read="1/min"):
        assert statuses(11, lambda n: sign_in(f"user{n}"))[-2:] == [403, 429]


def test_many_accounts_from_one_address_are_one_caller(mongodb: str) -> None:
    with rates(mongodb, sign_in="3/min"):
        assert statuses(4, lambda n: sign_in(f"user{n}")) == [403, 403, 403, 429]
        assert sign_in("other", "10.0.0.2").status_code == 403


def test_all_addresses_of_a_network_of_ipv6_are_one_caller(mongodb: str) -> None:
    with rates(mongodb, sign_in="1/min"):
        assert sign_in("user1", "2001:db8:1:2::1").status_code == 403
        assert sign_in("user2", "2001:db8:1:2:ffff::1").status_code == 429
        assert sign_in("user3", "2001:db8:1:3::1").status_code == 403
        # What a server says of IPv4 where it listens to both.
        assert sign_in("user4", "::ffff:10.0.0.1").status_code == 403
        assert sign_in("user5", "10.0.0.1").status_code == 429
        assert sign_in("user6", "::ffff:10.0.0.2").status_code == 403


@pytest.mark.parametrize("address", ["10.0.0.1", "[2001:db8:1:2::1]"])
def test_the_port_that_a_proxy_adds_is_no_part_of_the_address(mongodb: str, address: str) -> None:
    with rates(mongodb, sign_in="1/min"):
        assert sign_in("user1", f"{address}:1024").status_code == 403
        assert sign_in("user2", f"{address}:1025").status_code == 429
        assert sign_in("user3", address.strip("[]")).status_code == 429


@pytest.mark.parametrize(
    "name",
    [
        "ann@example.org",
        " ANN@Example.ORG",
        "ａｎｎ@example.org",
        "a\u00adn\u200bn@example.org",
        "änn@example.org",
    ],
)
def test_one_account_from_many_addresses_is_one_caller(mongodb: str, name: str) -> None:
    with rates(mongodb, sign_in="3/min"):
        tries = [sign_in("ann@example.org", f"10.0.0.{n}").status_code for n in range(3)]
        assert tries == [403, 403, 403]
        assert sign_in(name, "10.0.0.9").status_code == 429
        assert sign_in("bob@example.org", "10.0.0.9").status_code == 403


def refresh(token: object, address: str = "10.0.0.1") -> Any:
    body = {"refreshToken": token}
    return APIClient().post("/api/auth/refresh/", body, format="json", REMOTE_ADDR=address)


def open_session(user: User) -> str:
    _, token = sessions.open_session(user_id=user.id, auth_method="google")
    return token


def test_many_sessions_refresh_from_one_address(mongodb: str, owner: User) -> None:
    tokens = [open_session(owner) for _ in range(50)]
    assert statuses(50, lambda n: refresh(tokens[n])) == [200] * 50


def test_a_session_that_refreshes_too_often_stops_no_other(mongodb: str, owner: User) -> None:
    token, other = open_session(owner), open_session(owner)
    with rates(mongodb, refresh="2/min"):
        for _ in range(2):
            answer = refresh(token)
            assert answer.status_code == 200
            token = answer.json()["refreshToken"]
        answer = refresh(token, "10.0.0.2")
        assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
        assert int(answer.headers["Retry-After"]) > 0
        assert refresh(other).status_code == 200
    # It was not exchanged.
    assert refresh(token).status_code == 200


@pytest.mark.parametrize("kind", ["malformed", "unknown session", "unknown family", "no text"])
def test_who_guesses_refresh_tokens_is_an_address(mongodb: str, owner: User, kind: str) -> None:
    token = open_session(owner)
    session_id, _, secret = token.split(".")

    def guess(number: int) -> Any:
        guesses = {
            "malformed": f"guess{number}",
            "unknown session": f"{ObjectId()}.family.secret",
            "unknown family": f"{session_id}.guess{number}.{secret}",
            "no text": number,
        }
        return refresh(guesses[kind])

    refused = 400 if kind == "no text" else 401
    with rates(mongodb, refresh="2/min"):
        assert statuses(3, guess) == [refused, refused, 429]
        assert refresh("guess", "10.0.0.2").status_code == 401
        # Who is signed in from the same address is not cut off.
        assert refresh(token).status_code == 200


def test_signing_in_and_refreshing_count_apart(mongodb: str) -> None:
    with rates(mongodb, sign_in="1/min", refresh="1/min"):
        assert statuses(2, lambda n: sign_in(f"user{n}")) == [403, 429]
        assert statuses(2, lambda n: refresh("guess")) == [401, 429]


def test_a_refresh_without_a_limit_costs_no_look_at_the_session(commands: CommandCounter) -> None:
    with override_settings(
        CHABAD_AUTH={**settings.CHABAD_AUTH, "THROTTLE_RATES": {"refresh": None}}
    ):
        refresh(f"{ObjectId()}.family.secret")
    assert "find" not in commands.names


@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"username": 5}', '{"username": {"$gt": ""}}'])
def test_a_body_without_a_name_is_no_error_of_ours(mongodb: str, body: str) -> None:
    with rates(mongodb, sign_in="1/min"):
        answer = APIClient().post("/api/auth/login/", body, content_type="application/json")
        assert answer.status_code == 400


def test_behind_a_proxy_nobody_chooses_an_address(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)
    with rates(mongodb, sign_in="1/min"):
        forged = [
            sign_in(f"user{n}", HTTP_X_FORWARDED_FOR=f"1.1.1.{n}, 10.0.0.7") for n in range(2)
        ]
        assert [answer.status_code for answer in forged] == [403, 429]


def test_where_nothing_is_limited_the_cache_is_not_asked(mongodb: str, api: APIClient) -> None:
    broken = {"default": {"BACKEND": "nowhere.Cache"}}
    with rates(mongodb, sign_in=None), override_settings(CACHES=broken):
        assert api.get(ME).status_code == 200
        assert api.patch(PROFILE, {}, format="json").status_code == 200
        assert sign_in("ann").status_code == 403


def test_the_cache_learns_no_name(mongodb: str) -> None:
    with rates(mongodb, sign_in="9/min"):
        sign_in("ann@example.org")
    assert isinstance(cache._connections["default"], LocMemCache)
    assert len(cache._cache) == 2
    assert "ann" not in str(cache._cache.keys())


def test_what_the_throttles_cannot_rely_on_is_warned_of_at_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def warned() -> set[str | None]:
        ids = {message.id for message in check_risks()}
        return ids & {"chabad_auth.W002", "chabad_auth.W004"}

    assert warned() == {"chabad_auth.W002", "chabad_auth.W004"}
    off = dict.fromkeys(("sign_in", "refresh", "read", "write"))
    with override_settings(CHABAD_AUTH={"THROTTLE_RATES": off}):
        assert warned() == set()
    shared = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
    with override_settings(CACHES=shared):
        assert warned() == {"chabad_auth.W004"}
        for number in (0, 1):
            monkeypatch.setattr(api_settings, "NUM_PROXIES", number)
            assert warned() == set()


def test_without_a_proxy_no_header_is_believed(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 0)
    with rates(mongodb, sign_in="1/min"):
        forged = [sign_in(f"user{n}", HTTP_X_FORWARDED_FOR=f"1.1.1.{n}") for n in range(2)]
        assert [answer.status_code for answer in forged] == [403, 429]


def test_a_long_name_is_refused_before_time_is_spent_on_it(mongodb: str) -> None:
    # Sorting the marks, as Unicode's normal form wants, would take about three seconds.
    name = "\u0301" * 20_000 + "\u0316" * 20_000
    started = time.process_time()
    assert sign_in(name).status_code == 400
    assert time.process_time() - started < 1


class AwayCache(LocMemCache):
    """A cache whose server does not answer."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("redis.example.org does not answer about ann@example.org")

    def set(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError


class ForgetfulCache(LocMemCache):
    """A cache that can be read and not written."""

    def set(self, *args: Any, **kwargs: Any) -> Any:
        raise InvalidCacheKey


class CorruptCache(LocMemCache):
    """A cache in which something else is stored."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return {"not": "ours"}


@pytest.fixture(params=["away", "read-only", "corrupt", "no folder", "no backend"])
def broken_cache(request: Any, tmp_path: Path) -> Iterator[None]:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    here = f"{__name__}."
    backends = {
        "away": {"BACKEND": f"{here}AwayCache"},
        "read-only": {"BACKEND": f"{here}ForgetfulCache"},
        "corrupt": {"BACKEND": f"{here}CorruptCache"},
        "no folder": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": no_folder / "cache",
        },
        "no backend": {"BACKEND": "nowhere.Cache"},
    }
    with override_settings(CACHES={"default": backends[request.param]}):
        yield


def answers(owner: User, api: APIClient) -> list[Any]:
    """Return what each scope answers."""
    return [
        sign_in("ann@example.org"),
        refresh(open_session(owner)),
        api.get(ME),
        api.patch(PROFILE, {}, format="json"),
    ]


def test_without_the_cache_what_has_a_limit_is_refused_for_now(
    mongodb: str, owner: User, api: APIClient, broken_cache: None
) -> None:
    with rates(mongodb, read="9/min", write="9/min"):
        found = answers(owner, api)
    for answer in found:
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert set(answer.json()) == {"code", "detail"}
        assert int(answer.headers["Retry-After"]) > 0
    # The defaults limit neither reading nor writing.
    assert [answer.status_code for answer in answers(owner, api)] == [503, 503, 200, 200]


def test_without_the_cache_there_is_no_limit_where_that_is_set(
    mongodb: str, owner: User, api: APIClient, broken_cache: None
) -> None:
    rates = {"sign_in": "1/min", "refresh": "1/min", "read": "1/min", "write": "1/min"}
    chabad = {**settings.CHABAD_AUTH, "THROTTLE_RATES": rates, "THROTTLE_WITHOUT_CACHE": "allow"}
    with override_settings(CHABAD_AUTH=chabad):
        for _ in range(3):
            found = [answer.status_code for answer in answers(owner, api)]
            assert found == [403, 200, 200, 200]


@pytest.mark.parametrize("choice", ["refuse", "allow"])
def test_that_the_cache_is_away_is_logged_once_in_a_while(
    mongodb: str, choice: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "_warned_at", float("-inf"))
    chabad = {**settings.CHABAD_AUTH, "THROTTLE_WITHOUT_CACHE": choice}
    away = {"default": {"BACKEND": f"{__name__}.AwayCache"}}
    with override_settings(CHABAD_AUTH=chabad, CACHES=away):
        for _ in range(5):
            sign_in("ann@example.org")
    [record] = [record for record in caplog.records if "cache" in record.getMessage()]
    assert record.levelname == "WARNING"
    assert "ConnectionError" in record.getMessage()
    assert "ann@example.org" not in caplog.text


def test_an_unknown_choice_is_an_error_of_the_settings(mongodb: str) -> None:
    with override_settings(CHABAD_AUTH={"THROTTLE_WITHOUT_CACHE": "maybe"}):
        assert [message.id for message in checks.check_settings()] == ["chabad_auth.E050"]
