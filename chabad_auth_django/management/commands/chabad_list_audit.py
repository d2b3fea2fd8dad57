"""List who did what to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.arguments import time, whole_number
from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.management.output import Line, Table
from chabad_auth_django.models.audit import ACTIONS
from chabad_auth_django.models.fields import to_utc
from chabad_auth_django.services.identity import audit_log
from chabad_auth_django.validators import to_object_id

#: The most entries that are shown at once.
MAX_LIMIT = 10_000


class Command(BaseCommand):
    """List entries of the audit trail, the newest first."""

    help = (
        "List who did what to whom, the newest first: grants, deletions, exports, tokens and "
        "whatever else acts on a user, and what of it was refused. It changes nothing. Entries "
        "go after AUDIT_RETENTION_DAYS."
    )
    json_keys = {
        "entries": f"a list of objects with id, {', '.join(audit_log.FIELDS)}",
        "next": "the time of the last entry if there are older ones, for --until; else null",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="ID", help="whom it was done to; also one erased")
        parser.add_argument("--actor", help="who did it: a user's id, or a command's name")
        parser.add_argument("--action", choices=sorted(ACTIONS), metavar="ACTION", help="which")
        parser.add_argument("--since", type=time, metavar="TIME", help="ISO 8601; this or later")
        parser.add_argument("--until", type=time, metavar="TIME", help="ISO 8601; before it")
        parser.add_argument(
            "--limit",
            type=whole_number(1, MAX_LIMIT),
            default=100,
            help=f"how many, 1 to {MAX_LIMIT:,} (100)",
        )

    def handle(self, *args: Any, limit: int, **options: Any) -> None:
        user = options["user"]
        page = audit_log.list_entries(
            limit=limit,
            user_id=None if user is None else to_object_id(user),
            **{name: options[name] for name in ("actor", "action", "since", "until")},
        ).fetch()
        following = to_utc(page.rows[-1]["timestamp"]) if page.next else None
        lines: list[Line] = [Table(list(map(_cells, page.rows)), audit_log.FIELDS)]
        self.report(
            {"entries": list(map(_entry, page.rows)), "next": following},
            lines if page.rows else ["No entries."],
        )


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: row.get(key) for key in audit_log.FIELDS}
    return {"id": row["_id"], **found, "timestamp": to_utc(row["timestamp"])}


def _cells(row: Mapping[str, Any]) -> list[Any]:
    return list(_entry(row).values())[1:]
