"""Find users of whom little is known."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from django.core.management.base import CommandParser

from chabad_auth_django.management.arguments import time
from chabad_auth_django.management.lists import NEXT_KEY, ListCommand
from chabad_auth_django.services.identity import search

KEYS = (
    "id",
    "email",
    "name",
    "roles",
    "authMethods",
    "valuUserId",
    "merkosUserId",
    "blocked",
    "lastLogin",
    "createdAt",
)


class Command(ListCommand):
    help = (
        "Find users who match every option. The newest come first; with --email they are in its "
        "order. It changes nothing. A search that no index serves stops after 2 seconds and says "
        "so."
    )
    json_keys = {"users": f"a list of objects with {', '.join(KEYS)}", **NEXT_KEY}
    columns = ("id", "email", "name", "roles", "blocked", "lastLogin")
    nothing = "Nobody matches."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", metavar="PREFIX", help="how the e-mail address begins")
        parser.add_argument(
            "--name", metavar="PART", help="a part of the name, or of the profile's display name"
        )
        parser.add_argument(
            "--external-id",
            metavar="ID",
            help="a Valu or Merkos id, the subject at an issuer, or an account's primary key",
        )
        parser.add_argument("--role", help="a role")
        parser.add_argument("--since", type=time, metavar="TIME", help="created then or later")
        blocked = parser.add_mutually_exclusive_group()
        blocked.add_argument(
            "--blocked", action="store_true", default=None, help="only who is blocked"
        )
        blocked.add_argument(
            "--not-blocked", action="store_false", dest="blocked", help="only who is not"
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, email: str | None, **options: Any) -> None:
        page = search.find_users(
            **self.page(options, ObjectId if email is None else str),
            email_prefix=email,
            name_part=options["name"],
            external_id=options["external_id"],
            role=options["role"],
            created_since=options["since"],
            is_blocked=options["blocked"],
        )
        blocked = search.find_blocked(user_ids=[row["_id"] for row in page.rows])
        self.show([_user(row, row["_id"] in blocked) for row in page.rows], page.next)


def _user(row: Mapping[str, Any], is_blocked: bool) -> dict[str, Any]:
    user = {key: row.get(key) for key in KEYS}
    return {**user, "id": row["_id"], "blocked": is_blocked}
