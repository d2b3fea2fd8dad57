"""Sign users out everywhere."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.management.base import add_users
from chabad_auth_django.management.output import plural, to_text
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import sessions


class Command(BaseCommand):
    """End all sessions of users."""

    help = (
        "End all sessions of users: their refresh and access tokens are worthless at once. The "
        "tokens of an issuer stay good; chabad_block_user stops these."
    )
    has_dry_run = True
    is_audited = True
    json_keys = {
        "users": "a list of objects with id, email and sessions (how many)",
        "sessions": "how many in all",
        "dryRun": "whether none was ended",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        add_users(parser)

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:

        def revoke(name: str) -> dict[str, Any]:
            user = creation.find_user(name=name)
            service = sessions.count_sessions if dry_run else sessions.revoke_all_sessions
            return {"id": user.id, "email": user.email, "sessions": service(user_id=user.id)}

        total = 0
        for row in self.each(options["users"], revoke):
            total += row["sessions"]
            self.tell_row(row, f"{to_text(row['email'])}  {plural(row['sessions'], 'session')}")
        verb = "would end" if dry_run else "ended"
        self.report(
            {"users": self.rows, "sessions": total, "dryRun": dry_run},
            [f"{plural(total, 'session')} {verb}."],
        )
