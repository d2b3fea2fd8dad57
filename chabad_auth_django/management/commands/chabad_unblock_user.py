"""Let blocked users sign in again."""

from typing import Any

from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.management.users import UsersCommand
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import blocking


class Command(UsersCommand):
    help = "Let blocked users sign in again. The sessions that the block ended stay ended."
    json_keys = {
        "users": "a list of objects with id and email",
        "unblocked": "how many users may sign in again",
    }

    def handle(self, *args: Any, **options: Any) -> None:

        def unblock(user: User) -> dict[str, Any]:
            blocking.unblock_user(user_id=user.id)
            return {}

        count = 0
        for row in self.each_user(options["users"], unblock):
            count += 1
            self.tell_row(row, f"{to_text(row['email'])}  unblocked")
        self.report(
            {"users": self.rows, "unblocked": count},
            [f"{plural(count, 'user')} may sign in again."],
        )
