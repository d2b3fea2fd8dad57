from typing import Any

import pytest
from django.core.checks.registry import registry
from django.test import override_settings
from support.cases import each
from support.issuer import Key

from chabad_auth_django.checks import check_issuers, check_settings
from chabad_auth_django.conf import ISSUER_DEFAULTS, Conf, conf
from chabad_auth_django.db import connection

SECRET = "a shared secret that has more than 32 bytes"
URL = "https://issuer.example.org/jwks.json"


@pytest.fixture(scope="session")
def key() -> Key:
    return Key("one")


@pytest.fixture(scope="session")
def curve() -> Key:
    return Key("two", "ES256")


NAMELESS = {
    "ISSUER": "portal",
    "TOKENS_HAVE_ISSUER": False,
    "AUDIENCE": None,
    "ALGORITHMS": ["HS256"],
    "JWKS_URL": None,
    "KEY": SECRET,
    "MAX_LIFETIME_SECONDS": 3600,
}


def issuer(**changes: Any) -> dict[str, Any]:
    good = {
        "ISSUER": "https://issuer.example.org",
        "AUDIENCE": "our-app",
        "ALGORITHMS": ["RS256"],
        "JWKS_URL": URL,
        "AUTH_METHOD": "google",
    }
    return {**good, **changes}


def found(**changes: Any) -> list[tuple[str, str]]:
    configuration = {"MONGODB_URI": "mongodb://127.0.0.1:1/test", **changes}
    with override_settings(CHABAD_AUTH=configuration):
        messages = check_settings()
    connection.close()
    return [(str(message.id), str(message.msg)) for message in messages]


@pytest.mark.parametrize(
    ("name", "number", "good", "bad"),
    [
        (
            "ISSUERS",
            20,
            [[], (), [issuer()], [issuer(), issuer(ISSUER="second")]],
            [
                None,
                5,
                "x",
                {},
                issuer(),
                ["x"],
                [None],
                [{}],
                [issuer(ISSUER="")],
                [issuer(ISSUER=5)],
                [issuer(ISSUER=["x"])],
                [issuer(), issuer()],
            ],
        ),
        (
            "SIGNING_KEY",
            21,
            [None, "x" * 32, b"x" * 32, "é" * 16],
            ["", "short", "x" * 31, b"x" * 31, 5, ["x" * 32]],
        ),
        ("TOKEN_ISSUER", 22, ["me"], ["", None, 5, ["me"]]),
        ("TOKEN_AUDIENCE", 23, ["you"], ["", None, 5, ["you"]]),
        ("ACCESS_TOKEN_SECONDS", 24, [1, 900], [0, -1, 1.5, None, "900", True, 10**10]),
        ("REFRESH_TOKEN_SECONDS", 25, [1, 3_000_000_000], [0, -1, 1.5, None, "9", True, 10**10]),
        ("TOKEN_LEEWAY_SECONDS", 26, [0, 0.5, 300], [-1, 301, None, "1", True, float("nan")]),
        (
            "SOCIAL_AUTH_METHODS",
            58,
            [{"google": "google", "rabbis": "chabad-org"}],
            [None, "google", ["google"], {"google": "gogle"}, {"": "google"}, {"google": []}],
        ),
        ("TOKEN_MAX_BYTES", 27, [1, 8192], [0, -1, 1.5, None, "8192", True]),
    ],
)
def test_each_setting_is_checked(name: str, number: int, good: list[Any], bad: list[Any]) -> None:
    assert found() == []
    for value in [getattr(Conf, name).default, *good]:
        assert found(**{name: value}) == [], value
    for value in bad:
        messages = found(**{name: value})
        assert [id for id, _ in messages] == [f"chabad_auth.E{number:03}"], value
        assert name in messages[0][1]


