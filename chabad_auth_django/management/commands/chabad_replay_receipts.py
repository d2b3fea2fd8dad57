"""Delete again whom a restored dump has brought back."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from bson import ObjectId
from django.core.management.base import CommandParser

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.management.base import NotDone, OperatorCommand
from chabad_auth_django.management.commands.chabad_delete_user import Command as DeleteUser
from chabad_auth_django.management.commands.chabad_delete_user import counts
from chabad_auth_django.management.output import plural
from chabad_auth_django.services.lifecycle import purging, replay
from chabad_auth_django.services.lifecycle.replay import Gone


class Command(DeleteUser):
    help = (
        "After an old dump was restored: delete every user again who has a receipt, with all "
        "data. The files hold receipts as 'chabad_erase_user --json' and 'chabad_delete_user "
        "--json' print them, or entries as 'chabad_list_audit --json' does; several objects stand "
        "one in each line. A user who was imported after the receipt stays. It says what it will "
        "delete and asks, unless --yes is given; 'chabad_purge_deleted' does the last sweep. "
        "Running it again deletes nobody else."
    )
    action = "user.erase"
    go_on = OperatorCommand.go_on
    go_on_by_id = "'chabad_erase_user' ends, with a receipt, the deletions of"
    json_keys = {
        **DeleteUser.json_keys,
        "users": "a list of objects as chabad_delete_user prints them; without receipt where "
        "documents came back without the user",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="+", metavar="FILE", help="its path; - is standard input"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read all files before a user is deleted."""
        gone = [item for name in options["files"] for item in _read(name)]
        users, others = replay.find(gone=gone)
        self.tell(f"{plural(len(gone), 'receipt')}; {len(users):,} of these users came back.")
        if others:
            self._purge(others, ask=not options["yes"], dry_run=options["dry_run"])
        super().handle(*args, users=list(map(str, users)), **options)

    def _purge(self, user_ids: list[ObjectId], *, ask: bool, dry_run: bool) -> None:
        if ask and not dry_run:
            self.confirm(
                f"This will delete what came back of {plural(len(user_ids), 'user')} without the "
                f"user, from {connection.describe()}.",
                str(len(user_ids)),
            )
        for user_id in user_ids:
            found = purging.count_documents(user_id=user_id)
            if not dry_run:
                replay.purge(user_id=user_id)
            self.documents += sum(found.values())
            row = {"id": user_id, "email": None, "documents": found}
            verb = "would delete" if dry_run else "deleted"
            self.tell_row(row, f"{verb}  {user_id}, without the user  {counts(found)}")


def _read(name: str) -> list[Gone]:
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            return list(replay.parse(file))
    except ValidationError as error:
        raise NotDone(f"{name}: {error.detail} Nothing was done.") from error
