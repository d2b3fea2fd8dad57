"""How often one caller may do what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from chabad_auth_django import checks
from chabad_auth_django.models import User

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


def test_reads_and_writes_count_apart_and_by_user(
    mongodb: str, api: APIClient, admin: User, login: Login
) -> None:
    with rates(mongodb, read="1/min", write="2/min"):
        assert statuses(2, lambda n: api.get(ME)) == [200, 429]
        assert statuses(3, lambda n: api.patch(PROFILE, {}, format="json")) == [200, 200, 429]
        assert login(admin).get(ME).status_code == 200


def test_a_scope_that_is_left_out_has_its_default(mongodb: str) -> None:
    with rates(mongodb, read="1/min"):
        assert statuses(11, lambda n: sign_in(f"user{n}"))[-2:] == [400, 429]


def test_many_accounts_from_one_address_are_one_caller(mongodb: str) -> None:
    with rates(mongodb, sign_in="3/min"):
        assert statuses(4, lambda n: sign_in(f"user{n}")) == [400, 400, 400, 429]
        assert sign_in("other", "10.0.0.2").status_code == 400


@pytest.mark.parametrize("name", ["ann@example.org", " ANN@Example.ORG", "ａｎｎ@example.org"])
def test_one_account_from_many_addresses_is_one_caller(mongodb: str, name: str) -> None:
    with rates(mongodb, sign_in="3/min"):
        tries = [sign_in("ann@example.org", f"10.0.0.{n}").status_code for n in range(3)]
        assert tries == [400, 400, 400]
        assert sign_in(name, "10.0.0.9").status_code == 429
        assert sign_in("bob@example.org", "10.0.0.9").status_code == 400


def test_refreshing_counts_with_signing_in(mongodb: str) -> None:
    def refresh(number: int) -> Any:
        body = {"refreshToken": f"guess{number}"}
        return APIClient().post("/api/auth/refresh/", body, format="json")

    with rates(mongodb, sign_in="2/min"):
        assert statuses(3, refresh) == [401, 401, 429]


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
        assert [answer.status_code for answer in forged] == [400, 429]


def test_where_nothing_is_limited_the_cache_is_not_asked(mongodb: str, api: APIClient) -> None:
    broken = {"default": {"BACKEND": "nowhere.Cache"}}
    with rates(mongodb, sign_in=None), override_settings(CACHES=broken):
        assert api.get(ME).status_code == 200
        assert api.patch(PROFILE, {}, format="json").status_code == 200
        assert sign_in("ann").status_code == 400


def test_the_cache_learns_no_name(mongodb: str) -> None:
    with rates(mongodb, sign_in="9/min"):
        sign_in("ann@example.org")
    assert isinstance(cache._connections["default"], LocMemCache)
    assert len(cache._cache) == 2
    assert "ann" not in str(cache._cache.keys())


def test_a_cache_of_each_process_is_warned_of_at_deployment() -> None:
    assert [message.id for message in checks.check_cache()] == ["chabad_auth.W002"]
    off = dict.fromkeys(("sign_in", "read", "write"))
    with override_settings(CHABAD_AUTH={"THROTTLE_RATES": off}):
        assert checks.check_cache() == []
    shared = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
    with override_settings(CACHES=shared):
        assert checks.check_cache() == []


def test_believing_every_client_its_address_is_warned_of_at_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [message.id for message in checks.check_proxies()] == ["chabad_auth.W004"]
    off = dict.fromkeys(("sign_in", "read", "write"))
    with override_settings(CHABAD_AUTH={"THROTTLE_RATES": off}):
        assert checks.check_proxies() == []
    for number in (0, 1):
        monkeypatch.setattr(api_settings, "NUM_PROXIES", number)
        assert checks.check_proxies() == []


def test_without_a_proxy_no_header_is_believed(
    mongodb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 0)
    with rates(mongodb, sign_in="1/min"):
        forged = [sign_in(f"user{n}", HTTP_X_FORWARDED_FOR=f"1.1.1.{n}") for n in range(2)]
        assert [answer.status_code for answer in forged] == [400, 429]


def test_a_long_name_is_refused_before_time_is_spent_on_it(mongodb: str) -> None:
    # Sorting the marks, as Unicode's normal form wants, would take about three seconds.
    name = "\u0301" * 20_000 + "\u0316" * 20_000
    started = time.process_time()
    assert sign_in(name).status_code == 400
    assert time.process_time() - started < 1