@each(
    ("changes", "named"),
    [
        ({"AUDIENCE": None}, "AUDIENCE"),
        ({"AUDIENCE": []}, "AUDIENCE"),
        ({"AUDIENCE": ["x", ""]}, "AUDIENCE"),
        ({"ALGORITHMS": None}, "ALGORITHMS"),
        ({"ALGORITHMS": []}, "ALGORITHMS"),
        ({"ALGORITHMS": "RS256"}, "ALGORITHMS"),
        ({"ALGORITHMS": ["none"]}, "ALGORITHMS"),
        ({"ALGORITHMS": ["HS256"]}, "ALGORITHMS"),
        ({"ALGORITHMS": ["RS256", "HS256"]}, "ALGORITHMS"),
        ({"ALGORITHMS": ["RS257"]}, "ALGORITHMS"),
        ({"JWKS_URL": None}, "JWKS_URL"),
        ({"KEY": SECRET}, "JWKS_URL"),
        ({"JWKS_URL": "http://issuer.example.org/jwks.json"}, "JWKS_URL"),
        ({"JWKS_URL": "file:///etc/passwd"}, "JWKS_URL"),
        ({"JWKS_URL": "https://"}, "JWKS_URL"),
        ({"JWKS_URL": "https://["}, "JWKS_URL"),
        ({"JWKS_URL": 5}, "JWKS_URL"),
        ({"JWKS_URL": None, "KEY": SECRET}, "KEY"),
        ({"JWKS_URL": None, "KEY": SECRET, "ALGORITHMS": ["none"]}, "KEY"),
        ({"JWKS_URL": None, "KEY": "x" * 31, "ALGORITHMS": ["HS256"]}, "KEY"),
        ({"JWKS_URL": None, "KEY": "", "ALGORITHMS": ["HS256"]}, "KEY"),
        ({"JWKS_URL": None, "KEY": 5, "ALGORITHMS": ["HS256"]}, "KEY"),
        ({"JWKS_URL": None, "KEY": SECRET, "ALGORITHMS": ["HS256", "RS256"]}, "KEY"),
        ({"AUTH_METHOD": None}, "AUTH_METHOD"),
        ({"AUTH_METHOD": "fax"}, "AUTH_METHOD"),
        ({"EXTERNAL_ID_FIELD": "email"}, "EXTERNAL_ID_FIELD"),
        ({"EXTERNAL_ID_FIELD": "valu_user_id"}, "EXTERNAL_ID_FIELD"),
        ({"SUBJECT_CLAIM": None}, "SUBJECT_CLAIM"),
        ({"EXTERNAL_ID_CLAIM": []}, "EXTERNAL_ID_CLAIM"),
        ({"EMAIL_CLAIM": ""}, "EMAIL_CLAIM"),
        ({"EMAIL_VERIFIED_CLAIM": 5}, "EMAIL_VERIFIED_CLAIM"),
        ({"NAME_CLAIM": ["name", ""]}, "NAME_CLAIM"),
        ({"EXTERNAL_ID_LINKS_STAFF": "yes"}, "EXTERNAL_ID_LINKS_STAFF"),
        ({"EMAILS_ARE_VERIFIED": None}, "EMAILS_ARE_VERIFIED"),
        ({"EMAILS_ARE_VERIFIED": "yes"}, "EMAILS_ARE_VERIFIED"),
        ({"MAX_LIFETIME_SECONDS": 0}, "MAX_LIFETIME_SECONDS"),
        ({"MAX_LIFETIME_SECONDS": "60"}, "MAX_LIFETIME_SECONDS"),
        ({"MAX_LIFETIME_SECONDS": True}, "MAX_LIFETIME_SECONDS"),
        ({"TOKENS_HAVE_ISSUER": False}, "MAX_LIFETIME_SECONDS"),
        ({"TOKENS_HAVE_ISSUER": 0, "MAX_LIFETIME_SECONDS": 60}, "TOKENS_HAVE_ISSUER"),
        ({**NAMELESS, "AUDIENCE": []}, "AUDIENCE"),
        ({**NAMELESS, "ALGORITHMS": ["none"], "KEY": SECRET}, "KEY"),
        ({**NAMELESS, "KEY": "x" * 31}, "KEY"),
        ({**NAMELESS, "KEY": {"RS256": SECRET}}, "KEY"),
        ({**NAMELESS, "KEY": {"HS256": SECRET, "HS512": SECRET}}, "KEY"),
        ({**NAMELESS, "KEY": {}}, "KEY"),
        ({"JWKS": URL}, "JWKS"),
    ],
    ids=str,
)
def test_each_key_of_an_issuer_is_checked(changes: dict[str, Any], named: str) -> None:
    messages = found(ISSUERS=[issuer(ISSUER="good"), issuer(**changes)])
    assert [id for id, _ in messages] == ["chabad_auth.E028"]
    text = messages[0][1]
    assert text.startswith("CHABAD_AUTH['ISSUERS'][1]: ")
    assert named in text
    assert SECRET not in text


def test_good_issuers_pass(key: Key, curve: Key) -> None:
    for changes in (
        {"ALGORITHMS": ["RS256", "ES256", "EdDSA"], "AUDIENCE": ["a", "b"]},
        {"JWKS_URL": "http://127.0.0.1:8000/jwks.json"},
        {"JWKS_URL": None, "KEY": key.pem.decode()},
        {"JWKS_URL": None, "KEY": key.pem, "ALGORITHMS": ("RS256", "PS512")},
        {"JWKS_URL": None, "KEY": curve.pem, "ALGORITHMS": ["ES256"]},
        {"JWKS_URL": None, "KEY": SECRET, "ALGORITHMS": ["HS256", "HS512"]},
        {"EXTERNAL_ID_FIELD": "merkosUserId", "EXTERNAL_ID_CLAIM": "merkos"},
        {"SUBJECT_CLAIM": ["user.id", "user._id", "sub"], "NAME_CLAIM": ("user.name",)},
    ):
        assert found(ISSUERS=[issuer(**changes)]) == [], changes


