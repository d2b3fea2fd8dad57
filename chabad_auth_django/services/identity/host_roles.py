"""Roles that follow from what an account of the Django project is: a superuser, or in a group.

They are given and taken at each sign-in with the account and each check of it. So somebody who is
no longer a superuser is no administrator at the next request, however that is authenticated.
Unlinking the account takes them too. Roles that the settings do not name are left alone. The last
administrator stays one.
"""

from collections.abc import Iterable
from contextlib import suppress

from bson import ObjectId

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import LastAdministrator
from chabad_auth_django.models import ExternalId, User
from chabad_auth_django.models.external_id import HOST
from chabad_auth_django.services.identity import audit, hosts, names, users


def managed() -> set[str]:
    """Return the roles that follow from accounts; what ``ROLE_PERMISSIONS`` lacks does not."""
    named = _named()
    return named & names.known_roles() if named else named


def unknown() -> set[str]:
    """Return the roles that the settings name and ``ROLE_PERMISSIONS`` does not know."""
    return _named() - names.known_roles()


def follow(*, user: User, account: object) -> None:
    """Give the user the roles that the account stands for; take those that no account does."""
    roles = managed()
    if not roles:
        return
    wanted = roles & set(hosts.adapter().roles(account=account))
    if missing := wanted - set(user.role_names):
        users.change_grants(user=user, grant=True, roles=sorted(missing))
    if roles & set(user.role_names) - wanted:
        recheck(user=user)


def recheck(*, user: User) -> None:
    """Take the roles that no account of the user stands for now.

    A user without an account of this project keeps them.
    """
    had = managed() & set(user.role_names)
    if had and (keys := _account_keys(user)):
        _take(user, had - _stood_for(keys))


def forget(*, user_id: ObjectId) -> None:
    """Take the roles of a user from whom an account was unlinked, as far as no other gives them."""
    user = User.find_by_id(user_id)
    if user is not None and (had := managed() & set(user.role_names)):
        _take(user, had - _stood_for(_account_keys(user)))


def _take(user: User, roles: set[str]) -> None:
    surplus = roles & set(user.role_names) - set(User.fields()["roles"].default())
    # Else the refusal for the last administrator would be an audit entry at each request.
    with audit.rehearsal(), suppress(LastAdministrator):
        if surplus:
            users.change_grants(user=user, grant=False, roles=sorted(surplus))


def _account_keys(user: User) -> list[str]:
    """Return the claims of the user on accounts of this project."""
    begin = ExternalId.account_prefix(HOST, str(conf.HOST_ID))
    found = ExternalId.collection().find({"userId": user.id}, {"_id": 1})
    return [claim["_id"] for claim in found if claim["_id"].startswith(begin)]


def _stood_for(keys: Iterable[str]) -> set[str]:
    """Return the roles for which the accounts with these claims stand, if they still live."""
    host = hosts.adapter()
    roles: set[str] = set()
    for key in keys:
        account = host.get_account(primary_key=ExternalId.parse_account_key(key)[1][1])
        if account is None or not host.is_active(account=account):
            continue
        if hosts.host_key(account=account) == key:
            roles.update(host.roles(account=account))
    return roles


def _named() -> set[str]:
    return set(conf.HOST_SUPERUSER_ROLES).union(*conf.HOST_GROUP_ROLES.values())
