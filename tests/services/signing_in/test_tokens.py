import hmac
import time
import timeit
from typing import Any

import jwt
import pytest
from bson import ObjectId
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from support.cases import each
from support.issuer import by_hand

from chabad_auth_django.exceptions import InvalidToken
from chabad_auth_django.services.signing_in import tokens

USER, SESSION = ObjectId(), ObjectId()
KEY = "a signing key of our own, longer than 32 bytes"

REFUSED: list[Any] = [None, 5, b"bytes", ["x"], {"$gt": ""}, "\ud800", "é.é.é", "a" * 100]
REFUSED += ["", ".", "..", "...", "a.b.c"]


@pytest.fixture(autouse=True)
def signing_key() -> Any:
    with override_settings(CHABAD_AUTH={"SIGNING_KEY": KEY}):
        yield


def issue() -> str:
    return tokens.issue_access_token(user_id=USER, session_id=SESSION)


def signed(key: Any = KEY, algorithm: str = "HS256", typ: str = "at+jwt", **changes: Any) -> str:
    now = int(time.time())
    good = {
        "iss": "chabad-auth",
        "aud": "chabad-auth",
        "sub": str(USER),
        "sid": str(SESSION),
        "iat": now,
        "exp": now + 60,
        "jti": "x",
    }
    claims = {name: value for name, value in {**good, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm, headers={"typ": typ})


def assert_refused(token: Any) -> None:
    with pytest.raises(InvalidToken) as caught:
        tokens.verify_access_token(token=token)
    assert caught.value.code == "invalid_token"
    assert str(caught.value) == InvalidToken.default_detail
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_issued_token_is_verified() -> None:
    before = int(time.time())
    claims = tokens.verify_access_token(token=issue())
    assert (claims.user_id, claims.session_id) == (USER, SESSION)
    assert before <= claims.issued_at <= time.time()
    assert claims.expires_at - claims.issued_at == 900


def test_it_has_the_claims_and_the_type_of_an_access_token() -> None:
    token = issue()
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "at+jwt"}
    claims = jwt.decode(token, KEY, ["HS256"], audience="chabad-auth")
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}
    assert claims["jti"] != jwt.decode(issue(), KEY, ["HS256"], audience="chabad-auth")["jti"]


def test_issuer_audience_and_lifetime_are_settings() -> None:
    changes = {"TOKEN_ISSUER": "me", "TOKEN_AUDIENCE": "you", "ACCESS_TOKEN_SECONDS": 5}
    old = issue()
    with override_settings(CHABAD_AUTH={"SIGNING_KEY": KEY, **changes}):
        claims = jwt.decode(issue(), KEY, ["HS256"], audience="you", issuer="me")
        assert claims["exp"] - claims["iat"] == 5
        tokens.verify_access_token(token=issue())
        assert_refused(old)


@pytest.mark.parametrize("token", REFUSED, ids=lambda token: repr(token)[:20])
def test_what_is_no_token_is_refused(token: Any) -> None:
    assert_refused(token)


@each(
    "changes",
    [
        *({name: None} for name in ("iss", "aud", "sub", "sid", "iat", "exp", "jti")),
        *({"iss": "chabad-auth2"}, {"iss": "chabad"}, {"aud": "somebody"}),
        *({"exp": 1}, {"exp": "soon"}, {"exp": [1]}),
        *({"iat": 4_000_000_000}, {"nbf": 4_000_000_000}),
        *({"sub": "not an id"}, {"sid": "not an id"}, {"sid": {"$gt": ""}}),
        *({"typ": "JWT"}, {"typ": "refresh+jwt"}, {"key": "another key that has thirty-two bytes"}),
    ],
    ids=str,
)
def test_a_token_that_is_not_ours_to_accept_is_refused(changes: dict[str, Any]) -> None:
    tokens.verify_access_token(token=signed())
    assert_refused(signed(**changes))


def test_only_our_algorithm_is_accepted() -> None:
    payload = jwt.decode(issue(), options={"verify_signature": False})
    for algorithm in ("none", "None", "NONE", "", None, 5, ["HS256"]):
        assert_refused(by_hand({"alg": algorithm, "typ": "at+jwt"}, payload))
    assert_refused(by_hand({"typ": "at+jwt"}, payload, KEY.encode()))
    assert_refused(signed(KEY * 2, "HS512"))


