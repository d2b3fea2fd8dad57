"""Who somebody is, and which role may do what, as the front ends read it."""

from collections.abc import Sequence
from typing import Any

from chabad_auth_django.conf import conf as core_conf
from chabad_auth_django.contrib.universe.conf import conf
from chabad_auth_django.contrib.universe.mapping.shared import Row, object_in, text
from chabad_auth_django.models import User

#: The authentication methods that are accounts somewhere else.
PROVIDERS = ("google", "chabad-org")


def identity(user: User, profile: Row | None) -> dict[str, Any]:
    """Return the identity of a user with the stored Profile."""
    stored, profile = user.stored or {}, profile or {}
    merkos, valu = text(stored.get("merkosUserId")), text(stored.get("valuUserId"))
    methods = stored.get("authMethods")
    linked = [name for name, value in (("merkos", merkos), ("valu", valu)) if value]
    linked += [name for name in PROVIDERS if isinstance(methods, list) and name in methods]
    shape = {
        "universeUserId": user.id,
        "email": stored.get("email"),
        "displayName": text(profile.get("displayName")) or user.display_name,
        "linkedAccounts": linked,
        "merkosUserId": merkos,
        "valuUserId": valu,
        "avatarUrl": text(object_in(profile, "avatar").get("url")),
        "createdAt": stored.get("createdAt"),
        "updatedAt": stored.get("updatedAt"),
    }
    return {name: value for name, value in shape.items() if value is not None}


def signed_in(user: User) -> dict[str, Any]:
    """Return the user of a single sign-on."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.display_name or str(user.id),
        "roles": user.role_names,
    }


def rules() -> dict[str, Any]:
    """Return which role may do what."""
    table = conf.UNIVERSE_RULES
    if table is None:
        table = core_conf.ROLE_PERMISSIONS
    roles = [{"role": role, "permissions": _words(table[role])} for role in table]
    return {"roles": roles, "defaultRole": conf.UNIVERSE_DEFAULT_ROLE}


def _words(permissions: Sequence[str]) -> list[str]:
    # "admin" is the clients' word for all.
    return [*permissions, *(["admin"] if "*" in permissions and "admin" not in permissions else [])]
