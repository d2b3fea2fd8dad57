"""Sign users out everywhere."""

from typing import Any

from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.management.users import UsersCommand
from chabad_auth_django.models import User
from chabad_auth_django.services.signing_in import sessions


class Command(UsersCommand):
    help = (
        "End all sessions of users. Their refresh and access tokens stop working at once. Tokens "
        "of an issuer stay valid; chabad_block_user stops these."
    )
    has_dry_run = True
    json_keys = {
        "users": "a list of objects with id, email and sessions (how many)",
        "sessions": "how many in all",
    }

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:

        def revoke(user: User) -> dict[str, Any]:
            service = sessions.count_sessions if dry_run else sessions.revoke_all_sessions
            return {"sessions": service(user_id=user.id)}

        total = 0
        for row in self.each_user(options["users"], revoke):
            total += row["sessions"]
            self.tell_row(row, f"{to_text(row['email'])}  {plural(row['sessions'], 'session')}")
        verb = "would end" if dry_run else "ended"
        self.report(
            {"users": self.rows, "sessions": total}, [f"{plural(total, 'session')} {verb}."]
        )
