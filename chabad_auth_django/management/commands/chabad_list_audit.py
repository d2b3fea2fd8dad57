"""List who did what to whom."""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.arguments import time
from chabad_auth_django.management.lists import NEXT_KEY, ListCommand
from chabad_auth_django.models.audit import ACTIONS
from chabad_auth_django.services.identity import audit_log
from chabad_auth_django.validators import to_object_id


class Command(ListCommand):
    help = (
        "List who did what to whom, the newest first: grants, deletions, exports, tokens and "
        "whatever else acts on a user, and the attempts that were refused. It changes nothing. "
        "MongoDB removes entries after AUDIT_RETENTION_DAYS."
    )
    json_keys = {"entries": f"a list of objects with id, {', '.join(audit_log.FIELDS)}", **NEXT_KEY}
    columns = audit_log.FIELDS
    nothing = "No entries."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="ID", help="whom it was done to; also one erased")
        parser.add_argument("--actor", help="who did it: a user's id, or a command's name")
        parser.add_argument("--action", choices=sorted(ACTIONS), metavar="ACTION", help="which")
        parser.add_argument("--since", type=time, metavar="TIME", help="ISO 8601; this or later")
        parser.add_argument("--until", type=time, metavar="TIME", help="ISO 8601; before it")
        super().add_arguments(parser)

    def handle(self, *args: Any, user: str | None, **options: Any) -> None:
        page = audit_log.list_entries(
            **self.page(options, datetime),
            user_id=None if user is None else to_object_id(user),
            **{name: options[name] for name in ("actor", "action", "since", "until")},
        ).fetch()
        found = [
            {"id": row["_id"], **{key: row.get(key) for key in audit_log.FIELDS}}
            for row in page.rows
        ]
        self.show(found, page.next)
