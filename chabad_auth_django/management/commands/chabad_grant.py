"""Give users roles and permissions."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import NotDone
from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.management.users import UsersCommand
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import users


class Command(UsersCommand):
    help = "Give users roles and permissions. Running it again changes nothing."
    has_dry_run = True
    json_keys = {
        "users": "a list of objects with id, email, changed (a list), roles and permissions",
        "changed": "how many users changed",
        "unchanged": "how many had it so already",
    }
    grant: ClassVar[bool] = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        if self.grant:
            parser.add_argument(
                "--force", action="store_true", help="give what no setting knows, too"
            )
        parser.add_argument("--role", action="append", default=[], help="may be repeated")
        parser.add_argument("--permission", action="append", default=[], help="may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        roles, permissions, dry_run = options["role"], options["permission"], options["dry_run"]
        if not roles and not permissions:
            raise NotDone("Give --role or --permission, or both.")

        def change(user: User) -> dict[str, Any]:
            changed = users.change_grants(
                user=user,
                grant=self.grant,
                roles=roles,
                permissions=permissions,
                force=options.get("force", False),
                dry_run=dry_run,
            )
            return {"changed": changed, "roles": user.roles, "permissions": user.permissions}

        count: Counter[bool] = Counter()
        for row in self.each_user(options["users"], change):
            count[bool(row["changed"])] += 1
            self.tell_row(row, _line(row, dry_run=dry_run))
        changed, unchanged = count[True], count[False]
        would = " (dry run: nothing was stored)" if dry_run else ""
        self.report(
            {"users": self.rows, "changed": changed, "unchanged": unchanged},
            [f"{plural(changed, 'user')} changed, {unchanged:,} had it so already{would}."],
        )


def _line(row: Mapping[str, Any], *, dry_run: bool) -> str:
    verb = "would change" if dry_run else "changed"
    changed = f"{verb} {to_text(row['changed'])}" if row["changed"] else "unchanged"
    names = (f"{name}: {to_text(row[name])}" for name in ("roles", "permissions"))
    return "  ".join([to_text(row["email"]), changed, *names])
