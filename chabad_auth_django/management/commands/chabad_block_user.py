"""Block users."""

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.management.users import UsersCommand
from chabad_auth_django.models import User
from chabad_auth_django.services.identity import blocking


class Command(UsersCommand):
    help = (
        "Block users. All their sessions end, and they cannot sign in until chabad_unblock_user. "
        "Running it again changes the reason and the text."
    )
    json_keys = {
        "users": "a list of objects with id, email and new (whether the user was not blocked)",
        "blocked": "how many users are blocked now",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", required=True, help="a code, such as abuse")
        parser.add_argument("--text", help="an explanation for staff")

    def handle(self, *args: Any, reason: str, text: str | None, **options: Any) -> None:

        def block(user: User) -> dict[str, Any]:
            _, is_new = blocking.block_user(user_id=user.id, reason=reason, text=text)
            return {"new": is_new}

        count = 0
        for row in self.each_user(options["users"], block):
            count += 1
            outcome = "blocked" if row["new"] else "was blocked already"
            self.tell_row(row, f"{to_text(row['email'])}  {outcome}")
        self.report(
            {"users": self.rows, "blocked": count},
            [f"{plural(count, 'user')} {'is' if count == 1 else 'are'} blocked."],
        )