def test_a_changed_payload_is_refused() -> None:
    header, _, signature = issue().split(".")
    _, payload, _ = signed(sub=str(ObjectId())).split(".")
    assert_refused(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("payload", [None, [], 5, "x", float("inf"), {"exp": float("inf")}])
def test_a_payload_that_is_not_what_it_should_be_is_refused(payload: Any) -> None:
    assert_refused(by_hand({"alg": "HS256", "typ": "at+jwt"}, payload, KEY.encode()))


def test_nesting_is_refused_however_deep() -> None:
    payload: Any = []
    for _ in range(500):
        payload = [payload]
    assert_refused(by_hand({"alg": "HS256", "typ": "at+jwt"}, payload, KEY.encode()))
    assert_refused("." + "W1" * 3000 + ".")


def test_a_huge_token_is_refused_unread() -> None:
    huge = signed(padding="x" * 1_000_000)
    assert min(timeit.repeat(lambda: assert_refused(huge), number=1)) < 0.001
    assert_refused(signed(padding="x" * 8192))
    tokens.verify_access_token(token=signed(padding="x" * 4096))


def test_clocks_may_differ_a_little() -> None:
    now = int(time.time())
    tokens.verify_access_token(token=signed(exp=now - 2, iat=now + 2))
    with override_settings(CHABAD_AUTH={"SIGNING_KEY": KEY, "TOKEN_LEEWAY_SECONDS": 0}):
        assert_refused(signed(exp=now - 2))


def test_without_a_signing_key_one_is_derived_from_the_secret_key() -> None:
    with override_settings(CHABAD_AUTH={}, SECRET_KEY="s" * 40):
        token = issue()
        assert tokens.verify_access_token(token=token).user_id == USER
        header, payload, signature = token.split(".")
        plain = hmac.digest(b"s" * 40, f"{header}.{payload}".encode(), "sha256")
        assert jwt.utils.base64url_encode(plain).decode() != signature
        with override_settings(SECRET_KEY="t" * 40):
            assert_refused(token)
        with override_settings(CHABAD_AUTH={"SIGNING_KEY": KEY}):
            assert_refused(token)


def test_a_short_signing_key_signs_nothing() -> None:
    for key in ("short", b"x" * 31, ""):
        with override_settings(CHABAD_AUTH={"SIGNING_KEY": key}):
            with pytest.raises(ImproperlyConfigured) as caught:
                issue()
            assert "32 bytes" in str(caught.value)


def test_a_signing_key_of_bytes_is_the_same_as_its_text() -> None:
    token = issue()
    with override_settings(CHABAD_AUTH={"SIGNING_KEY": KEY.encode()}):
        assert tokens.verify_access_token(token=token).user_id == USER


def test_a_verified_token_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expires_at = int(time.time()) + 60
    token = signed(exp=expires_at)
    tokens.verify_access_token(token=token)
    monkeypatch.setattr(time, "time", lambda: expires_at + 9)
    tokens.verify_access_token(token=token)
    monkeypatch.setattr(time, "time", lambda: expires_at + 11)
    assert_refused(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"SIGNING_KEY": "another key that has thirty-two bytes"},
        {"SIGNING_KEY": None},
        {"TOKEN_ISSUER": "somebody"},
        {"TOKEN_AUDIENCE": "somebody"},
        {"TOKEN_LEEWAY_SECONDS": 0},
        {"TOKEN_MAX_BYTES": 100},
    ],
    ids=str,
)
def test_a_verified_token_is_refused_under_other_settings(changes: dict[str, Any]) -> None:
    token = signed(iat=int(time.time()) + 9, exp=int(time.time()) + 60)
    tokens.verify_access_token(token=token)
    with override_settings(CHABAD_AUTH={"SIGNING_KEY": KEY, **changes}):
        assert_refused(token)
    tokens.verify_access_token(token=token)


def test_a_verified_token_with_any_part_changed_is_refused() -> None:
    token = issue()
    tokens.verify_access_token(token=token)
    for index in range(0, len(token), 7):
        other = "A" if token[index] != "A" else "B"
        assert_refused(token[:index] + other + token[index + 1 :])


def test_only_so_many_verified_tokens_are_remembered() -> None:
    cache = tokens._verify
    cache.cache_clear()
    first = issue()
    for token in (first, first, *(issue() for _ in range(tokens.CACHE_SIZE))):
        tokens.verify_access_token(token=token)
    assert cache.cache_info().hits == 1
    assert cache.cache_info().currsize == tokens.CACHE_SIZE
    tokens.verify_access_token(token=first)
    assert cache.cache_info().hits == 1


def test_a_refused_token_is_not_remembered() -> None:
    tokens._verify.cache_clear()
    assert_refused(signed(key="another key that has thirty-two bytes"))
    assert tokens._verify.cache_info().currsize == 0


def test_verification_is_fast() -> None:
    issued = [issue() for _ in range(1000)]
    # Each for the first time.
    took = timeit.timeit(
        lambda: tokens.verify_access_token(token=issued.pop()), timer=time.thread_time, number=1000
    )
    microseconds = took / 1000 * 1e6
    print(f"{microseconds:.0f} µs for each verification")
    assert microseconds < 1000
