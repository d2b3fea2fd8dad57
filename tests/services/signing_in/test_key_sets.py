"""The keys of issuers: RFC 7517, and issuers that are slow, away or odd."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import override_settings
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, RSAAlgorithm
from services.signing_in.conftest import assert_refused
from support.issuer import AUDIENCE, ISSUER, JwksServer, Key, claims
from support.threads import errors, together

from chabad_auth_django import __version__
from chabad_auth_django.exceptions import InvalidToken, IssuerUnavailable
from chabad_auth_django.services.signing_in import key_sets
from chabad_auth_django.services.signing_in.issuers import verify_issuer_token
from chabad_auth_django.test import empty_database

ALGORITHMS = ["RS256", "RS384", "PS256", "ES256", "ES384"]


class Clock:
    """The real time, and as much more as a test lets pass."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(key_sets, "time", clock)
    return clock


def issuer(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "ALGORITHMS": ALGORITHMS,
        "JWKS_URL": url,
        "AUTH_METHOD": "google",
        **changes,
    }


@pytest.fixture(autouse=True)
def configured(jwks: JwksServer) -> Iterator[None]:
    with override_settings(CHABAD_AUTH={"ISSUERS": [issuer(jwks.url)]}):
        yield


def assert_accepted(token: str) -> None:
    assert verify_issuer_token(token=token).subject == "person-1"


def is_refused(token: str) -> bool:
    try:
        verify_issuer_token(token=token)
    except InvalidToken:
        return True
    return False


def signed(key: Key, algorithm: str, **headers: Any) -> str:
    return jwt.encode(claims(), key.private, algorithm, headers=headers)


def published(key: Key, **changes: Any) -> dict[str, Any]:
    """Return the public key as a JWK; a change to ``None`` leaves the member out."""
    return {name: value for name, value in {**key.jwk, **changes}.items() if value is not None}


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def nobody_fetches() -> bool:
    fetching = [key_set._fetching for key_set in key_sets._key_sets.values()]
    return not any(thread and thread.is_alive() for thread in fetching)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "PS256"])
def test_a_key_without_an_algorithm_is_for_each_that_fits(
    algorithm: str, jwks: JwksServer, keys: list[Key]
) -> None:
    assert "alg" not in keys[0].jwk
    assert_accepted(signed(keys[0], algorithm, kid="one"))
    jwks.keys = [published(keys[0], alg=algorithm)]
    assert_accepted(signed(keys[0], algorithm, kid="one"))


def test_a_key_is_only_for_the_algorithm_that_it_names(jwks: JwksServer, keys: list[Key]) -> None:
    jwks.keys = [published(keys[0], alg="RS256")]
    assert_refused(signed(keys[0], "RS384", kid="one"))
    assert_accepted(signed(keys[0], "RS256", kid="one"))


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"use": None}, True),
        ({"use": "sig"}, True),
        ({"use": "enc"}, False),
        ({"use": None, "key_ops": ["verify"]}, True),
        ({"use": None, "key_ops": ["encrypt", "wrapKey"]}, False),
        ({"alg": "RSA-OAEP"}, False),
        ({"x5c": ["AAAA"], "x5t": "AAAA", "unknown": {"a": 1}}, True),
        ({"kid": None}, True),
        ({"kid": None, "use": None}, True),
    ],
    ids=str,
)
def test_a_key_says_what_it_is_for(
    changes: dict[str, Any], counts: bool, jwks: JwksServer, keys: list[Key]
) -> None:
    jwks.keys = [published(keys[0], **changes), keys[1]]
    for headers in ({"kid": "one"}, {}):
        token = signed(keys[0], "RS256", **headers)
        if counts:
            assert_accepted(token)
        else:
            assert_refused(token)


def test_an_issuer_whose_only_key_encrypts_has_none(jwks: JwksServer, keys: list[Key]) -> None:
    jwks.keys = [published(keys[0], use="enc")]
    with pytest.raises(IssuerUnavailable):
        verify_issuer_token(token=keys[0].sign(claims()))


