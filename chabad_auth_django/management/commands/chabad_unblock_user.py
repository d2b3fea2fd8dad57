"""Let blocked users sign in again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.management.base import add_users
from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.services.identity import blocking
from chabad_auth_django.services.lifecycle import creation


class Command(BaseCommand):
    """Lift the block of users."""

    help = "Let blocked users sign in again. The sessions that the block ended stay ended."
    is_audited = True
    json_keys = {
        "users": "a list of objects with id and email",
        "unblocked": "how many users may sign in again",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        add_users(parser)

    def handle(self, *args: Any, **options: Any) -> None:

        def unblock(name: str) -> dict[str, Any]:
            user = creation.find_user(name=name)
            blocking.unblock_user(user_id=user.id)
            return {"id": user.id, "email": user.email}

        count = 0
        for row in self.each(options["users"], unblock):
            count += 1
            self.tell_row(row, f"{to_text(row['email'])}  unblocked")
        self.report(
            {"users": self.rows, "unblocked": count},
            [f"{plural(count, 'user')} may sign in again."],
        )
