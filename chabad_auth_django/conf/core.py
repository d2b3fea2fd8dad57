"""The settings of the core."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chabad_auth_django.conf import rules
from chabad_auth_django.conf.table import Rule, Setting, Table


class Conf(Table):
    """The settings of the core."""

    MONGODB_URI = Setting[str | Callable[[], str] | None](
        None,
        Rule(rules.is_uri, "a mongodb:// URI, a callable that returns one, or None"),
        check=3,
        shown_default="the environment's `MONGODB_URI`",
        help="A MongoDB URI, or a callable that returns one when it is first needed. "
        "Without a database in the URI it is `test`, as with Mongoose.",
    )
    MONGODB_OPTIONS = Setting[Mapping[str, Any]](
        {},
        Rule(rules.are_options, "a dict of options that MongoClient takes"),
        check=5,
        help="Arguments of `pymongo.MongoClient`. They win over the URI, which wins over our "
        "defaults (below).",
    )
    TRANSACTION_TIMEOUT = Setting[float](
        5.0,
        rules.TIMEOUT,
        check=7,
        help="Seconds after which a transaction, with all its retries, is given up.",
    )
    INDEXES_AFTER_MIGRATE = Setting[bool](
        True,
        rules.BOOLEAN,
        check=60,
        help="Whether `migrate` on the default SQL database creates the MongoDB indexes that are "
        "missing. It changes and drops none, takes at most a minute, and leaves out a TTL index "
        "that would remove documents at once.",
    )
    AUTH_METHODS = Setting[Sequence[str]](
        ("bearer-token", "credentials", "google", "chabad-org", "cdsso"),
        rules.SOME_NAMES,
        check=8,
        help="The authentication methods that `User.auth_methods` may hold.",
    )
    ROLE_PERMISSIONS = Setting[Mapping[str, Sequence[str]]](
        {
            "user": [],
            "moderator": ["users:read", "activities:read", "analytics:read"],
            "admin": ["*"],
        },
        Rule(rules.are_names_by_name, "a dict from role to a list of permissions"),
        check=9,
        shown_default="`user`: none; `moderator`: `users:read`, `activities:read`, "
        "`analytics:read`; `admin`: `*`",
        help="Role → the permissions that it grants. `*` is all, `users:*` is all on users.",
    )
    PERMISSIONS = Setting[Sequence[str]](
        [],
        rules.NAMES,
        check=42,
        help="The project's own permissions that no role grants. A permission that neither this, "
        "`ROLE_PERMISSIONS` nor the API knows cannot be granted.",
    )
    ACTIVITY_RETENTION_DAYS = Setting[int](
        90,
        rules.DAYS,
        check=10,
        help="Days after which the server removes an Activity. After a change run "
        "`chabad_sync_indexes --fix`.",
    )
    DEFAULT_APP_ID = Setting[str | None](
        None,
        rules.OPTIONAL_NAME,
        check=78,
        help="The `appId` of an event that comes without one. Models of Mongoose programs require "
        "it; see [Beside Mongoose](mongoose.md).",
    )
    AUDIT_RETENTION_DAYS = Setting[int](
        365,
        rules.DAYS,
        check=41,
        help="Days after which the server removes an entry of the "
        "[audit trail](operations.md#audit-trail). After a change run `chabad_sync_indexes --fix`.",
    )
    ANALYTICS_KEEP_ANONYMOUS_COUNTS = Setting[bool](
        True,
        rules.BOOLEAN,
        check=29,
        help="Whether totals keep what erased users did, without telling whose it was; see "
        "[Analytics](analytics.md).",
    )
    DELETION_GRACE_SECONDS = Setting[float](
        60,
        rules.SECONDS,
        check=11,
        help="Seconds between a user's removal and the sweep that ends the deletion. It must be "
        "longer than any request takes.",
    )
    PURGE_BATCH_SIZE = Setting[int](
        1000,
        Rule(lambda value: rules.is_integer(value, 10_000), "a whole number from 1 to 10000"),
        check=12,
        help="Documents that a purge deletes at a time.",
    )
    APP_DATA_MAX_BYTES = Setting[int](
        256 * 1024, rules.BYTES, check=13, help="BSON bytes of an AppData value."
    )
    METADATA_MAX_BYTES = Setting[int](
        16 * 1024,
        rules.BYTES,
        check=14,
        help="BSON bytes of the metadata of a Profile or an Activity, and of all widget "
        "customizations of a user.",
    )
    EVENT_DATA_MAX_BYTES = Setting[int](
        32 * 1024, rules.BYTES, check=15, help="BSON bytes of `eventData`."
    )
    JSON_MAX_DEPTH = Setting[int](
        20,
        Rule(
            lambda value: rules.is_integer(value, 90),
            "a whole number from 1 to 90 (MongoDB stores at most 100 levels)",
        ),
        check=16,
        help="Levels of nesting in free-form JSON.",
    )
    JSON_MAX_KEYS = Setting[int](
        1000, rules.COUNT, check=17, help="Keys, over all levels, in one free-form value."
    )
    BODY_MAX_BYTES = Setting[int](
        1024 * 1024,
        rules.BYTES,
        check=18,
        help="Bytes of a request's body; a longer one is answered with 413.",
    )
    REQUEST_TIMEOUT = Setting[float](
        19.0,
        rules.TIMEOUT,
        check=19,
        help="Seconds that MongoDB may take for one request with all its commands. After them the "
        "answer is 503, or 400 for a count. The reads of an export may take `socketTimeoutMS` "
        "each.",
    )
    AUTHENTICATION_CLASSES = Setting[Sequence[str]](
        (
            "chabad_auth_django.api.http.authentication.BearerAuthentication",
            "chabad_auth_django.api.http.authentication.SessionAuthentication",
        ),
        rules.NAMES,
        check=80,
        shown_default="`BearerAuthentication`, `SessionAuthentication` of "
        "`chabad_auth_django.api.http.authentication`",
        help="The classes that say who calls the API. Each returns a `User` of ours. For this and "
        "the next two see [What you can change](existing-project.md#what-you-can-change); "
        "`chabad_auth.E085` names a class that cannot be used.",
    )
    PERMISSION_CLASSES = Setting[Sequence[str]](
        ("chabad_auth_django.api.http.permissions.OwnerOrPermission",),
        rules.NAMES,
        check=81,
        help="The classes that say whether the caller may. `check --deploy` warns where none "
        "extends `OwnerOrPermission` (`chabad_auth.W086`).",
    )
    THROTTLE_CLASSES = Setting[Sequence[str]](
        ("chabad_auth_django.api.http.throttling.ScopedThrottle",),
        rules.NAMES,
        check=82,
        help="The classes that limit how often. Tries to sign in to one account, and refreshes, "
        "are also limited, by `THROTTLE_RATES`.",
    )
    BROWSABLE_API = Setting[bool](
        True,
        rules.BOOLEAN,
        check=83,
        help="Whether a browser gets a page of REST framework. It takes `rest_framework` in "
        "`INSTALLED_APPS`, and templates.",
    )
    API_DOCS = Setting[bool](
        True,
        rules.BOOLEAN,
        check=84,
        help="Whether the API serves its description, `schema/`, and `docs/`.",
    )
    THROTTLE_RATES = Setting[Mapping[str, str | None]](
        {"sign_in": "10/min", "refresh": "30/min", "read": None, "write": None},
        rules.RATES,
        check=40,
        shown_default="`sign_in`: `10/min`; `refresh`: `30/min`; `read`, `write`: none",
        help="Scope → rate of Django REST framework. A scope that is left out has its default. "
        "`check --deploy` warns where the processes do not share the cache that counts "
        '(`chabad_auth.W002`), and where `REST_FRAMEWORK["NUM_PROXIES"]` does not say whose '
        "`X-Forwarded-For` counts (`chabad_auth.W004`).",
    )
    THROTTLE_WITHOUT_CACHE = Setting[str](
        "refuse",
        rules.one_of("refuse", "allow"),
        check=50,
        help='While the cache that counts is away: `"refuse"` answers what has a rate with 503 and '
        '`Retry-After`, `"allow"` lets it pass uncounted. Either logs a warning each 10 s. Give '
        "the cache a timeout (`socket_timeout` of Redis): a request waits for it.",
    )
    HOST_ID = Setting[str | None](
        None,
        Rule(
            lambda value: value is None or (rules.is_name(value) and len(value) <= 255),
            "a string of 1 to 255 characters, or None",
        ),
        check=52,
        help="What tells this Django project from others on the same MongoDB. It is required where "
        "accounts of the project sign in (`chabad_auth.E056`). It must never change: accounts are "
        "known by it and their primary key.",
    )
    HOST_ADAPTER = Setting[str](
        "chabad_auth_django.services.identity.hosts.HostAdapter",
        Rule(rules.is_name, "the dotted path of a class"),
        check=53,
        help="The class that answers questions about accounts of the project: which address is "
        "verified, whether an account is active, has a second factor, and is still the same "
        "person's. Subclass it where yours differ (`chabad_auth.E057`). `check` warns where "
        "nothing tells a new account from a deleted one with the same primary key "
        "(`chabad_auth.W008`), and `check --database default` where nothing ever verifies an "
        "address and no account is linked (`chabad_auth.W007`).",
    )
    HOST_SUPERUSER_ROLES = Setting[Sequence[str]](
        (),
        rules.NAMES,
        check=70,
        help="The roles that superusers of this Django project have here; see "
        "[Accounts](accounts.md#rights-from-the-project).",
    )
    HOST_GROUP_ROLES = Setting[Mapping[str, Sequence[str]]](
        {},
        Rule(rules.are_names_by_name, "a dict from the name of a group to a list of roles"),
        check=71,
        help="Group of this Django project → the roles that its members have here. "
        "`chabad_auth.E073` names roles that `ROLE_PERMISSIONS` does not know.",
    )
    HOST_RECHECK_SECONDS = Setting[float](
        0,
        rules.SHORT_TIME,
        check=54,
        help="Seconds for which an account that opened a session is not looked at again. 0: it is "
        "looked at on each request, with one SQL query.",
    )
    SOCIAL_AUTH_METHODS = Setting[Mapping[str, str]](
        {},
        Rule(
            # Where AUTH_METHODS is wrong, that alone is told.
            lambda value: rules.is_dict(
                value,
                rules.is_name,
                lambda name: not rules.are_names(conf.AUTH_METHODS) or name in conf.AUTH_METHODS,
            ),
            'a dict from provider to one of CHABAD_AUTH["AUTH_METHODS"]',
        ),
        check=58,
        help="Provider of a social login of django-allauth → the authentication method that it "
        "stands for, one of `AUTH_METHODS`; `credentials` where it is left out. See "
        "[Accounts](accounts.md).",
    )
    ISSUERS = Setting[Sequence[Mapping[str, Any]]](
        [],
        Rule(rules.are_issuers, "a list of dicts, each with another ISSUER"),
        check=20,
        help="Whose tokens sign a user in; see [the API](api.md). `chabad_auth.E028` names what "
        "cannot work in one of them. `check --deploy` warns of tokens that do not name their "
        "issuer (`chabad_auth.W006`), and of `EMAILS_ARE_VERIFIED` (`chabad_auth.W009`).",
    )
    SIGNING_KEY = Setting[str | bytes | None](
        None,
        Rule(
            lambda value: value is None or rules.is_secret(value),
            f"None or a secret, no key pair, of at least {rules.MIN_SECRET_BYTES} bytes",
        ),
        check=21,
        secret=True,
        shown_default="derived from `SECRET_KEY`",
        help="What signs our access tokens, at least 32 bytes.",
    )
    SIGNING_KEY_FALLBACKS = Setting[Sequence[str | bytes]](
        [],
        Rule(
            lambda value: isinstance(value, (list, tuple)) and all(map(rules.is_secret, value)),
            f"a list of secrets of at least {rules.MIN_SECRET_BYTES} bytes",
        ),
        check=51,
        secret=True,
        help="Former signing keys, whose tokens go on being good until they expire. Without a "
        "`SIGNING_KEY`, Django's `SECRET_KEY_FALLBACKS` serve.",
    )
    TOKEN_ISSUER = Setting[str](
        "chabad-auth", rules.NAME, check=22, help="`iss` of our access tokens."
    )
    TOKEN_AUDIENCE = Setting[str](
        "chabad-auth", rules.NAME, check=23, help="`aud` of our access tokens."
    )
    ACCESS_TOKEN_SECONDS = Setting[int](
        15 * 60, rules.LIFETIME, check=24, help="Seconds for which an access token is good."
    )
    REFRESH_TOKEN_SECONDS = Setting[int](
        30 * 24 * 60 * 60,
        rules.LIFETIME,
        check=25,
        help="Seconds after its last refresh at which a session ends.",
    )
    REFRESH_GRACE_SECONDS = Setting[float](
        20,
        rules.SHORT_TIME,
        check=55,
        help="Seconds after its exchange in which a refresh token gives its successor again. "
        "0: never.",
    )
    TOKEN_LEEWAY_SECONDS = Setting[float](
        10, rules.SHORT_TIME, check=26, help="Seconds by which other clocks may differ from ours."
    )
    TOKEN_MAX_BYTES = Setting[int](
        8 * 1024, rules.BYTES, check=27, help="A longer token is refused unread."
    )
    SCHEDULED_COMMANDS = Setting[Mapping[str, float]](
        {"chabad_purge_deleted": 600, "chabad_rollup_analytics": 3600},
        rules.SCHEDULE,
        check=72,
        shown_default="`chabad_purge_deleted`: 600, `chabad_rollup_analytics`: 3600",
        help="`chabad_purge_deleted`, `chabad_rollup_analytics` or `chabad_archive_analytics` → "
        "the seconds after its last success after which it counts as late; see "
        "[Operations](operations.md#what-to-watch).",
    )


conf: Conf = Conf()
