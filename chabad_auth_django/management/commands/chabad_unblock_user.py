"""Let blocked users sign in again."""

from typing import Any

from chabad_auth_django.exceptions import NotFound
from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.management.users import UsersCommand
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import blocking


class Command(UsersCommand):
    help = (
        "Let blocked users sign in again. The sessions that the block ended stay ended. Running it "
        "again changes nothing."
    )
    json_keys = {
        "users": "a list of objects with id, email and changed (whether the user was blocked)",
        "unblocked": "how many users may sign in again",
    }

    def handle(self, *args: Any, **options: Any) -> None:

        def unblock(user: User) -> dict[str, Any]:
            try:
                blocking.unblock_user(user_id=user.id)
            except NotFound:
                return {"changed": False}
            return {"changed": True}

        count = 0
        for row in self.each_user(options["users"], unblock):
            count += 1
            outcome = "unblocked" if row["changed"] else "was not blocked"
            self.tell_row(row, f"{to_text(row['email'])}  {outcome}")
        self.report(
            {"users": self.rows, "unblocked": count},
            [f"{plural(count, 'user')} may sign in again."],
        )