def test_a_token_without_a_key_id_tries_each_key_that_fits(
    jwks: JwksServer, keys: list[Key]
) -> None:
    jwks.keys = [keys[1], keys[3], keys[2], keys[0]]
    assert_accepted(signed(keys[0], "RS256"))
    assert_accepted(signed(keys[2], "RS384"))
    assert_accepted(signed(keys[3], "ES256"))
    assert jwks.requests == 1
    assert_refused(signed(Key("stranger", "ES256"), "ES256"))


def test_a_token_tries_a_bounded_number_of_keys(jwks: JwksServer, keys: list[Key]) -> None:
    curves = [Key(str(number), "ES256") for number in range(40)]
    jwks.keys = [*curves, keys[3]]
    assert_refused(signed(keys[3], "ES256"))
    assert_accepted(signed(curves[0], "ES256"))
    assert_accepted(signed(keys[3], "ES256", kid="ec"))


def test_keys_with_one_id_are_all_tried(jwks: JwksServer, keys: list[Key]) -> None:
    jwks.keys = [published(key, kid="same") for key in keys]
    for key in keys:
        assert_accepted(key.sign(claims(), kid="same"))
    assert jwks.requests == 1


def test_a_key_changed_under_its_id_is_found_at_once(jwks: JwksServer, keys: list[Key]) -> None:
    assert_accepted(keys[0].sign(claims()))
    jwks.keys = [published(keys[1], kid="one")]
    assert_accepted(keys[1].sign(claims(), kid="one"))
    assert_refused(keys[0].sign(claims()))
    assert jwks.requests == 2


def test_forged_signatures_have_keys_fetched_once_a_minute(
    jwks: JwksServer, keys: list[Key]
) -> None:
    assert_accepted(keys[0].sign(claims()))
    forged = keys[1].sign(claims(), kid="one")
    for result in together([lambda: assert_refused(forged)] * 8):
        assert result is None
    assert_refused(forged)
    assert_accepted(keys[0].sign(claims()))
    assert jwks.requests == 2


def test_an_expired_token_has_no_keys_fetched(jwks: JwksServer, keys: list[Key]) -> None:
    assert_accepted(keys[0].sign(claims()))
    for changes in ({"exp": 1}, {"aud": "another"}, {"sub": ""}):
        assert_refused(keys[0].sign(claims(**changes)))
    assert_refused(signed(keys[0], "RS512", kid="new"))
    assert jwks.requests == 1


def test_a_damaged_key_does_not_cost_the_others(jwks: JwksServer, keys: list[Key]) -> None:
    jwks.keys = [
        *([], 5, None, {}, {"kty": "RSA"}, {"kty": "oct", "k": "AAAA", "kid": "one"}),
        *(published(keys[0], n=value) for value in (5, "", "é", [], "AQAB")),
        *(published(keys[3], crv=value) for value in ("P-999", 5, [])),
        {"kty": "OKP", "crv": "Ed448", "x": "AAAA"},
        published(keys[0], kty=["RSA"]),
        keys[0],
    ]
    assert_accepted(keys[0].sign(claims()))
    assert_refused(signed(keys[3], "ES256", kid="ec"))


def test_a_key_that_is_not_public_verifies_nothing(jwks: JwksServer, keys: list[Key]) -> None:
    secret = "a published secret that has more than 32 bytes"
    jwks.keys = [
        {**RSAAlgorithm.to_jwk(keys[1].private, as_dict=True), "kid": "two", "key_ops": None},
        {**ECAlgorithm.to_jwk(keys[3].private, as_dict=True), "kid": "ec"},
        {**HMACAlgorithm.to_jwk(secret, as_dict=True), "kid": "secret"},
        keys[0],
    ]
    hmac = jwt.encode(claims(), secret, "HS256", headers={"kid": "secret"})
    careless = issuer(jwks.url, ALGORITHMS=[*ALGORITHMS, "HS256"])
    with override_settings(CHABAD_AUTH={"ISSUERS": [careless]}):
        for token in (keys[1].sign(claims()), keys[3].sign(claims()), hmac):
            assert_refused(token)
        assert_accepted(keys[0].sign(claims()))


