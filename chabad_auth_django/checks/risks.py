"""Warnings of settings that work but make a deployment easier to attack."""

import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Warning
from django.utils.module_loading import import_string
from rest_framework.settings import api_settings

from chabad_auth_django.checks import host_accounts_sign_in, settings_work
from chabad_auth_django.checks.classes import names_one_of
from chabad_auth_django.conf import Conf, conf, configured_issuers
from chabad_auth_django.conf.rules import uri_options
from chabad_auth_django.db import connection
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import hosts, names

#: Packages of second factors that the default adapter does not ask.
OTHER_SECOND_FACTORS = ("django_otp", "two_factor", "mfa")

#: Seconds.
MAX_LIFETIME = 90 * 86_400

#: Tries to sign in to one account, and from one address, in a minute.
MAX_SIGN_INS = 300

#: The first letter of a unit of time in a rate -> how often it fits into a minute.
PER_MINUTE = {"s": 60, "m": 1, "h": 1 / 60, "d": 1 / 1440}

#: An address that nobody has verified.
STRANGER = "nobody@any-site.invalid"

#: A host of this machine, or a socket.
LOCAL = r"(localhost|127\.[\d.]+|\[::1\]|%2[Ff].+)(:\d+)?\Z"

#: The options by which MongoDB knows who asks.
CREDENTIALS = ("username", "authmechanism")


class Risk(NamedTuple):
    """A state of the settings that a deployment is warned of."""

    number: int
    is_taken: Callable[[], bool]
    message: str
    hint: str


