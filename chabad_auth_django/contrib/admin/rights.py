"""Who may do what on the pages for staff: Django's permissions, and groups that have some."""

import sys
from typing import Any

from django.apps import AppConfig
from django.apps import apps as global_apps
from django.contrib.auth.management import create_permissions
from django.db import DEFAULT_DB_ALIAS, router
from django.utils.translation import gettext

from chabad_auth_django.exceptions import PermissionDenied
from chabad_auth_django.models import User
from chabad_auth_django.services.identity.administrators import EVERYTHING

LABEL = "chabad_admin"

#: The permissions, without the app's label.
PERMISSIONS = (
    "view_people",
    "view_events",
    "view_raw",
    "change_people",
    "change_grants",
    "end_sessions",
    "block_people",
    "export_people",
    "erase_people",
    "view_operations",
)

_SUPPORT = ("view_people", "view_events", "end_sessions")

#: The groups that are made when the app is installed.
GROUPS: dict[str, tuple[str, ...]] = {
    "Support": _SUPPORT,
    "Moderator": (*_SUPPORT, "block_people"),
    "Privacy": (*_SUPPORT, "export_people", "erase_people"),
    "Operator": ("view_operations",),
}


def holds(account: Any, *permissions: str) -> bool:
    """Tell whether the staff member has one of the permissions; everybody has one of none."""
    return not permissions or any(account.has_perm(f"{LABEL}.{name}") for name in permissions)


def check_holds(account: Any, permission: str) -> None:
    """Raise ``PermissionDenied`` where the staff member lacks the permission."""
    if not holds(account, permission):
        text = gettext("This takes the permission %(name)s.")
        raise PermissionDenied(text % {"name": f"{LABEL}.{permission}"})


def check_reaches(account: Any, user: User) -> None:
    """Raise ``PermissionDenied`` where the user may do more than the staff member acts on.

    Whoever holds more than the default role takes ``change_grants``, and a holder of ``*`` a
    superuser.
    """
    if EVERYTHING in user.effective_permissions():
        if not account.is_superuser:
            raise PermissionDenied(gettext("Acting on an administrator takes a superuser."))
    elif user.has_more_than_default_role() and not holds(account, "change_grants"):
        text = gettext(
            "Acting on somebody with more than the default role takes the permission %(name)s."
        )
        raise PermissionDenied(text % {"name": f"{LABEL}.change_grants"})


def make_groups(
    sender: AppConfig,
    *,
    using: str = DEFAULT_DB_ALIAS,
    plan: Any = (),
    apps: Any = global_apps,
    verbosity: int = 1,
    stdout: Any = None,
    **kwargs: Any,
) -> None:
    """Receive ``post_migrate``: make the groups when the app's first migration has been applied.

    So what an administrator changes is never put back. A group of the project's own that has one
    of the names is left as it is.
    """
    installed = any(
        migration.app_label == LABEL and migration.name == "0001_initial" and not is_backward
        for migration, is_backward in plan
    )
    group_model, permission_model = (
        global_apps.get_model("auth", name) for name in ("Group", "Permission")
    )
    if not installed or not router.allow_migrate_model(using, group_model):
        return
    # The receiver of django.contrib.auth may come later.
    create_permissions(sender, using=using, verbosity=0)
    for name, permissions in GROUPS.items():
        group, is_new = group_model._default_manager.using(using).get_or_create(name=name)
        if is_new:
            found = permission_model._default_manager.using(using).filter(
                content_type__app_label=LABEL, codename__in=permissions
            )
            group.permissions.set(found)
        elif verbosity:
            text = f"  The group {name} is there already, and stays as it is.\n"
            (stdout or sys.stdout).write(text)
