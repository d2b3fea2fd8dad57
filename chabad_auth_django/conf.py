"""The settings of the app: one dict, ``CHABAD_AUTH``, over the defaults below."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    "MONGODB_URI": None,
    "MONGODB_OPTIONS": {},
    "EMBEDDED_DATA_DIR": None,
    "TRANSACTION_TIMEOUT": 5.0,
    "AUTH_METHODS": ("bearer-token", "credentials", "google", "chabad-org", "cdsso"),
    "ROLE_PERMISSIONS": {
        "user": [],
        "moderator": ["users:read", "activities:read", "analytics:read"],
        "admin": ["*"],
    },
    "PERMISSIONS": [],
    "ACTIVITY_RETENTION_DAYS": 90,
    "AUDIT_RETENTION_DAYS": 365,
    "ANALYTICS_KEEP_ANONYMOUS_COUNTS": True,
    "DELETION_GRACE_SECONDS": 60,
    "PURGE_BATCH_SIZE": 1000,
    "APP_DATA_MAX_BYTES": 256 * 1024,
    "METADATA_MAX_BYTES": 16 * 1024,
    "EVENT_DATA_MAX_BYTES": 32 * 1024,
    "BODY_MAX_BYTES": 1024 * 1024,
    "REQUEST_TIMEOUT": 19.0,
    "THROTTLE_RATES": {"sign_in": "10/min", "refresh": "30/min", "read": None, "write": None},
    "THROTTLE_WITHOUT_CACHE": "refuse",
    "JSON_MAX_DEPTH": 20,
    "JSON_MAX_KEYS": 1000,
    "HOST_ID": None,
    "HOST_ADAPTER": "chabad_auth_django.services.identity.hosts.HostAdapter",
    "HOST_RECHECK_SECONDS": 0,
    "SOCIAL_AUTH_METHODS": {},
    "ISSUERS": [],
    "SIGNING_KEY": None,
    "SIGNING_KEY_FALLBACKS": [],
    "TOKEN_ISSUER": "chabad-auth",
    "TOKEN_AUDIENCE": "chabad-auth",
    "ACCESS_TOKEN_SECONDS": 15 * 60,
    "REFRESH_TOKEN_SECONDS": 30 * 24 * 60 * 60,
    "REFRESH_GRACE_SECONDS": 20,
    "TOKEN_LEEWAY_SECONDS": 10,
    "TOKEN_MAX_BYTES": 8 * 1024,
}

#: The keys of one issuer in ``ISSUERS``; ``None`` is what may be left out.
ISSUER_DEFAULTS: dict[str, Any] = {
    "ISSUER": None,
    "TOKENS_HAVE_ISSUER": True,
    "AUDIENCE": None,
    "ALGORITHMS": None,
    "JWKS_URL": None,
    "KEY": None,
    "MAX_LIFETIME_SECONDS": None,
    "AUTH_METHOD": None,
    "SUBJECT_CLAIM": "sub",
    "EXTERNAL_ID_FIELD": None,
    "EXTERNAL_ID_CLAIM": None,
    "EMAIL_CLAIM": "email",
    "EMAIL_VERIFIED_CLAIM": "email_verified",
    "EMAILS_ARE_VERIFIED": False,
    "NAME_CLAIM": "name",
}


class Conf:
    """Read each setting from ``settings.CHABAD_AUTH`` at the moment it is asked for.

    Nothing is cached, so ``override_settings`` works and no importer holds a stale value.
    """

    #: A MongoDB URI, or a callable without arguments that returns one when it is first needed.
    MONGODB_URI: str | Callable[[], str] | None
    #: Keyword arguments of ``pymongo.MongoClient``; they win over the URI and over our defaults.
    MONGODB_OPTIONS: Mapping[str, Any]
    #: The data folder of ``chabad_auth_django.contrib.embedded``; ``None``: ``./mongodb-data``.
    EMBEDDED_DATA_DIR: str | os.PathLike[str] | None
    #: Seconds after which a transaction, with all its retries, is given up.
    TRANSACTION_TIMEOUT: float
    #: The authentication methods that ``User.auth_methods`` may hold.
    AUTH_METHODS: Sequence[str]
    #: Role -> permissions it grants; ``"*"`` grants all, ``"users:*"`` all on users.
    ROLE_PERMISSIONS: Mapping[str, Sequence[str]]
    #: The host project's own permissions that no role grants, and that may be granted one by one.
    PERMISSIONS: Sequence[str]
    #: Days after which the server removes an Activity (whole days).
    ACTIVITY_RETENTION_DAYS: int
    #: Days after which the server removes an entry of the audit trail (whole days).
    AUDIT_RETENTION_DAYS: int
    #: Whether rolled-up totals keep the events of erased users, without telling whose they were.
    ANALYTICS_KEEP_ANONYMOUS_COUNTS: bool
    #: Seconds between a user's removal and the sweep that ends the deletion.
    DELETION_GRACE_SECONDS: float
    #: Documents that a purge deletes with one command.
    PURGE_BATCH_SIZE: int
    #: BSON bytes of ``AppData.data_value``.
    APP_DATA_MAX_BYTES: int
    #: BSON bytes of ``Profile.metadata``, ``Activity.metadata`` and a widget's customization.
    METADATA_MAX_BYTES: int
    #: BSON bytes of ``event_data``.
    EVENT_DATA_MAX_BYTES: int
    #: Bytes of a request's body.
    BODY_MAX_BYTES: int
    #: Seconds that MongoDB may take for one request, with all its commands.
    REQUEST_TIMEOUT: float
    #: Scope (``sign_in``, ``refresh``, ``read``, ``write``) -> rate such as ``"10/min"``; ``None``:
    #: no limit. A scope that is left out has its default.
    THROTTLE_RATES: Mapping[str, str | None]
    #: What is done while the cache that counts is away: ``"refuse"`` answers what has a limit with
    #: 503, ``"allow"`` lets it pass without one.
    THROTTLE_WITHOUT_CACHE: str
    #: Levels of nesting in free-form JSON.
    JSON_MAX_DEPTH: int
    #: Keys, over all levels, in one free-form value.
    JSON_MAX_KEYS: int
    #: What tells this Django project from others that share the MongoDB database. Required where
    #: accounts of the project sign in, by password or with a session. It must never change.
    HOST_ID: str | None
    #: The dotted path of the class that answers questions about accounts of the project.
    HOST_ADAPTER: str
    #: Seconds for which an account that opened a session is not looked at again.
    HOST_RECHECK_SECONDS: float
    #: Provider of a social login of django-allauth -> the authentication method that it stands for;
    #: ``credentials`` where it is left out.
    SOCIAL_AUTH_METHODS: Mapping[str, str]
    #: Whose tokens sign a user in, one dict each: ``ISSUER`` and ``AUDIENCE`` (or a list of them)
    #: as the tokens name them, ``ALGORITHMS``, either ``JWKS_URL`` or ``KEY`` (a PEM public key, or
    #: a secret of at least 32 bytes for HS*; a dict where each algorithm has its own) and the
    #: ``AUTH_METHOD`` that it stands for. A token is refused that is good for more than
    #: ``MAX_LIFETIME_SECONDS``. Of one issuer ``TOKENS_HAVE_ISSUER`` may be false: its tokens have
    #: no ``iss``, and no ``aud`` where ``AUDIENCE`` is ``None``; ``ISSUER`` is only its name here.
    #:
    #: ``SUBJECT_CLAIM``, ``EMAIL_CLAIM``, ``EMAIL_VERIFIED_CLAIM`` and ``NAME_CLAIM`` have the
    #: usual defaults; ``EXTERNAL_ID_CLAIM`` (the subject) fills ``EXTERNAL_ID_FIELD``, which is
    #: ``valuUserId`` or ``merkosUserId``. Each claim is a path such as ``"user.id"`` or a list of
    #: paths, of which the first that leads to something counts. ``EMAILS_ARE_VERIFIED`` says what
    #: holds for an address where the token does not tell.
    ISSUERS: Sequence[Mapping[str, Any]]
    #: What signs access tokens, at least 32 bytes; ``None``: derived from Django's ``SECRET_KEY``.
    SIGNING_KEY: str | bytes | None
    #: Former signing keys, whose tokens go on being good until they expire. Where ``SIGNING_KEY``
    #: is ``None``, Django's ``SECRET_KEY_FALLBACKS`` serve.
    SIGNING_KEY_FALLBACKS: Sequence[str | bytes]
    #: ``iss`` of our access tokens.
    TOKEN_ISSUER: str
    #: ``aud`` of our access tokens.
    TOKEN_AUDIENCE: str
    #: Seconds for which an access token is good (whole seconds).
    ACCESS_TOKEN_SECONDS: int
    #: Seconds after its last refresh at which a session ends (whole seconds).
    REFRESH_TOKEN_SECONDS: int
    #: Seconds after its exchange in which a refresh token gives its successor again; 0: never.
    REFRESH_GRACE_SECONDS: float
    #: Seconds by which other clocks may differ from ours.
    TOKEN_LEEWAY_SECONDS: float
    #: Characters of a token; a longer one is refused unread.
    TOKEN_MAX_BYTES: int

    def __getattr__(self, name: str) -> Any:
        if name not in DEFAULTS:
            raise AttributeError(f"CHABAD_AUTH has no setting {name!r}")
        return user_settings().get(name, DEFAULTS[name])


def user_settings() -> Mapping[str, Any]:
    """Return the project's ``CHABAD_AUTH`` as it is now."""
    value: Mapping[str, Any] = getattr(settings, "CHABAD_AUTH", {})
    return value


conf = Conf()
