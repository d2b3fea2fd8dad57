"""The names of known roles and permissions; any other name would grant nothing."""

from collections.abc import Iterable

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import UnknownGrant
from chabad_auth_django.models import User
from chabad_auth_django.services.identity.administrators import EVERYTHING

#: What the API's permissions are about: the word before the colon.
RESOURCES = (
    "users",
    "exports",
    "erasures",
    "roles",
    "permissions",
    "profiles",
    "preferences",
    "activities",
    "analytics",
    "app-data",
    "identities",
    "audit",
)

#: Further permissions that the API asks for.
FURTHER = ("users:block",)


def known_roles() -> set[str]:
    """Return the roles that the settings know, and those that every user has by default."""
    return {*conf.ROLE_PERMISSIONS, *User.fields()["roles"].default()}


def api_permissions() -> set[str]:
    """Return the permissions that the API asks for."""
    own = {f"{resource}:{verb}" for resource in RESOURCES for verb in ("read", "write", "*")}
    return {EVERYTHING, *FURTHER, *own}


def known_permissions() -> set[str]:
    """Return the permissions that the settings and the API know."""
    granted = (name for names in conf.ROLE_PERMISSIONS.values() for name in names)
    return {*api_permissions(), *granted, *conf.PERMISSIONS}


def check_known(*, roles: Iterable[str] = (), permissions: Iterable[str] = ()) -> None:
    """Raise ``ValidationError`` for an invalid name, and ``UnknownGrant`` for one nobody knows."""
    roles, permissions = list(roles), list(permissions)
    User.check(roles=roles, permissions=permissions)
    errors = {}
    if unknown := set(roles) - known_roles():
        errors["roles"] = f"ROLE_PERMISSIONS does not know {_listed(unknown)}."
    if unknown := set(permissions) - known_permissions():
        errors["permissions"] = f"Neither the API nor a setting knows {_listed(unknown)}."
    if errors:
        raise UnknownGrant(errors=errors)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
