import json
import timeit
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from django.test import override_settings
from services.signing_in.conftest import assert_refused
from support.cases import each
from support.issuer import AUDIENCE, ISSUER, SECRET, SHARED, JwksServer, Key, by_hand, claims

from chabad_auth_django.services.signing_in.issuers import Identity, verify_issuer_token

HS = "https://hs.example.org"
PEM = "https://pem.example.org"


@pytest.fixture(autouse=True)
def configured(jwks: JwksServer, keys: list[Key]) -> Iterator[None]:
    configuration = [
        {
            "ISSUER": ISSUER,
            "AUDIENCE": AUDIENCE,
            "AUTH_METHOD": "google",
            "ALGORITHMS": ["RS256", "ES256"],
            "JWKS_URL": jwks.url,
            "EXTERNAL_ID_FIELD": "valuUserId",
        },
        {
            **SHARED,
            "ISSUER": HS,
            "AUDIENCE": [AUDIENCE, "second"],
            "AUTH_METHOD": "cdsso",
            "EXTERNAL_ID_FIELD": "merkosUserId",
            "EXTERNAL_ID_CLAIM": "merkos",
            "EMAIL_CLAIM": "mail",
            "EMAIL_VERIFIED_CLAIM": "mail_ok",
            "NAME_CLAIM": "full_name",
        },
        {**SHARED, "ISSUER": PEM, "ALGORITHMS": ["RS256"], "KEY": keys[1].pem.decode()},
    ]
    with override_settings(CHABAD_AUTH={"ISSUERS": configuration}):
        yield


def test_a_token_names_an_identity(keys: list[Key]) -> None:
    payload = claims(iat=1_700_000_000)
    identity = verify_issuer_token(token=keys[0].sign(payload))
    assert identity == Identity(
        auth_method="google",
        issuer=ISSUER,
        subject="person-1",
        email="ann@example.org",
        email_verified=True,
        name="Ann",
        external_id_field="valuUserId",
        external_id="person-1",
        links_to_default_role_only=False,
        issued_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        expires_at=datetime.fromtimestamp(payload["exp"], UTC),
    )
    with pytest.raises(FrozenInstanceError):
        identity.email = "eve@example.org"  # type: ignore[misc]


def test_each_claim_can_have_another_name() -> None:
    payload = claims(iss=HS, merkos="m1", mail="x@example.org", mail_ok=False, full_name="X")
    del payload["iat"]
    identity = verify_issuer_token(token=jwt.encode(payload, SECRET, "HS256"))
    assert identity == Identity(
        auth_method="cdsso",
        issuer=HS,
        subject="person-1",
        email="x@example.org",
        email_verified=False,
        name="X",
        external_id_field="merkosUserId",
        external_id="m1",
        expires_at=datetime.fromtimestamp(payload["exp"], UTC),
    )


def test_a_pem_key_verifies_and_no_external_id_is_made_up(keys: list[Key]) -> None:
    identity = verify_issuer_token(token=keys[1].sign(claims(iss=PEM)))
    assert (identity.external_id_field, identity.external_id) == (None, None)


def test_an_elliptic_curve_key_verifies(jwks: JwksServer, keys: list[Key]) -> None:
    jwks.keys = [keys[0], keys[3]]
    assert verify_issuer_token(token=keys[3].sign(claims())).external_id == "person-1"


def test_one_of_several_audiences_will_do() -> None:
    for audience in (AUDIENCE, "second", ["other", "second"]):
        verify_issuer_token(token=jwt.encode(claims(iss=HS, aud=audience), SECRET, "HS256"))
    assert_refused(jwt.encode(claims(iss=HS, aud="third"), SECRET, "HS256"))


@each(
    "changes",
    [
        *({"iss": None}, {"aud": None}, {"sub": None}, {"exp": None}),
        *({"exp": 1}, {"exp": "soon"}, {"iat": "x"}),
        *({"iat": 4_000_000_000}, {"nbf": 4_000_000_000}),
        *({"aud": "another-app"}, {"aud": ["another-app"]}, {"aud": {"our-app": 1}}, {"aud": []}),
        *({"iss": "https://evil.example.org"}, {"iss": ISSUER + "/"}, {"iss": PEM}),
        *({"sub": ""}, {"sub": "x" * 300}, {"sub": "a\0b"}, {"sub": True}, {"sub": 4.2}),
        *({"sub": ["person-1"]}, {"sub": {"id": "person-1"}}, {"sub": 10**255}),
    ],
    ids=str,
)
def test_a_bad_claim_is_refused(changes: dict[str, Any], keys: list[Key]) -> None:
    assert_refused(keys[0].sign(claims(**changes)))


@pytest.mark.parametrize("issuer", [5, [ISSUER], {"$gt": ""}, True], ids=str)
def test_an_issuer_that_is_no_text_is_refused(issuer: Any) -> None:
    assert_refused(by_hand({"alg": "RS256", "kid": "one"}, claims(iss=issuer)))


