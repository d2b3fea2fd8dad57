"""List the deletions that are under way, and the receipts that nobody has taken."""

from datetime import datetime
from typing import Any

from chabad_auth_django.management.lists import NEXT_KEY, ListCommand
from chabad_auth_django.services.lifecycle import deletion_status
from chabad_auth_django.services.lifecycle.deletion_status import DeletionStatus

KEYS = ("id", "state", "since", "ageSeconds", "dueAt", "finishedAt", "receipt", "left")


class Command(ListCommand):
    help = (
        "List the deletions that are not finished, and the receipts that were not printed yet, "
        "the oldest first. The state is purging; waiting (for the last sweep, at dueAt); finished "
        "(only the receipt is left, which 'chabad_erase_user ID' prints); or creating, where "
        "there are no transactions. It changes nothing; 'chabad_purge_deleted' continues all of "
        "them."
    )
    json_keys = {
        "deletions": f"a list of objects with {', '.join(KEYS)}; receipt says whether there is "
        "one, left how many documents the user still has",
        **NEXT_KEY,
    }
    columns = KEYS
    nothing = "No deletion is under way, and no receipt waits."

    def handle(self, *args: Any, **options: Any) -> None:
        found, position = deletion_status.list_deletions(**self.page(options, datetime))
        self.show(list(map(_to_dict, found)), position)


def _to_dict(item: DeletionStatus) -> dict[str, Any]:
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
