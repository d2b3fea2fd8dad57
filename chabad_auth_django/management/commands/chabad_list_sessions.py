"""List who is signed in."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from django.core.management.base import CommandParser

from chabad_auth_django.management.arguments import time
from chabad_auth_django.management.lists import NEXT_KEY, ListCommand
from chabad_auth_django.management.users import NAME_HELP
from chabad_auth_django.services.identity import users
from chabad_auth_django.services.lifecycle import creation
from chabad_auth_django.services.signing_in import sessions

KEYS = ("userId", "email", "authMethod", "userAgent", "createdAt", "lastUsedAt", "expiresAt")


class Command(ListCommand):
    help = (
        "List the sessions that have not ended, of all users or of one, the last opened first. It "
        "changes nothing; 'chabad_revoke_sessions' ends the sessions of a user."
    )
    json_keys = {"sessions": f"a list of objects with id, {', '.join(KEYS)}", **NEXT_KEY}
    columns = KEYS
    nothing = "No sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", help=NAME_HELP)
        parser.add_argument("--auth-method", help="how they were opened, one of AUTH_METHODS")
        parser.add_argument("--since", type=time, metavar="TIME", help="used then or later")
        super().add_arguments(parser)

    def handle(self, *args: Any, user: str | None, **options: Any) -> None:
        page = sessions.list_all_sessions(
            **self.page(options, ObjectId),
            user_id=None if user is None else creation.find_user(name=user).id,
            auth_method=options["auth_method"],
            used_since=options["since"],
        )
        # Other programs store what they like.
        ids = {id for row in page.rows if isinstance(id := row.get("userId"), ObjectId)}
        owners = users.read_many(user_ids=ids)
        self.show([_session(row, owners) for row in page.rows], page.next)


def _session(row: Mapping[str, Any], owners: Mapping[ObjectId, Any]) -> dict[str, Any]:
    id = row.get("userId")
    owner = owners.get(id, {}) if isinstance(id, ObjectId) else {}
    session = {key: row.get(key) for key in KEYS}
    return {"id": row["_id"], **session, "email": owner.get("email")}