RISKS = (
    Risk(
        2,
        lambda: (
            _limits_any()
            and settings.CACHES["default"]["BACKEND"].endswith((".LocMemCache", ".DummyCache"))
        ),
        "The default cache is not shared, so every process throttles by itself, or not at all.",
        "Set CACHES to a shared cache, such as Redis, or the rates in "
        "CHABAD_AUTH['THROTTLE_RATES'] to None.",
    ),
    Risk(
        4,
        lambda: _limits_any() and api_settings.NUM_PROXIES is None,
        "The throttles take a client's address from X-Forwarded-For, whoever has written it.",
        "Set REST_FRAMEWORK['NUM_PROXIES'] to the number of proxies in front; 0: none.",
    ),
    Risk(
        5,
        lambda: logging.getLogger("pymongo.command").isEnabledFor(logging.DEBUG),
        "PyMongo logs every command, with the personal data in it.",
        'Set the level of the logger "pymongo" to INFO or higher in LOGGING.',
    ),
    Risk(
        86,
        lambda: not names_one_of("PERMISSION_CLASSES", Conf.PERMISSION_CLASSES.default),
        "No class in CHABAD_AUTH['PERMISSION_CLASSES'] is one of OwnerOrPermission.",
        "It lets users act on their own data, and others by a permission. Whatever takes its place "
        "must do the same.",
    ),
    Risk(
        90,
        lambda: _a_minute("sign_in") > MAX_SIGN_INS,
        f"CHABAD_AUTH['THROTTLE_RATES'] allows more than {MAX_SIGN_INS} tries of 'sign_in' a "
        "minute, so passwords can be guessed.",
        "Give it a rate, such as '10/min'.",
    ),
    Risk(
        91,
        lambda: _a_minute("refresh") == math.inf,
        "CHABAD_AUTH['THROTTLE_RATES'] does not limit 'refresh'.",
        "Give it a rate, such as '30/min'.",
    ),
    Risk(
        92,
        lambda: not names_one_of("THROTTLE_CLASSES", Conf.THROTTLE_CLASSES.default),
        "No class in CHABAD_AUTH['THROTTLE_CLASSES'] is a ScopedThrottle, so no address is limited "
        "by CHABAD_AUTH['THROTTLE_RATES'].",
        "Whatever takes its place must limit sign-ins.",
    ),
    Risk(
        93,
        lambda: not names_one_of("AUTHENTICATION_CLASSES", Conf.AUTHENTICATION_CLASSES.default[:1]),
        "No class in CHABAD_AUTH['AUTHENTICATION_CLASSES'] is a BearerAuthentication.",
        "It refuses ended sessions, blocked users and disabled accounts at each request. Whatever "
        "takes its place must do the same.",
    ),
    Risk(
        94,
        lambda: conf.ACCESS_TOKEN_SECONDS > 3600,
        "CHABAD_AUTH['ACCESS_TOKEN_SECONDS'] is more than an hour.",
        "Whoever gets hold of an access token is the user for that long. Clients can refresh.",
    ),
    Risk(
        95,
        lambda: conf.REFRESH_TOKEN_SECONDS > MAX_LIFETIME,
        "CHABAD_AUTH['REFRESH_TOKEN_SECONDS'] is more than 90 days.",
        "A device that was lost stays signed in for that long.",
    ),
    Risk(
        96,
        lambda: conf.HOST_RECHECK_SECONDS > 60,
        "CHABAD_AUTH['HOST_RECHECK_SECONDS'] is more than a minute.",
        "A disabled account, or one whose password changed, works for that long.",
    ),
    Risk(
        97,
        lambda: conf.REFRESH_GRACE_SECONDS > 60,
        "CHABAD_AUTH['REFRESH_GRACE_SECONDS'] is more than a minute.",
        "A stolen refresh token that the client has used already is good for that long.",
    ),
    Risk(
        98,
        lambda: conf.TOKEN_LEEWAY_SECONDS > 60,
        "CHABAD_AUTH['TOKEN_LEEWAY_SECONDS'] is more than a minute.",
        "Tokens that have expired are good for that long. Let the servers set their clocks by NTP.",
    ),
    Risk(
        99,
        lambda: conf.AUDIT_RETENTION_DAYS < 30,
        "CHABAD_AUTH['AUDIT_RETENTION_DAYS'] is less than 30.",
        "Who did what may be forgotten before anybody asks.",
    ),
    Risk(
        100,
        lambda: any(
            (issuer["MAX_LIFETIME_SECONDS"] or math.inf) > MAX_LIFETIME
            for issuer in configured_issuers()
        ),
        "An issuer in CHABAD_AUTH['ISSUERS'] has no MAX_LIFETIME_SECONDS, or more than 90 days.",
        "A token that it signs for years is good for years, and cannot be revoked.",
    ),
    Risk(
        101,
        lambda: any(
            not _our_keys().isdisjoint(_secrets(issuer)) for issuer in configured_issuers()
        ),
        "The KEY of an issuer in CHABAD_AUTH['ISSUERS'] is a SIGNING_KEY, or a SECRET_KEY of "
        "Django, too.",
        "Whoever has it can sign access tokens for each user. Give each purpose its own key.",
    ),
    Risk(
        102,
        lambda: any(
            not _secrets(one).isdisjoint(_secrets(other))
            for one, other in combinations(configured_issuers(), 2)
        ),
        "Two issuers in CHABAD_AUTH['ISSUERS'] have one secret.",
        "Each can sign in as every user of the other.",
    ),
    Risk(
        103,
        lambda: any(
            name in names.api_permissions() or "*" in name.split(":")
            for role in User.fields()["roles"].default()
            for name in conf.ROLE_PERMISSIONS.get(role, ())
        ),
        "CHABAD_AUTH['ROLE_PERMISSIONS'] gives a permission of the API to the role of every new "
        "user.",
        "Users need none for their own data. Each is about everybody's: give it to another role.",
    ),
    Risk(
        104,
        lambda: (
            apps.is_installed("django.contrib.sessions")
            and str(settings.SESSION_COOKIE_SAMESITE) not in ("Lax", "Strict")
            and names_one_of("AUTHENTICATION_CLASSES", Conf.AUTHENTICATION_CLASSES.default[1:])
        ),
        "SESSION_COOKIE_SAMESITE lets pages of other sites call the API as whoever is logged in.",
        "Set it to 'Lax', or take SessionAuthentication out of "
        "CHABAD_AUTH['AUTHENTICATION_CLASSES'].",
    ),
    Risk(
        105,
        lambda: (
            any(map(apps.is_installed, OTHER_SECOND_FACTORS))
            and _adapter_method("has_second_factor") is hosts.HostAdapter.has_second_factor
        ),
        "CHABAD_AUTH['HOST_ADAPTER'] does not ask the installed app for second factors, so a "
        "password alone signs in.",
        "Let its methods has_second_factor and gave_second_factor ask that app.",
    ),
    Risk(
        106,
        lambda: any(
            issuer["EXTERNAL_ID_LINKS_STAFF"] and not issuer["TOKENS_HAVE_ISSUER"]
            for issuer in configured_issuers()
        ),
        "The tokens of an issuer in CHABAD_AUTH['ISSUERS'] do not name it, and sign in "
        "administrators by EXTERNAL_ID_FIELD (EXTERNAL_ID_LINKS_STAFF).",
        "Whoever has its key is an administrator. Let the administrators link their accounts at "
        "users/me/identities/ instead.",
    ),
    Risk(
        107,
        lambda: conf.THROTTLE_WITHOUT_CACHE == "allow" and _a_minute("sign_in") < math.inf,
        "CHABAD_AUTH['THROTTLE_WITHOUT_CACHE'] lets passwords be guessed while the cache is away.",
        "Set it to 'refuse'.",
    ),
    Risk(
        108,
        lambda: _verifies_everything(),
        "CHABAD_AUTH['HOST_ADAPTER'] calls the address of a new account verified.",
        "Whoever can choose the address of an account here becomes the user who has it. Let "
        "is_email_verified tell whether mail to it was answered, or silence this warning where "
        "people cannot choose their addresses.",
    ),
    Risk(
        109,
        lambda: (
            apps.is_installed("allauth.account")
            and not import_string("allauth.account.app_settings").RATE_LIMITS.get("login_failed")
        ),
        "ACCOUNT_RATE_LIMITS does not limit failed logins, so passwords can be guessed at allauth.",
        "Leave out 'login_failed', which has a default.",
    ),
    Risk(
        110,
        lambda: apps.is_installed("allauth.socialaccount.providers.dummy"),
        "allauth's dummy provider lets everybody log in as anybody.",
        "Take it out of INSTALLED_APPS.",
    ),
    Risk(
        111,
        lambda: _is_open(),
        "MongoDB on another machine is used without a password.",
        "Whoever reaches it can read and change everything. Let it have users, and put one of "
        "them into the URI.",
    ),
    Risk(
        112,
        lambda: any(
            str(_mongodb_options().get(name)).lower() == "true"
            for name in ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")
        ),
        "An option of MongoDB lets any server take its place.",
        "Give the authority that signed its certificate in tlsCAFile instead.",
    ),
    Risk(
        113,
        lambda: conf.DELETION_GRACE_SECONDS <= conf.REQUEST_TIMEOUT,
        "A request can last longer than CHABAD_AUTH['DELETION_GRACE_SECONDS'].",
        "If it is killed, data of a deleted user can stay. Set it to more than REQUEST_TIMEOUT.",
    ),
)


