"""Listing users, and granting them roles and permissions."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from bson import ObjectId

from chabad_auth_django.conf import conf
from chabad_auth_django.db.pages import PageQuery, Position
from chabad_auth_django.db.transactions import atomic
from chabad_auth_django.exceptions import PermissionDenied, Text, ValidationError
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import administrators, audit, names
from chabad_auth_django.validators import email_spellings

T = TypeVar("T")

#: What a list of users can be ordered by -> the stored field, which has an index.
ORDERS = {"id": "_id", "email": "email"}


def list_users(
    *,
    order: str = "id",
    limit: int = 100,
    position: Position | None = None,
    email: str | None = None,
    role: str | None = None,
    auth_method: str | None = None,
    valu_user_id: str | None = None,
    merkos_user_id: str | None = None,
    created_since: datetime | None = None,
    created_until: datetime | None = None,
) -> PageQuery:
    """Return a page of the users that match every criterion given, with one query."""
    criteria: dict[str, Any] = {
        "email": None if email is None else {"$in": email_spellings(email)},
        "roles": role,
        "authMethods": auth_method,
        "valuUserId": valu_user_id,
        "merkosUserId": merkos_user_id,
    }
    query = {name: value for name, value in criteria.items() if value is not None}
    created = {"$gte": created_since, "$lt": created_until}
    created = {operator: time for operator, time in created.items() if time is not None}
    if created:
        query["createdAt"] = created
    return PageQuery(
        User.collection(),
        query,
        field=ORDERS[order.removeprefix("-")],
        descending=order.startswith("-"),
        limit=limit,
        position=position,
    )


def read_many(*, user_ids: Collection[ObjectId]) -> dict[ObjectId, dict[str, Any]]:
    """Return ``email`` and ``name`` of the users with these ids, by id, with one query."""
    found = User.collection().find({"_id": {"$in": list(user_ids)}}, {"email": 1, "name": 1})
    return {row["_id"]: row for row in found}


def change_grants(
    *,
    user: User,
    grant: bool,
    roles: Iterable[str] = (),
    permissions: Iterable[str] = (),
    force: bool = False,
    dry_run: bool = False,
) -> list[str]:
    """Give the user the roles and permissions, or without ``grant`` take them away.

    Returns the roles and permissions that this changes. With ``dry_run`` nothing is stored. Raises
    ``UserNotFound``, ``ValidationError``, ``LastAdministrator`` and, for giving what no setting
    knows without ``force``, ``UnknownGrant``; nothing is stored then.
    """
    roles, permissions = list(dict.fromkeys(roles)), list(dict.fromkeys(permissions))
    if grant:
        # What another program stored may be no name, and can be taken away.
        User.check(roles=roles, permissions=permissions)
    new = {
        "role": [name for name in roles if (name in user.role_names) != grant],
        "permission": [name for name in permissions if (name in user.permission_names) != grant],
    }
    verb = "grant" if grant else "revoke"

    @atomic
    def change() -> None:
        for kind, found in new.items():
            if found:
                audit.record(action=f"{kind}.{verb}", user_id=user.id, **{f"{kind}s": found})
        for role in roles:
            user.add_role(role) if grant else user.remove_role(role)
        for permission in permissions:
            user.add_permission(permission) if grant else user.remove_permission(permission)

    with audit.attempt(action=f"{'role' if roles else 'permission'}.{verb}", user_id=user.id):
        if grant and not force:
            names.check_known(roles=roles, permissions=permissions)
        if not grant and dry_run:
            left = partial(_left, roles=roles, permissions=permissions)
            administrators.check_one_stays(user_id=user.id, left=left)
        elif not grant:
            revoke(user_id=user.id, roles=roles, permissions=permissions, change=change)
        elif not dry_run:
            change()
    return [*new["role"], *new["permission"]]


def revoke(
    *,
    user_id: ObjectId,
    change: Callable[[], T],
    roles: Collection[str] = (),
    permissions: Collection[str] = (),
) -> T:
    """Return what the change returns that takes the roles and permissions from the user.

    Raises ``LastAdministrator``.
    """
    granted = {name for role in roles for name in conf.ROLE_PERMISSIONS.get(role, ())}
    if administrators.EVERYTHING not in granted.union(permissions):
        return change()
    left = partial(_left, roles=roles, permissions=permissions)
    return administrators.keep_one(user_id=user_id, left=left, change=change)


def _left(user: User, *, roles: Collection[str], permissions: Collection[str]) -> set[str]:
    return user.effective_permissions(without_roles=roles, without_permissions=permissions)


def admin_role() -> str:
    """Return the role that grants everything; raise ``ValidationError`` where none does."""
    for role, permissions in conf.ROLE_PERMISSIONS.items():
        if administrators.EVERYTHING in permissions:
            return role
    raise ValidationError('No role in CHABAD_AUTH["ROLE_PERMISSIONS"] grants "*".')


def check_may_grant_role(*, actor: User, role: str) -> None:
    """Raise ``PermissionDenied`` where the role grants more than the actor has.

    Raises ``UnknownGrant`` for a role that no setting knows.
    """
    for permission in conf.ROLE_PERMISSIONS.get(role, ()):
        _check_has(actor, permission)
    names.check_known(roles=[role])


def check_reaches(*, actor: User, target: User) -> None:
    """Raise ``PermissionDenied`` where the target may do something that the actor may not.

    Otherwise the actor could take over an account with more rights, or delete its own supervisors.
    Rights that the target gets after it was read do not count.
    """
    if not all(map(actor.has_permission, target.effective_permissions())):
        raise PermissionDenied("The user may do more than you.")


def check_may_grant(*, actor: User, permission: str) -> None:
    """Raise ``PermissionDenied`` where the actor lacks the permission.

    Otherwise somebody who may grant permissions could take all of them. Raises ``UnknownGrant`` for
    a permission that no setting knows.
    """
    _check_has(actor, permission)
    names.check_known(permissions=[permission])


def _check_has(actor: User, permission: str) -> None:
    if not actor.has_permission(permission):
        raise PermissionDenied(
            Text("Granting {permission} takes having it.", permission=repr(permission[:100]))
        )
