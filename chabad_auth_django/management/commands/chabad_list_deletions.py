"""List the deletions that are under way, and the receipts that nobody has taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.arguments import add_page, following, page_of
from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.management.output import Line, Table
from chabad_auth_django.services.lifecycle import departed
from chabad_auth_django.services.lifecycle.departed import Departure

KEYS = ("id", "state", "since", "ageSeconds", "dueAt", "finishedAt", "receipt", "left")


class Command(BaseCommand):
    """List deletions, the oldest first."""

    help = (
        "List the users who are being deleted, and those who were and whose receipt was not taken, "
        "the oldest first. The state is purging; waiting (for the last sweep, at dueAt); finished "
        "(only the receipt is left, which 'chabad_erase_user ID' gives); or creating, where there "
        "are no transactions. It changes nothing; 'chabad_purge_deleted' goes on with all of them."
    )
    json_keys = {
        "deletions": f"a list of objects with {', '.join(KEYS)}; receipt says whether there is "
        "one, left how many documents the user still has",
        "next": "what --after takes to go on; null where there are no more",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        add_page(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found, position = departed.list_departures(**page_of(options, datetime))
        after, more = following(position)
        rows = [_to_dict(item) for item in found]
        table = Table([list(row.values()) for row in rows], KEYS)
        lines: list[Line] = [table] if rows else ["No deletion is under way, and no receipt waits."]
        self.report({"deletions": rows, "next": after}, [*lines, *more])


def _to_dict(item: Departure) -> dict[str, Any]:
    values = (
        item.user_id,
        item.state,
        item.since,
        round(item.age_seconds),
        item.due_at,
        item.finished_at,
        item.has_receipt,
        item.left,
    )
    return dict(zip(KEYS, values, strict=True))