def test_a_dict_has_a_key_for_each_algorithm(key: Key) -> None:
    both = {"JWKS_URL": None, "ALGORITHMS": ["HS256", "RS256"]}
    assert found(ISSUERS=[issuer(**both, KEY={"HS256": SECRET, "RS256": key.pem})]) == []
    for keys in (
        {"HS256": SECRET},
        {"HS256": key.pem, "RS256": key.pem},
        {"HS256": SECRET, "RS256": key.private_pem},
        {"HS256": SECRET, "RS256": key.pem, "ES256": key.pem},
        {"HS256": SECRET, "RS256": None},
    ):
        messages = found(ISSUERS=[issuer(**both, KEY=keys)])
        assert [id for id, _ in messages] == ["chabad_auth.E028"], keys


def test_one_field_is_filled_by_one_issuer() -> None:
    first = issuer(ISSUER="first", EXTERNAL_ID_FIELD="valuUserId")
    second = issuer(ISSUER="second", EXTERNAL_ID_FIELD="merkosUserId")
    assert found(ISSUERS=[first, second, issuer()]) == []
    assert found(ISSUERS=[first, second, {**second, "ISSUER": "third"}]) == [
        (
            "chabad_auth.E028",
            "CHABAD_AUTH['ISSUERS'][2]: EXTERNAL_ID_FIELD must be filled by one issuer only.",
        )
    ]


def test_tokens_of_one_issuer_may_not_name_it() -> None:
    nameless = issuer(**NAMELESS)
    assert found(ISSUERS=[nameless, issuer()]) == []
    messages = found(ISSUERS=[nameless, {**nameless, "ISSUER": "second"}])
    assert [id for id, _ in messages] == ["chabad_auth.E028"]
    assert "TOKENS_HAVE_ISSUER" in messages[0][1]


def test_tokens_that_do_not_name_their_issuer_are_warned_of() -> None:
    assert check_issuers in registry.get_checks(include_deployment_checks=True)
    assert check_issuers not in registry.get_checks()
    uri = "mongodb://127.0.0.1:1/test"
    for issuers, ids in (
        ([], []),
        ([issuer()], []),
        ([issuer(), issuer(**NAMELESS)], ["chabad_auth.W006"]),
        ([issuer(**NAMELESS), issuer(AUDIENCE=None)], []),
    ):
        with override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "ISSUERS": issuers}):
            warnings = check_issuers()
        assert [warning.id for warning in warnings] == ids
        assert all("portal" in warning.msg and SECRET not in str(warning) for warning in warnings)


def test_an_issuer_that_is_believed_about_addresses_is_warned_of() -> None:
    uri = "mongodb://127.0.0.1:1/test"
    believed = {"ISSUER": "portal", "EMAILS_ARE_VERIFIED": True}
    for issuers, ids in (
        ([issuer(EMAILS_ARE_VERIFIED=False)], []),
        ([issuer(), issuer(**believed)], ["chabad_auth.W009"]),
        ([issuer(**{**NAMELESS, **believed})], ["chabad_auth.W006", "chabad_auth.W009"]),
    ):
        with override_settings(CHABAD_AUTH={"MONGODB_URI": uri, "ISSUERS": issuers}):
            warnings = check_issuers()
        assert [warning.id for warning in warnings] == ids
        assert all("portal" in warning.msg and SECRET not in str(warning) for warning in warnings)


def test_a_key_must_fit_every_algorithm(key: Key, curve: Key) -> None:
    for pem, algorithms in (
        (key.private_pem, ["RS256"]),
        (curve.private_pem, ["ES256"]),
        (key.pem, ["ES256"]),
        (curve.pem, ["RS256"]),
        (key.pem, ["HS256"]),
        (key.pem, ["RS256", "HS256"]),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", ["RS256"]),
    ):
        messages = found(ISSUERS=[issuer(JWKS_URL=None, KEY=pem, ALGORITHMS=algorithms)])
        assert [id for id, _ in messages] == ["chabad_auth.E028"], algorithms


def test_a_key_pair_signs_no_access_tokens(key: Key) -> None:
    for pem in (key.pem, key.private_pem, key.private_pem.decode()):
        assert [id for id, _ in found(SIGNING_KEY=pem)] == ["chabad_auth.E021"]


def test_the_defaults_of_signing_in() -> None:
    with override_settings(CHABAD_AUTH={}):
        assert (conf.ISSUERS, conf.SIGNING_KEY) == ([], None)
        assert (conf.TOKEN_ISSUER, conf.TOKEN_AUDIENCE) == ("chabad-auth", "chabad-auth")
        assert (conf.ACCESS_TOKEN_SECONDS, conf.REFRESH_TOKEN_SECONDS) == (900, 2_592_000)
        assert (conf.TOKEN_LEEWAY_SECONDS, conf.TOKEN_MAX_BYTES) == (10, 8192)
    assert {name: path for name, path in ISSUER_DEFAULTS.items() if name.endswith("_CLAIM")} == {
        "SUBJECT_CLAIM": "sub",
        "EXTERNAL_ID_CLAIM": None,
        "EMAIL_CLAIM": "email",
        "EMAIL_VERIFIED_CLAIM": "email_verified",
        "NAME_CLAIM": "name",
    }
