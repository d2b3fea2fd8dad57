"""What a verified token says, and tokens that do not name their issuer."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from django.test import override_settings
from services.signing_in.conftest import assert_refused
from support.cases import each
from support.issuer import AUDIENCE, ISSUER, SECRET, SHARED, Key, by_hand, claims

from chabad_auth_django.services.signing_in.issuers import Identity, verify_issuer_token

NAMED = {
    **SHARED,
    "KEY": "another secret that has more than 32 bytes",
    "EXTERNAL_ID_FIELD": "valuUserId",
}
PORTAL = {
    "ISSUER": "merkos-portal",
    "TOKENS_HAVE_ISSUER": False,
    "AUDIENCE": None,
    "ALGORITHMS": ["HS256"],
    "KEY": SECRET,
    "MAX_LIFETIME_SECONDS": 3600,
    "AUTH_METHOD": "cdsso",
    "SUBJECT_CLAIM": ["user.id", "user._id", "sub"],
    "EMAIL_CLAIM": ["user.email", "email"],
    "NAME_CLAIM": ["user.name", "name"],
    "EMAILS_ARE_VERIFIED": True,
    "EXTERNAL_ID_FIELD": "merkosUserId",
}


@pytest.fixture(scope="session")
def rsa() -> Key:
    return Key("rsa")


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    with issuers(NAMED, PORTAL):
        yield


def issuers(*configuration: dict[str, Any]) -> Any:
    return override_settings(CHABAD_AUTH={"ISSUERS": configuration})


def token(**changes: Any) -> str:
    return jwt.encode(claims(**changes), str(NAMED["KEY"]), "HS256")


def nameless(**changes: Any) -> dict[str, Any]:
    """Return the claims of a token that does not name its issuer."""
    defaults = {"iss": None, "aud": None, "email_verified": None}
    return claims(**{**defaults, **changes})


def portal_token(**changes: Any) -> str:
    return jwt.encode(nameless(**changes), SECRET, "HS256")


def test_a_number_and_its_text_are_one_subject() -> None:
    for subject, text in ((42, "42"), ("42", "42"), (0, "0"), (10**254, str(10**254))):
        identity = verify_issuer_token(token=token(sub=subject))
        assert (identity.subject, identity.external_id) == (text, text)


@pytest.mark.parametrize(
    ("path", "changes", "subject"),
    [
        ("uid", {"uid": "u"}, "u"),
        ("user.id", {"user": {"id": 7}}, "7"),
        ("user.id", {"user": {"id": 7}, "user.id": "whole"}, "whole"),
        ("a.b.c", {"a": {"b": {"c": "deep"}}}, "deep"),
        ("a.b.c", {"a.b": {"c": "x"}, "a": {"b": {"c": "y"}}}, "x"),
        ("https://example.org/id", {"https://example.org/id": "space"}, "space"),
        ("https://example.org/user.id", {"https://example.org/user": {"id": "space"}}, "space"),
        (["user.id", "user._id", "sub"], {"user": {"_id": "second", "name": "Ann"}}, "second"),
        (["user.id", "user._id", "sub"], {"user": {"id": None}}, "person-1"),
        (["user.id", "user._id", "sub"], {"user": "no object"}, "person-1"),
        (("user.id", "sub"), {"user": {"id": ""}}, None),
        ("user.id", {"user": ["id"]}, None),
        ("user.id.more", {"user": {"id": "text"}}, None),
        ("user.id", {}, None),
    ],
    ids=str,
)
def test_the_subject_is_found_by_a_path(
    path: Any, changes: dict[str, Any], subject: str | None
) -> None:
    with issuers({**NAMED, "SUBJECT_CLAIM": path}):
        if subject is None:
            assert_refused(token(**changes))
        else:
            identity = verify_issuer_token(token=token(**changes))
            assert (identity.subject, identity.external_id) == (subject, subject)


def test_every_claim_is_found_by_a_path() -> None:
    issuer = {
        **NAMED,
        "EXTERNAL_ID_CLAIM": ["user.merkos", "user.id"],
        "EMAIL_CLAIM": ["user.mail", "user.email"],
        "EMAIL_VERIFIED_CLAIM": "user.flags.verified",
        "NAME_CLAIM": ["user.name", "name"],
    }
    user = {"id": 5, "email": "x@example.org", "flags": {"verified": True}}
    with issuers(issuer):
        identity = verify_issuer_token(token=token(user=user))
    assert (identity.subject, identity.external_id) == ("person-1", "5")
    assert (identity.email, identity.email_verified, identity.name) == (user["email"], True, "Ann")


def test_a_token_without_an_issuer_names_an_identity_of_the_portal() -> None:
    now = int(time.time())
    user = {"id": 7, "email": "beth@example.org", "name": "Beth", "role": "admin"}
    nested = jwt.encode({"user": user, "iat": now, "exp": now + 60}, SECRET, "HS256")
    assert verify_issuer_token(token=nested) == Identity(
        auth_method="cdsso",
        issuer="merkos-portal",
        subject="7",
        email="beth@example.org",
        email_verified=True,
        name="Beth",
        external_id_field="merkosUserId",
        external_id="7",
        links_to_default_role_only=True,
        external_id_links_staff=False,
        issued_at=datetime.fromtimestamp(now, UTC),
        expires_at=datetime.fromtimestamp(now + 60, UTC),
    )
    flat = verify_issuer_token(token=portal_token())
    assert (flat.subject, flat.email, flat.name) == ("person-1", "ann@example.org", "Ann")
    assert verify_issuer_token(token=portal_token(iat=None)).subject == "person-1"
    assert not verify_issuer_token(token=token()).links_to_default_role_only


@each(
    "changes",
    [
        *({"iss": "merkos-portal"}, {"iss": ISSUER}, {"iss": ""}),
        *({"aud": AUDIENCE}, {"aud": ""}, {"aud": []}, {"sub": None}, {"nbf": 4_000_000_000}),
        *({"exp": None}, {"exp": 1}, {"exp": "soon"}, {"exp": 4_000_000_000}),
        *({"exp": 4_000_000_000, "iat": None}, {"iat": 4_000_000_000, "exp": 4_000_000_060}),
        *({"iat": 1}, {"iat": "x"}),
    ],
    ids=str,
)
def test_a_token_of_the_portal_is_refused(changes: dict[str, Any]) -> None:
    assert_refused(portal_token(**changes))


def test_a_missing_issuer_is_not_an_empty_one() -> None:
    for issuer in (None, 0, False, []):
        payload = {**nameless(), "iss": issuer}
        assert_refused(by_hand({"alg": "HS256"}, payload, SECRET.encode()))
    payload = {**nameless(), "aud": None}
    assert_refused(by_hand({"alg": "HS256"}, payload, SECRET.encode()))


def test_no_issuer_signs_for_another() -> None:
    assert_refused(jwt.encode(nameless(), str(NAMED["KEY"]), "HS256"))
    assert_refused(jwt.encode(claims(), SECRET, "HS256"))
    with issuers(NAMED):
        assert_refused(portal_token())


def test_a_token_lives_no_longer_than_it_may() -> None:
    now = int(time.time())
    for issued_at, lifetime, is_good in (
        (now, 3600, True),
        (now, 3601, False),
        (now - 3000, 3600, True),
        (now - 3000, 3601, False),
        (None, 3600, True),
        (None, 3700, False),
    ):
        text = portal_token(iat=issued_at, exp=(issued_at or now) + lifetime)
        if is_good:
            verify_issuer_token(token=text)
        else:
            assert_refused(text)
    with issuers({**NAMED, "MAX_LIFETIME_SECONDS": 200}):
        assert_refused(token())
        verify_issuer_token(token=token(exp=now + 200))


def test_each_algorithm_has_its_own_key(rsa: Key) -> None:
    keys = {"HS256": SECRET, "RS256": rsa.pem}
    with issuers({**PORTAL, "ALGORITHMS": ["HS256", "RS256"], "KEY": keys}):
        verify_issuer_token(token=portal_token())
        verify_issuer_token(token=jwt.encode(nameless(), rsa.private, "RS256"))
        assert_refused(by_hand({"alg": "HS256"}, nameless(), rsa.pem))
        assert_refused(jwt.encode(nameless(), Key("other").private, "RS256"))
    with issuers({**PORTAL, "ALGORITHMS": ["HS256", "RS256", "ES256"], "KEY": {"RS256": rsa.pem}}):
        assert_refused(portal_token())
        assert_refused(jwt.encode(nameless(), Key("ec", "ES256").private, "ES256"))


def test_a_public_key_for_all_algorithms_is_never_a_secret(rsa: Key) -> None:
    for key in (rsa.pem, rsa.pem.decode()):
        with issuers({**PORTAL, "ALGORITHMS": ["HS256", "RS256"], "KEY": key}):
            assert_refused(by_hand({"alg": "HS256"}, nameless(), rsa.pem))
            verify_issuer_token(token=jwt.encode(nameless(), rsa.private, "RS256"))


def test_nothing_unsigned_is_accepted_even_where_it_is_configured() -> None:
    for key in (SECRET, "", None, {"none": ""}, {"none": None}):
        with issuers({**PORTAL, "ALGORITHMS": ["none", "HS256"], "KEY": key}):
            assert_refused(by_hand({"alg": "none"}, nameless()))


def test_a_critical_header_is_refused() -> None:
    for header in ({"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": True}, {"crit": []}):
        text = by_hand({"alg": "HS256", **header}, nameless(), SECRET.encode())
        assert_refused(text)


def test_a_token_with_a_type_of_its_own_signs_nobody_in() -> None:
    for kind in ("logout+jwt", "secevent+JWT", "application/dpop+jwt"):
        assert_refused(by_hand({"alg": "HS256", "typ": kind}, nameless(), SECRET.encode()))
    for kind in ("JWT", "at+jwt", "application/at+JWT", "ID", None):
        header = {"alg": "HS256", "typ": kind}
        verify_issuer_token(token=by_hand(header, nameless(), SECRET.encode()))


def test_the_settings_say_whether_addresses_are_verified_where_a_token_does_not() -> None:
    for declared, said, verified in (
        (True, None, True),
        (True, False, False),
        (True, "false", False),
        (False, None, False),
        (False, True, True),
    ):
        with issuers({**PORTAL, "EMAILS_ARE_VERIFIED": declared}):
            identity = verify_issuer_token(token=portal_token(email_verified=said))
        assert identity.email_verified is verified, (declared, said)


def test_times_may_differ_by_the_leeway_only() -> None:
    now = int(time.time())
    for name in ("iat", "nbf"):
        verify_issuer_token(token=token(**{name: now + 5}))
        assert_refused(token(**{name: now + 60}))
    verify_issuer_token(token=token(exp=int(time.time()) - 2))
    assert_refused(token(exp=now - 60))
