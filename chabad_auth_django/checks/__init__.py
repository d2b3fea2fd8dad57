"""System checks, each with a stable id: of every setting that can be wrong, and of a deployment."""

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning
from django.db.models import IntegerField
from django.urls import get_resolver

from chabad_auth_django.checks.issuers import issuer_problems
from chabad_auth_django.conf import conf, configured_issuers, rules
from chabad_auth_django.conf.table import Table, user_settings
from chabad_auth_django.db import connection
from chabad_auth_django.services.identity import host_roles, hosts
from chabad_auth_django.services.identity.hosts import CREDENTIALS

#: Setting -> what the pages that it turns on are made of.
PAGES = {
    "BROWSABLE_API": ("rest_framework",),
    "API_DOCS": ("drf_spectacular", "drf_spectacular_sidecar"),
}

#: Setting -> what is often wrong with it.
HINTS = {
    "MONGODB_URI": "It is mongodb://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE. Percent-encode "
    "the user and the password (urllib.parse.quote_plus). Files that it names must be readable.",
    "MONGODB_OPTIONS": "Each is an argument of pymongo.MongoClient, with a value of its type. "
    "Files that they name must be readable.",
}


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Return a message for each setting in ``CHABAD_AUTH`` that cannot work as it stands."""
    given = user_settings()
    if not isinstance(given, Mapping):
        return [Error("CHABAD_AUTH must be a dict.", id="chabad_auth.E001")]
    known = {setting.name: setting for table in Table.known for setting in table.settings()}
    messages: list[CheckMessage] = [
        Error(
            f"CHABAD_AUTH has an unknown setting {name!r}.",
            hint="Similar names are "
            f"{', '.join(get_close_matches(str(name).upper(), known, cutoff=0))}. "
            "A setting of an app in contrib takes that app in INSTALLED_APPS.",
            id="chabad_auth.E002",
        )
        for name in given
        if name not in known
    ]
    messages += [
        Error(
            f"CHABAD_AUTH[{name!r}] must be {setting.rule.expected}.",
            hint=HINTS.get(name),
            id=setting.check_id,
        )
        for name, setting in known.items()
        if not setting.rule.is_valid(given.get(name, setting.default))
    ]
    return messages or _check_issuers() or _check_connection()


def settings_work() -> bool:
    """Tell whether no setting has an error, which would be reported in the place of others."""
    return not any(message.is_serious() for message in check_settings())


def check_issuers(**kwargs: Any) -> list[CheckMessage]:
    """Return warnings of issuers that are believed more than their tokens say; for deployment."""
    if not settings_work():
        return []
    issuers = configured_issuers()
    nameless = [
        Warning(
            f"The tokens of the issuer {issuer['ISSUER']!r} do not name their issuer.",
            hint="Whoever has its key can sign in as each of its users, and a token that it made "
            "for another service is good here. Let it put iss and aud into its tokens, and use its "
            "key for nothing else.",
            id="chabad_auth.W006",
        )
        for issuer in issuers
        if not issuer["TOKENS_HAVE_ISSUER"]
    ]
    believed = [
        Warning(
            f"The issuer {issuer['ISSUER']!r} is believed about addresses that its tokens do not "
            "call verified.",
            hint="Whoever can have an account there with somebody else's address finds that "
            "person's user here. Let it put email_verified into its tokens, or silence this "
            "warning where it verifies every address.",
            id="chabad_auth.W009",
        )
        for issuer in issuers
        if issuer["EMAILS_ARE_VERIFIED"]
    ]
    return [*nameless, *believed]


def check_pages(**kwargs: Any) -> list[CheckMessage]:
    """Return a warning where the API is served and its pages for people miss what they take."""
    if not settings_work():
        return []
    needed = (app for name, apps_of in PAGES.items() if getattr(conf, name) for app in apps_of)
    missing = [app for app in needed if not apps.is_installed(app)]
    if not (settings.TEMPLATES and missing and _serves_api()):
        return []
    return [
        Warning(
            f"The API's pages for people miss {', '.join(missing)} in INSTALLED_APPS.",
            hint="rest_framework has the browsable API's templates, drf_spectacular and "
            "drf_spectacular_sidecar have those and the files of docs/. BROWSABLE_API and API_DOCS "
            "turn the pages off.",
            id="chabad_auth.W003",
        )
    ]


def check_host_accounts(**kwargs: Any) -> list[CheckMessage]:
    """Return messages where accounts of the Django project may sign in, and cannot or must not."""
    if not host_accounts_sign_in():
        return []
    if conf.HOST_ID is None:
        return [
            Error(
                "CHABAD_AUTH['HOST_ID'] is missing, so accounts of this project cannot sign in.",
                hint="Set it to a name that no other project on the same MongoDB has and that "
                "never changes, or take 'credentials' out of CHABAD_AUTH['AUTH_METHODS'].",
                id="chabad_auth.E056",
            )
        ]
    try:
        adapter = hosts.adapter()
        if not isinstance(adapter, hosts.HostAdapter):
            raise TypeError("It does not extend HostAdapter.")
    except (ImportError, TypeError) as error:
        return [
            Error(f"CHABAD_AUTH['HOST_ADAPTER'] cannot be used: {error}", id="chabad_auth.E057")
        ]
    return [*_check_primary_keys(adapter), *_check_host_roles()]


def host_accounts_sign_in() -> bool:
    """Tell whether accounts of the Django project may sign in."""
    if not apps.is_installed("django.contrib.auth") or not settings_work():
        return False
    methods = {CREDENTIALS, *conf.SOCIAL_AUTH_METHODS.values()}
    return not methods.isdisjoint(conf.AUTH_METHODS)


def _check_host_roles() -> list[CheckMessage]:
    return [
        Error(
            f"CHABAD_AUTH['ROLE_PERMISSIONS'] does not know the role {role!r}, which accounts of "
            "this project are to have.",
            id="chabad_auth.E073",
        )
        for role in sorted(host_roles.unknown())
    ]


def _check_primary_keys(adapter: hosts.HostAdapter) -> list[CheckMessage]:
    model = get_user_model()
    if type(adapter).generation is not hosts.HostAdapter.generation:
        return []
    if hasattr(model, "date_joined") or not isinstance(model._meta.pk, IntegerField):
        return []
    return [
        Warning(
            "A new account with the primary key of a deleted one would be taken for it.",
            hint="Let the method generation of CHABAD_AUTH['HOST_ADAPTER'] return what tells "
            "such accounts apart, as a time of creation does.",
            id="chabad_auth.W008",
        )
    ]


def _serves_api() -> bool:
    if not getattr(settings, "ROOT_URLCONF", None):
        return False
    # Loads the host project's URLs, and with them ours where they are included.
    get_resolver().url_patterns  # noqa: B018
    return "chabad_auth_django.api.urls" in sys.modules


def _check_issuers() -> list[CheckMessage]:
    issuers = configured_issuers()
    return [
        Error(
            f"CHABAD_AUTH['ISSUERS'][{number}]: {name} must be {expected}.", id="chabad_auth.E028"
        )
        for number, issuer in enumerate(issuers)
        for name, expected in issuer_problems(issuer, others=issuers[:number])
    ]


def _check_connection() -> list[CheckMessage]:
    uri = connection.uri_setting()
    if not uri:
        return [
            Warning(
                "No MongoDB is configured.",
                hint='Set CHABAD_AUTH["MONGODB_URI"] or the environment variable MONGODB_URI.',
                id="chabad_auth.W001",
            )
        ]
    if not rules.is_uri(uri):
        return [
            Error(
                "The environment variable MONGODB_URI must be a mongodb:// URI.",
                hint=HINTS["MONGODB_URI"],
                id="chabad_auth.E003",
            )
        ]
    return [
        Error(
            f"The option {name!r} of MongoDB has no effect.",
            hint="What is stored and what is read would not be what the code expects. "
            f"Remove {name!r} from the MongoDB URI and from MONGODB_OPTIONS.",
            id="chabad_auth.E004",
        )
        for name in connection.ignored_options(uri if isinstance(uri, str) else "")
    ]
