"""What Merkos knows of a user: asked for by a callable of the project, and kept for a while."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.utils.module_loading import import_string

from chabad_auth_django.contrib.universe.conf import conf
from chabad_auth_django.exceptions import Unavailable
from chabad_auth_django.failures import log_failure
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now

#: The front ends go through each of these lists.
LISTS = ("organizations", "roles", "permissions")


def enrich(*, user: User) -> dict[str, Any] | None:
    """Return the answer to a front end; ``None`` where nothing is known of the user.

    Raises ``Unavailable`` where the callable fails, or returns something else than lists.
    """
    if conf.UNIVERSE_ENRICHMENT is None or not user.merkos_user_id:
        return None
    key = _key(user)
    kept = _kept(key)
    found, expires_at = kept or _ask(user)
    if kept is None:
        _keep(key, (found, expires_at))
    if found is None:
        return None
    return {"enrichment": found, "fromCache": kept is not None, "expiresAt": expires_at}


def _ask(user: User) -> tuple[dict[str, Any] | None, datetime]:
    given = conf.UNIVERSE_ENRICHMENT
    ask: Any = import_string(given) if isinstance(given, str) else given
    try:
        found = ask(user) or {}
        values = {name: found.get(name) or [] for name in LISTS}
        if any(isinstance(value, (str, Mapping)) for value in values.values()):
            raise TypeError("It returned something else than lists.")
        lists = {name: list(value) for name, value in values.items()} if found else None
    except Exception as error:
        # The service behind it is away, for one; the text could name the user.
        log_failure(ask, error, moment="when it was asked for the enrichment of a user")
        raise Unavailable("Merkos does not answer now. Try again.") from error
    return lists, now() + timedelta(seconds=conf.UNIVERSE_ENRICHMENT_SECONDS)


def _key(user: User) -> str:
    # Hashed: not every key suits each cache.
    digest = sha256(f"{user.id} {user.merkos_user_id}".encode(errors="replace")).hexdigest()
    return f"chabad_auth_universe.enrichment.{digest}"


def _kept(key: str) -> tuple[Any, datetime] | None:
    try:
        kept = cache.get(key)
    except Exception as error:
        log_failure(cache.get, error, moment="when it was asked for an enrichment")
        return None
    return kept if kept and isinstance(kept, tuple) and kept[1] > now() else None


def _keep(key: str, value: tuple[Any, datetime]) -> None:
    try:
        cache.set(key, value, conf.UNIVERSE_ENRICHMENT_SECONDS)
    except Exception as error:
        log_failure(cache.set, error, moment="when it was given an enrichment")