def test_a_curve_of_another_algorithm_does_not_fit(jwks: JwksServer, keys: list[Key]) -> None:
    jwks.keys = [keys[3], Key("p384", "ES384")]
    for key in jwks.keys:
        assert_accepted(signed(key, key.algorithm))
    assert_refused(signed(Key("other", "ES384"), "ES384", kid="ec"))


@pytest.mark.parametrize("delay", [0.1, 0.0])
def test_keys_are_fetched_once(delay: float, jwks: JwksServer, keys: list[Key]) -> None:
    jwks.delay = delay
    token = keys[0].sign(claims())
    results = together([lambda: verify_issuer_token(token=token)] * 20)
    assert not errors(results)
    verify_issuer_token(token=token)
    assert jwks.requests == 1


def test_a_new_key_is_found_and_unknown_ones_are_looked_for_once_a_minute(
    jwks: JwksServer, keys: list[Key]
) -> None:
    verify_issuer_token(token=keys[0].sign(claims()))
    jwks.keys = [keys[0], keys[1]]
    verify_issuer_token(token=keys[1].sign(claims()))
    assert jwks.requests == 2
    together([lambda: assert_refused(keys[2].sign(claims()))] * 20)
    for number in range(20):
        assert_refused(keys[2].sign(claims(), kid=f"unknown {number}"))
    verify_issuer_token(token=keys[0].sign(claims()))
    assert jwks.requests == 2


def test_unknown_keys_are_looked_for_again_later(
    jwks: JwksServer, keys: list[Key], clock: Clock
) -> None:
    verify_issuer_token(token=keys[0].sign(claims()))
    assert_refused(keys[2].sign(claims()))
    jwks.keys = [keys[2]]
    assert_refused(keys[2].sign(claims()))
    clock.passed += key_sets.REFETCH_SECONDS
    verify_issuer_token(token=keys[2].sign(claims()))
    assert_refused(keys[0].sign(claims()))


def test_an_unreachable_issuer_is_told_from_a_bad_token(
    jwks: JwksServer, keys: list[Key], caplog: pytest.LogCaptureFixture
) -> None:
    jwks.close()
    token = keys[0].sign(claims())
    with caplog.at_level(logging.DEBUG), pytest.raises(IssuerUnavailable) as caught:
        verify_issuer_token(token=token)
    assert caught.value.code == "issuer_unavailable"
    assert str(caught.value) == IssuerUnavailable.default_detail
    assert caught.value.__context__ is None
    assert "ann@example.org" not in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, None) for status in (404, 500)),
        *((200, body) for body in (b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": [5]}')),
        (200, b"\xff"),
    ],
)
def test_an_answer_without_keys_is_no_key_set(
    status: int, body: bytes | None, jwks: JwksServer, keys: list[Key]
) -> None:
    jwks.status, jwks.body = status, body
    with pytest.raises(IssuerUnavailable):
        verify_issuer_token(token=keys[0].sign(claims()))


