"""The settings of the ChabadUniverse clients."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chabad_auth_django.conf import rules
from chabad_auth_django.conf.table import Rule, Setting, Table

_COOKIE_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DOMAIN = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+")


class UniverseConf(Table):
    """The settings of the ChabadUniverse clients."""

    app_label = "chabad_auth_universe"

    UNIVERSE_COOKIES = Setting[Sequence[str]](
        ("x-auth-token", "universe_auth_token"),
        Rule(
            lambda value: (
                value and rules.are_names(value) and all(map(_COOKIE_NAME.fullmatch, value))
            ),
            "a list of names of cookies",
        ),
        check=1,
        help="The cookies that may hold a token. The first one is set at a sign-in.",
    )
    UNIVERSE_COOKIE_DOMAINS = Setting[Sequence[str]](
        (),
        Rule(
            lambda value: rules.are_names(value) and all(map(_DOMAIN.fullmatch, value)),
            "a list of domains",
        ),
        check=2,
        help="The parent domains on which scripts of the front ends set these cookies, such as "
        "`.chabaduniverse.com`. A logout deletes the cookies there, too.",
    )
    UNIVERSE_COOKIE_SECONDS = Setting[int](
        14 * 24 * 60 * 60,
        rules.LIFETIME,
        check=3,
        shown_default="14 days",
        help="Seconds after which a sign-in ends. It ends with the token that was sent, if that "
        "expires before.",
    )
    UNIVERSE_EMBEDDED = Setting[bool](
        False,
        rules.BOOLEAN,
        check=4,
        help="Whether a page of another site shows the portal in an iframe. The cookie is then "
        "`SameSite=None; Secure; Partitioned`, and `SameSite=Lax` otherwise.",
    )
    UNIVERSE_APP_ID = Setting[str](
        "chabad-universe",
        Rule(lambda value: rules.is_name(value) and len(value) <= 255, "1 to 255 characters"),
        check=5,
        help="The application that a sign-in is recorded with.",
    )
    UNIVERSE_RULES = Setting[Mapping[str, Sequence[str]] | None](
        None,
        Rule(
            lambda value: value is None or rules.are_names_by_name(value),
            "a dict from role to a list of permissions, or None",
        ),
        check=6,
        shown_default="`ROLE_PERMISSIONS`",
        help="Role → the permissions that the front ends are told of. They compare whole words: "
        "`users:read` is not `read`. Where a role has `*`, it is told `admin`, too.",
    )
    UNIVERSE_DEFAULT_ROLE = Setting[str](
        "user", rules.NAME, check=7, help="The role of whoever has none, for the front ends."
    )
    UNIVERSE_ENRICHMENT = Setting[str | Callable[..., Any] | None](
        None,
        Rule(
            lambda value: value is None or callable(value) or rules.is_name(value),
            "a callable, its dotted path, or None",
        ),
        check=8,
        help="What returns the organizations, roles and permissions at Merkos, as a dict with "
        "these three lists, or `None`. It is called with the `User`, who has a `merkos_user_id`.",
    )
    UNIVERSE_ENRICHMENT_SECONDS = Setting[int](
        60 * 60,
        rules.LIFETIME,
        check=9,
        help="Seconds for which the default cache keeps what the callable returned.",
    )
    UNIVERSE_BATCH_MAX_BYTES = Setting[int](
        10 * 1024 * 1024,
        rules.BYTES,
        check=10,
        help="Bytes of a batch of activities. The front ends keep what is refused and send it "
        "again with more, so let it be large.",
    )
    UNIVERSE_HONOURS_TTL = Setting[bool](
        False,
        rules.BOOLEAN,
        check=11,
        help="Whether an activity is removed when the `ttl` of its batch has passed. It is taken "
        "for a day at least and for `ACTIVITY_RETENTION_DAYS` at most. `chabad_purge_deleted` "
        "removes the activities. Without this all are kept for `ACTIVITY_RETENTION_DAYS`.",
    )
    UNIVERSE_APP_DATA_MAX = Setting[int](
        1000,
        Rule(lambda value: rules.is_integer(value, 1000), "a whole number from 1 to 1000"),
        check=12,
        help="Values of an application that are listed at most.",
    )
    UNIVERSE_MERGES_APP_DATA = Setting[bool](
        False,
        rules.BOOLEAN,
        check=13,
        help="Whether a value that was changed by somebody else is merged with what is stored, "
        "where both are objects and no member differs. Without this it is 409.",
    )


conf = UniverseConf()