def check_risks(**kwargs: Any) -> list[CheckMessage]:
    """Return a warning for each risk that the settings take; for deployment."""
    if not settings_work():
        return []
    return [
        Warning(risk.message, hint=risk.hint, id=f"chabad_auth.W{risk.number:03}")
        for risk in RISKS
        if risk.is_taken()
    ]


def _rates() -> dict[str, str | None]:
    return {**Conf.THROTTLE_RATES.default, **conf.THROTTLE_RATES}


def _a_minute(scope: str) -> float:
    rate = _rates()[scope]
    if not rate:
        return math.inf
    count, _, unit = rate.partition("/")
    return int(count) * PER_MINUTE[unit[0]]


def _limits_any() -> bool:
    return any(_rates().values())


def _adapter_method(name: str) -> Any:
    try:
        return getattr(type(hosts.adapter()), name, None)
    except (ImportError, TypeError):
        return None  # chabad_auth.E057 says so.


def _verifies_everything() -> bool:
    if not host_accounts_sign_in():
        return False
    account = get_user_model()()
    # What an adapter asks of an account that is not stored may fail in any way.
    with suppress(Exception):
        return bool(hosts.adapter().is_email_verified(account=account, email=STRANGER))
    return False


def _is_open() -> bool:
    uri = connection.uri_setting()
    if not isinstance(uri, str):
        return False
    authority = uri.partition("://")[2].partition("/")[0].partition("?")[0]
    is_here = all(re.match(LOCAL, host) for host in authority.split(","))
    has_user = "@" in authority or not _mongodb_options().keys().isdisjoint(CREDENTIALS)
    return not is_here and not has_user


def _mongodb_options() -> dict[str, Any]:
    uri = connection.uri_setting()
    in_uri = uri_options(uri) if isinstance(uri, str) else {}
    return in_uri | {name.lower(): value for name, value in conf.MONGODB_OPTIONS.items()}


def _our_keys() -> set[bytes]:
    keys = [conf.SIGNING_KEY, *conf.SIGNING_KEY_FALLBACKS]
    return set(_as_bytes([*keys, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]))


def _secrets(issuer: Mapping[str, Any]) -> set[bytes]:
    """Return the shared secrets of the issuer; a public key may stand in several."""
    key = issuer["KEY"]
    keys = key if isinstance(key, Mapping) else dict.fromkeys(issuer["ALGORITHMS"], key)
    return set(_as_bytes([key for name, key in keys.items() if name.startswith("HS")]))


def _as_bytes(keys: Sequence[Any]) -> Iterator[bytes]:
    for key in keys:
        if key:
            yield key.encode() if isinstance(key, str) else bytes(key)