def test_a_silent_issuer_costs_one_timeout_not_one_for_each_caller(
    jwks: JwksServer, keys: list[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "TIMEOUT", 1)
    jwks.delay = 2.0
    token = keys[0].sign(claims())
    started = time.monotonic()
    results = together([lambda: verify_issuer_token(token=token)] * 20)
    assert {type(result) for result in results} == {IssuerUnavailable}
    assert time.monotonic() - started < 20
    assert jwks.requests == 1
    jwks.delay = 0


def test_an_issuer_that_was_silent_is_asked_again(
    jwks: JwksServer, keys: list[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "TIMEOUT", 0.3)
    monkeypatch.setattr(key_sets, "RETRY_SECONDS", 0)
    jwks.delay = 1.0
    token = keys[0].sign(claims())
    with pytest.raises(IssuerUnavailable):
        verify_issuer_token(token=token)
    jwks.delay = 0
    monkeypatch.setattr(key_sets, "TIMEOUT", 10)
    # The silent answer may still be waited for.
    with suppress(IssuerUnavailable):
        verify_issuer_token(token=token)
    verify_issuer_token(token=token)


def test_an_outage_does_not_take_the_known_keys(jwks: JwksServer, keys: list[Key]) -> None:
    verify_issuer_token(token=keys[0].sign(claims()))
    jwks.status = 500
    # It may be a new key: that cannot be known now.
    with pytest.raises(IssuerUnavailable):
        verify_issuer_token(token=keys[1].sign(claims()))
    with pytest.raises(IssuerUnavailable):
        verify_issuer_token(token=keys[1].sign(claims()))
    assert jwks.requests == 2
    verify_issuer_token(token=keys[0].sign(claims()))


def test_while_a_new_key_is_looked_for_known_ones_go_on_counting(
    jwks: JwksServer, keys: list[Key]
) -> None:
    verify_issuer_token(token=keys[0].sign(claims()))
    jwks.answering.clear()
    with ThreadPoolExecutor() as pool:
        looking = pool.submit(is_refused, keys[1].sign(claims()))
        wait_until(lambda: jwks.requests == 2)
        verify_issuer_token(token=keys[0].sign(claims()))
        assert not looking.done()
        jwks.answering.set()
        assert looking.result()


def test_old_keys_count_while_one_thread_fetches_slowly(
    jwks: JwksServer, keys: list[Key], clock: Clock
) -> None:
    token = keys[0].sign(claims())
    assert_accepted(token)
    clock.passed += key_sets.LIFESPAN
    jwks.answering.clear()
    # None of them waits: the issuer does not answer before they have all ended.
    assert not errors(together([lambda: [assert_accepted(token) for _ in range(5)]] * 8))
    wait_until(lambda: jwks.requests == 2)


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (404, b"{}"), (200, b"<html>"), (200, b'{"keys": []}')]
)
def test_a_bad_answer_never_takes_the_known_keys(
    status: int,
    body: bytes,
    jwks: JwksServer,
    keys: list[Key],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = keys[0].sign(claims())
    assert_accepted(token)
    jwks.status, jwks.body = status, body
    clock.passed += key_sets.LIFESPAN
    # The first try, and one after the time to wait.
    for requests in (2, 3):
        assert_accepted(token)
        wait_until(nobody_fetches)
        for _ in range(10):
            assert_accepted(token)
        assert jwks.requests == requests
        clock.passed += key_sets.RETRY_SECONDS
    assert "No keys could be fetched from 127.0.0.1" in caplog.text
    jwks.status, jwks.body, jwks.keys = 200, None, [keys[1]]
    wait_until(lambda: is_refused(token))
    assert_accepted(keys[1].sign(claims()))


def test_keys_of_yesterday_do_not_count_while_the_issuer_is_away(
    jwks: JwksServer, keys: list[Key], clock: Clock
) -> None:
    assert_accepted(keys[0].sign(claims()))
    jwks.status = 500
    clock.passed += key_sets.MAX_AGE
    with pytest.raises(IssuerUnavailable):
        verify_issuer_token(token=keys[0].sign(claims()))
    jwks.status = 200
    clock.passed += key_sets.RETRY_SECONDS
    assert_accepted(keys[0].sign(claims()))


def test_tokens_with_a_new_key_wait_for_one_fetch(jwks: JwksServer, keys: list[Key]) -> None:
    assert_accepted(keys[0].sign(claims()))
    jwks.keys, jwks.delay = [keys[0], keys[1]], 0.3
    token = keys[1].sign(claims())
    assert together([lambda: assert_accepted(token)] * 8) == [None] * 8
    assert jwks.requests == 2


def test_an_answer_that_drips_ends(
    jwks: JwksServer, keys: list[Key], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "TIMEOUT", 0.3)
    # Its end would come after a minute.
    jwks.body, jwks.pause = b" " * 600, 0.1
    started = time.monotonic()
    for requests in (1, 2):
        with pytest.raises(IssuerUnavailable):
            verify_issuer_token(token=keys[0].sign(claims()))
        wait_until(nobody_fetches)
        wait_until(lambda: jwks.requests == requests)  # noqa: B023
        clock.passed += key_sets.RETRY_SECONDS
    assert time.monotonic() - started < 30
    jwks.body, jwks.pause = None, 0.0
    monkeypatch.setattr(key_sets, "TIMEOUT", 60)
    assert_accepted(keys[0].sign(claims()))


def test_an_endless_answer_is_not_read(jwks: JwksServer, keys: list[Key]) -> None:
    key_set = {"keys": [keys[0].jwk], "padding": "x" * key_sets.MAX_BYTES}
    jwks.body = json.dumps(key_set).encode()
    with pytest.raises(IssuerUnavailable):
        verify_issuer_token(token=keys[0].sign(claims()))


def test_an_answer_of_many_keys_is_read(jwks: JwksServer, keys: list[Key]) -> None:
    jwks.keys = [published(keys[1], x5c=["A" * 1500]) for _ in range(50)] + [keys[0]]
    assert_accepted(keys[0].sign(claims()))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, jwks: JwksServer, keys: list[Key]) -> None:
    other = JwksServer()
    other.keys = [keys[0]]
    jwks.status, jwks.location = status, other.url
    try:
        with pytest.raises(IssuerUnavailable):
            verify_issuer_token(token=keys[0].sign(claims()))
        assert other.requests == 0
    finally:
        other.close()


