"""Erase users for good, with a receipt."""

from functools import partial
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.base import Found
from chabad_auth_django.management.commands.chabad_delete_user import Command as DeleteUser
from chabad_auth_django.management.commands.chabad_delete_user import counts
from chabad_auth_django.management.commands.chabad_purge_deleted import left_to_others
from chabad_auth_django.management.output import to_text
from chabad_auth_django.services.lifecycle import deletion, receipts
from chabad_auth_django.services.lifecycle.receipts import Receipt


class Command(DeleteUser):
    help = (
        "Erase users with all their data, and print a receipt for each: what was deleted and what "
        "is left, by collection. It asks unless --yes is given. It waits for the last sweep, "
        "DELETION_GRACE_SECONDS after the removal. To continue an interrupted or unfinished "
        "erasure, give the id that the message shows. A name that a deleted user had and another "
        "user has now is refused. 'chabad_verify_erasure' looks for the names in everything else."
    )
    exit_statuses = {
        **DeleteUser.exit_statuses,
        0: "erased",
        1: "the last sweep is still to come, or something is left; the message has the ids "
        "with which to continue",
    }
    action = "user.erase"
    json_keys = {
        "receipts": "a list of objects with userId, requestedAt, finishedAt (null: the last sweep "
        "is to come), deleted and left (collection: documents), and "
        "auditEntries (how many entries of the audit trail have the id, until they expire)",
        "finished": "whether all are finished and nothing is left; false with --dry-run",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--no-wait",
            action="store_true",
            help="leave the last sweep to chabad_purge_deleted and exit with 1",
        )

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        items, taken = [], []
        for item in self.chosen(options["users"], ask=not (options["yes"] or dry_run)):
            if dry_run:
                self.tell(f"would erase  {item}  {counts(item.found)}")
                continue
            with self.passing_over(item.user_id):
                self.delete(item)
                items.append(item)
        for item in items:
            wait = not options["no_wait"]
            with self.passing_over(item.user_id):
                with self.progress(f"waiting for the last sweep of {item}", 0) as bar:
                    finish = partial(receipts.finish, subject=item, wait=wait, advance=bar.advance)
                    receipt = self.receipt(item, finish)
                taken.append((item, receipt))
                for line in _lines(receipt):
                    self.tell(line)
        finished = all(_is_finished(receipt) for _, receipt in taken)
        rows = [receipt.to_dict() for _, receipt in taken]
        self.report({"receipts": rows, "finished": finished and not dry_run}, [])
        self.take_receipts([item.user_id for item, receipt in taken if _is_finished(receipt)])
        if not finished:
            unknown = deletion.find_unknown_collections()
            raise Found(
                "Not finished: run it again to get the final receipt."
                + (f" {left_to_others(unknown)}" if unknown else "")
            )


def _is_finished(receipt: Receipt) -> bool:
    return receipt.finished_at is not None and not any(receipt.left.values())


def _lines(receipt: Receipt) -> list[str]:
    rows = receipt.to_dict() | {"deleted": counts(receipt.deleted), "left": counts(receipt.left)}
    return [f"{name:<12}  {to_text(value)}" for name, value in rows.items()]
