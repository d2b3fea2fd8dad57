"""Give users roles and permissions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from chabad_auth_django.conf import conf
from chabad_auth_django.management.base import EXIT_ERROR, add_users
from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.management.output import table
from chabad_auth_django.services import accounts, users


class Command(BaseCommand):
    """Give users roles and permissions; ``chabad_revoke`` takes them."""

    help = "Give users roles and permissions. Running it again changes nothing."
    has_dry_run = True
    json_keys = {
        "users": "a list of objects with id, email, changed (a list), roles and permissions",
        "changed": "how many users changed",
        "unchanged": "how many had it so already",
        "dryRun": "whether nothing was stored",
    }
    grant: ClassVar[bool] = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the users and what they are given."""
        add_users(parser)
        parser.add_argument("--role", action="append", default=[], help="may be repeated")
        parser.add_argument("--permission", action="append", default=[], help="may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the service for each user."""
        roles, permissions, dry_run = options["role"], options["permission"], options["dry_run"]
        if not roles and not permissions:
            raise CommandError("Give --role or --permission, or both.", returncode=EXIT_ERROR)
        for role in set(roles) - set(conf.ROLE_PERMISSIONS):
            self.say(f'Note: CHABAD_AUTH["ROLE_PERMISSIONS"] does not know the role {role!r}.')

        def change(name: str) -> dict[str, Any]:
            user = accounts.find_user(name=name)
            changed = users.change_grants(
                user=user, grant=self.grant, roles=roles, permissions=permissions, dry_run=dry_run
            )
            return {
                "id": user.id,
                "email": user.email,
                "changed": changed,
                "roles": user.roles,
                "permissions": user.permissions,
            }

        rows = list(self.each(options["users"], change))
        count = sum(bool(row["changed"]) for row in rows)
        result = {
            "users": rows,
            "changed": count,
            "unchanged": len(rows) - count,
            "dryRun": dry_run,
        }
        lines = table([list(row.values()) for row in rows], list(rows[0]) if rows else [])
        would = " (dry run: nothing was stored)" if dry_run else ""
        summary = f"{count} users changed, {len(rows) - count} had it so already{would}."
        self.report(result, [*lines, summary])