def test_only_the_web_is_asked(keys: list[Key], tmp_path: Any) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [keys[0].jwk]}))
    with (
        override_settings(CHABAD_AUTH={"ISSUERS": [issuer(path.as_uri())]}),
        pytest.raises(IssuerUnavailable),
    ):
        verify_issuer_token(token=keys[0].sign(claims()))


def test_the_issuer_is_told_who_asks(jwks: JwksServer, keys: list[Key]) -> None:
    assert_accepted(keys[0].sign(claims()))
    assert jwks.user_agents == [f"chabad-auth-django/{__version__}"]


def test_keys_are_forgotten_with_the_setting(jwks: JwksServer, keys: list[Key]) -> None:
    assert_accepted(keys[0].sign(claims()))
    assert [name[0] for name in key_sets._key_sets] == [jwks.url]
    for number in range(5):
        other = issuer(f"{jwks.url}?{number}")
        with override_settings(CHABAD_AUTH={"ISSUERS": [other]}):
            assert_accepted(keys[0].sign(claims()))
            assert [name[0] for name in key_sets._key_sets] == [other["JWKS_URL"]]
    with override_settings(CHABAD_AUTH={}):
        assert_refused(keys[0].sign(claims()))
        assert not key_sets._key_sets


def test_issuers_with_one_address_have_their_own_algorithms(
    jwks: JwksServer, keys: list[Key]
) -> None:
    other = issuer(jwks.url, ISSUER="https://other.example.org", ALGORITHMS=["RS384"])
    token = jwt.encode(claims(iss=other["ISSUER"]), keys[0].private, "RS384")
    with override_settings(CHABAD_AUTH={"ISSUERS": [issuer(jwks.url), other]}):
        assert_accepted(token)
        assert_refused(keys[0].sign(claims(iss=other["ISSUER"])))


def test_who_looked_before_another_ones_fetch_gets_its_keys(
    jwks: JwksServer, keys: list[Key]
) -> None:
    assert_accepted(keys[0].sign(claims()))
    versions = key_sets.get_key_set(url=jwks.url, algorithms=ALGORITHMS).versions()
    assert {key.key_id for key in next(versions)} == {"one"}
    jwks.keys = [keys[1]]
    assert_accepted(keys[1].sign(claims()))
    assert {key.key_id for key in next(versions)} == {"two"}
    assert jwks.requests == 2


def test_a_host_project_publishes_other_keys_in_each_of_its_tests(
    mongodb: str, jwks: JwksServer, keys: list[Key]
) -> None:
    with override_settings(CHABAD_AUTH={**settings.CHABAD_AUTH, "ISSUERS": [issuer(jwks.url)]}):
        for key in (*keys[:2], *keys[:2]):
            jwks.keys = [key]
            assert_accepted(signed(key, "RS256"))
            empty_database()