def test_nothing_unsigned_is_accepted() -> None:
    for algorithm in ("none", "None", "nOnE", "", None):
        for issuer in (ISSUER, PEM, HS):
            assert_refused(by_hand({"alg": algorithm, "kid": "one"}, claims(iss=issuer)))
    assert_refused(by_hand({"kid": "one"}, claims()))


def test_a_public_key_is_no_secret(keys: list[Key]) -> None:
    modulus = keys[0].jwk["n"].encode()
    for secret in (keys[0].pem, keys[0].pem.strip(), modulus, json.dumps(keys[0].jwk).encode()):
        assert_refused(by_hand({"alg": "HS256", "kid": "one"}, claims(), secret))
    assert_refused(by_hand({"alg": "HS256"}, claims(iss=PEM), keys[1].pem))


def test_an_asymmetric_signature_does_not_pass_for_a_shared_secret(keys: list[Key]) -> None:
    assert_refused(keys[0].sign(claims(iss=HS)))


def test_the_algorithm_comes_from_the_settings(keys: list[Key]) -> None:
    for algorithm in ("RS384", "PS256"):
        token = jwt.encode(claims(), keys[0].private, algorithm, headers={"kid": "one"})
        assert_refused(token)
    assert_refused(jwt.encode(claims(iss=HS), SECRET * 2, "HS512"))


def test_the_key_comes_from_the_settings(jwks: JwksServer, keys: list[Key]) -> None:
    for headers in (
        {"jwk": keys[1].jwk, "kid": "one"},
        {"jku": jwks.url, "kid": "one"},
        {"x5u": jwks.url, "kid": "one"},
    ):
        assert_refused(keys[1].sign(claims(), **headers))


@pytest.mark.parametrize("kid", ["two", "", "../one", {"$gt": ""}, 5, ["one"], True, "x" * 4000])
def test_an_unknown_key_id_is_refused(kid: Any, keys: list[Key]) -> None:
    assert_refused(by_hand({"alg": "RS256", "kid": kid}, claims(), b"x"))
    assert_refused(by_hand({"alg": "RS256"}, claims(), b"x"))


def test_a_known_key_id_with_another_signature_is_refused(keys: list[Key]) -> None:
    assert_refused(keys[1].sign(claims(), kid="one"))


@pytest.mark.parametrize("token", [None, 5, b"x", {}, "", "a.b.c", "..", "\ud800.é.x", "." * 999])
def test_what_is_no_token_is_refused(token: Any) -> None:
    assert_refused(token)


def test_a_huge_token_is_refused_unread(jwks: JwksServer, keys: list[Key]) -> None:
    huge = keys[0].sign(claims(padding="x" * 1_000_000))
    assert min(timeit.repeat(lambda: assert_refused(huge), number=1)) < 0.01
    assert jwks.requests == 0


def test_a_payload_that_is_not_what_it_should_be_is_refused() -> None:
    payloads: list[Any] = [None, [], 5, "x", {"iss": ISSUER, "exp": float("inf")}]
    for payload in payloads:
        assert_refused(by_hand({"alg": "RS256", "kid": "one"}, payload))
    payload = claims(iss=HS, exp=float("inf"))
    assert_refused(by_hand({"alg": "HS256"}, payload, SECRET.encode()))


def test_only_a_clear_yes_verifies_an_email(keys: list[Key]) -> None:
    for value, verified in (
        (True, True),
        ("true", True),
        (False, False),
        ("false", False),
        ("yes", False),
        (1, False),
        ([True], False),
        ({"a": 1}, False),
        (None, False),
    ):
        token = keys[0].sign(claims(email_verified=value))
        assert verify_issuer_token(token=token).email_verified is verified, value


def test_odd_claims_about_the_person_are_dropped_or_cut(keys: list[Key]) -> None:
    identity = verify_issuer_token(token=keys[0].sign(claims(email=5, name={"a": 1})))
    assert (identity.email, identity.name) == (None, None)
    identity = verify_issuer_token(token=keys[0].sign(claims(name="x" * 300)))
    assert identity.name == "x" * 200
    token = jwt.encode(claims(iss=HS), SECRET, "HS256")
    assert verify_issuer_token(token=token).external_id is None
    assert_refused(jwt.encode(claims(iss=HS, merkos=["m1"]), SECRET, "HS256"))


def test_an_issuer_that_is_not_configured_is_never_asked(jwks: JwksServer, keys: list[Key]) -> None:
    assert_refused(keys[0].sign(claims(iss="https://evil.example.org"), jku=jwks.url))
    with override_settings(CHABAD_AUTH={}):
        assert_refused(keys[0].sign(claims()))
    assert jwks.requests == 0
