"""Settings that work and make a deployment easier to attack: ``check --deploy`` names each."""

import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks.registry import registry
from django.test import override_settings

from chabad_auth_django.checks.risks import RISKS, check_risks
from chabad_auth_django.services.identity.hosts import HostAdapter

SECRET = "a shared secret that has more than 32 bytes"
DAY = 86_400
ALL = "*"


def issuer(name: str = "one", **changes: Any) -> dict[str, Any]:
    given = {
        "ISSUER": name,
        "AUDIENCE": "us",
        "ALGORITHMS": ["HS256"],
        "KEY": SECRET,
        "AUTH_METHOD": "google",
        "MAX_LIFETIME_SECONDS": 3600,
    }
    return {**given, **changes}


NAMELESS = {"TOKENS_HAVE_ISSUER": False, "AUDIENCE": None}

#: Number -> settings that take the risk, each of which is enough.
TAKEN: dict[int, list[dict[str, Any]]] = {
    90: [{"THROTTLE_RATES": {"sign_in": rate}} for rate in (None, "10/second", "1000/min")],
    91: [{"THROTTLE_RATES": {"refresh": None}}],
    92: [{"THROTTLE_CLASSES": []}, {"THROTTLE_CLASSES": ["support.swapped.Once"]}],
    93: [{"AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"]}],
    94: [{"ACCESS_TOKEN_SECONDS": DAY}],
    95: [{"REFRESH_TOKEN_SECONDS": 365 * DAY}],
    96: [{"HOST_RECHECK_SECONDS": 300}],
    97: [{"REFRESH_GRACE_SECONDS": 300}],
    98: [{"TOKEN_LEEWAY_SECONDS": 300}],
    99: [{"AUDIT_RETENTION_DAYS": 1}],
    100: [{"ISSUERS": [issuer(MAX_LIFETIME_SECONDS=value)]} for value in (None, 365 * DAY)],
    101: [
        {"ISSUERS": [issuer()], "SIGNING_KEY": SECRET.encode()},
        {"ISSUERS": [issuer(KEY={"HS256": SECRET.encode()})], "SIGNING_KEY_FALLBACKS": [SECRET]},
        {"ISSUERS": [issuer(KEY="tests only, at least thirty-two bytes long")]},
    ],
    102: [{"ISSUERS": [issuer(), issuer("two", KEY=SECRET.encode())]}],
    103: [
        {"ROLE_PERMISSIONS": {"user": [name]}}
        for name in (ALL, "users:*", "users:read", "users:block", "app-data:write", "shop:*")
    ],
    106: [{"ISSUERS": [issuer(**NAMELESS, EXTERNAL_ID_LINKS_STAFF=True)]}],
    107: [{"THROTTLE_WITHOUT_CACHE": "allow"}],
    111: [
        {"MONGODB_URI": uri}
        for uri in ("mongodb://mongo/site", "mongodb://127.0.0.1,10.0.0.7:27017/site?tls=true")
    ],
    112: [
        {"MONGODB_URI": "mongodb://ann:x@mongo/site?tls=true&tlsInsecure=true"},
        {"MONGODB_OPTIONS": {"tls": True, "tlsAllowInvalidHostnames": True}},
    ],
    113: [{"DELETION_GRACE_SECONDS": 19}, {"REQUEST_TIMEOUT": 60}],
}


def warned(given: dict[str, Any], **others: Any) -> set[int]:
    with override_settings(CHABAD_AUTH=given, **others):
        found = check_risks()
    assert SECRET not in str(found)
    numbers = {int(str(message.id).removeprefix("chabad_auth.W")) for message in found}
    # The settings of the tests have no shared cache and no proxy.
    return numbers - {2, 4}


@pytest.mark.usefixtures("uri")
def test_each_risk_is_named_and_no_other(subtests: Any) -> None:
    for number, cases in TAKEN.items():
        for given in cases:
            with subtests.test(given=given):
                assert warned(given) == {number}


@pytest.fixture
def uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", "mongodb://127.0.0.1:1/test")


@pytest.mark.usefixtures("uri")
def test_careful_settings_are_silent() -> None:
    two = [issuer(), issuer("two", KEY=f"{SECRET} of another")]
    named = {"ISSUERS": [issuer(EXTERNAL_ID_LINKS_STAFF=True)]}
    for given in (
        {},
        {"ISSUERS": two},
        named,
        {"THROTTLE_RATES": {"read": None, "sign_in": "1/min"}},
        {"THROTTLE_RATES": {"sign_in": "1000/hour"}},
        {"ROLE_PERMISSIONS": {"user": ["shop:read"]}},
        {"MONGODB_URI": "mongodb://ann:x@mongo/site?tls=true"},
        {"MONGODB_URI": "mongodb+srv://ann:x@cluster.example.org/site"},
        {"MONGODB_URI": "mongodb://[::1]:27017,localhost/site"},
        {"MONGODB_URI": "mongodb://mongo/site", "MONGODB_OPTIONS": {"username": "ann"}},
        {"MONGODB_URI": "mongodb://mongo/site?authMechanism=MONGODB-X509&tls=true"},
    ):
        assert warned(given) == set(), given
    assert warned({"THROTTLE_RATES": {"sign_in": None, "refresh": None}}) == {90, 91}


@pytest.mark.usefixtures("uri")
def test_cookies_for_other_sites_and_unasked_second_factors_are_named() -> None:
    apps = ["chabad_auth_django", "django.contrib.sessions"]
    for value in ("None", None, False):
        assert warned({}, INSTALLED_APPS=apps, SESSION_COOKIE_SAMESITE=value) == {104}
    bearer = "chabad_auth_django.api.http.authentication.BearerAuthentication"
    only_bearer = {"AUTHENTICATION_CLASSES": [bearer]}
    assert warned(only_bearer, INSTALLED_APPS=apps, SESSION_COOKIE_SAMESITE="None") == set()


class Asking(HostAdapter):
    """Asks another app than allauth for second factors."""

    def has_second_factor(self, *, account: Any) -> bool:
        return True


@pytest.mark.usefixtures("uri")
def test_a_second_factor_that_nobody_asks_for_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That such an app is installed is all that counts.
    (tmp_path / "django_otp").mkdir()
    (tmp_path / "django_otp" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    apps = ["chabad_auth_django", "django_otp"]
    assert warned({}, INSTALLED_APPS=apps) == {105}
    assert warned({"HOST_ADAPTER": "support.host_adapter.Adapter"}, INSTALLED_APPS=apps) == {105}
    assert warned({"HOST_ADAPTER": f"{__name__}.Asking"}, INSTALLED_APPS=apps) == set()
    monkeypatch.delitem(sys.modules, "django_otp")


def test_each_risk_has_a_number_and_deployments_hear_of_it() -> None:
    numbers = [risk.number for risk in RISKS]
    assert numbers == sorted(set(numbers))
    assert check_risks in registry.get_checks(include_deployment_checks=True)
    assert check_risks not in registry.get_checks()
