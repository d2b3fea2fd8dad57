"""Roles that follow from what an account of the Django project is: a superuser, or in a group.

They are given and taken at a sign-in with the account and whenever it is looked at, so that whoever
is no superuser any more is no administrator at the next request. Roles that the settings do not
name are left alone. The last administrator stays one.
"""

from __future__ import annotations

from contextlib import suppress

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import LastAdministrator
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import audit, hosts, names, users


def managed() -> set[str]:
    """Return the roles that follow from accounts; what ``ROLE_PERMISSIONS`` lacks does not."""
    return _named() & names.known_roles()


def unknown() -> set[str]:
    """Return the roles that the settings name and ``ROLE_PERMISSIONS`` does not know."""
    return _named() - names.known_roles()


def follow(*, user: User, account: object) -> None:
    """Give the user the roles that the account stands for, and take those that it does not."""
    roles = managed()
    if not roles:
        return
    wanted = roles & set(hosts.adapter().roles(account=account))
    had = set(user.roles or [])
    # Else the refusal for the last administrator would be an audit entry at each request.
    with audit.rehearsal():
        if missing := wanted - had:
            users.change_grants(user=user, grant=True, roles=sorted(missing))
        if surplus := (roles - wanted) & had - set(User().roles):
            with suppress(LastAdministrator):
                users.change_grants(user=user, grant=False, roles=sorted(surplus))


def _named() -> set[str]:
    return set(conf.HOST_SUPERUSER_ROLES).union(*conf.HOST_GROUP_ROLES.values())
