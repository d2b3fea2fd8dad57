"""Delete users with all their data."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, ClassVar

from bson import ObjectId
from django.core.management.base import CommandError, CommandParser

from chabad_auth_django.db import connection
from chabad_auth_django.exceptions import ChabadAuthError, NotFound
from chabad_auth_django.management.base import EXIT_INTERRUPTED
from chabad_auth_django.management.output import Table, plural
from chabad_auth_django.management.users import UsersCommand, once
from chabad_auth_django.models import Deletion
from chabad_auth_django.services.lifecycle import receipts
from chabad_auth_django.services.lifecycle.receipts import Receipt, Subject


class Command(UsersCommand):
    help = (
        "Delete users with all their data, and print a receipt. It first says what it will delete "
        "and asks for the e-mail address, or for the number of users, unless --yes is given. To "
        "continue an interrupted deletion, give the id that the message shows. "
        "chabad_purge_deleted does the last sweep after the grace period. A name that a deleted "
        "user had and another user has now is refused."
    )
    exit_statuses = {
        **UsersCommand.exit_statuses,
        EXIT_INTERRUPTED: "interrupted by Ctrl-C; the message has the ids with which to continue",
    }
    go_on = "Run it again for the users who are left."
    #: What to do about the ids that follow, whose deletions were begun.
    go_on_by_id: ClassVar[str] = "Go on by id with"
    has_dry_run = True
    action: ClassVar[str] = "user.delete"
    json_keys = {
        "users": "a list of objects with id, email (null when going on) and documents "
        "(collection: found); and receipt, unless dryRun, as chabad_erase_user prints it",
        "documents": "how many in all",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--yes", action="store_true", help="do not ask; needed with -")

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run the command; if it fails, tell the ids of the deletions that were begun."""
        self.begun: dict[ObjectId, None] = {}
        self.documents = 0
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            if not self.begun:
                raise
            # Their names may be names of other users by now.
            ids = " ".join(map(str, self.begun))
            raise CommandError(
                f"{error} {self.go_on_by_id}: {ids}", returncode=error.returncode
            ) from error

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        count = 0
        unwritten: list[ObjectId] = []
        for item in self.chosen(options["users"], ask=not (options["yes"] or dry_run)):
            with self.passing_over(item.user_id):
                row = {"id": item.user_id, "email": item.email, "documents": item.found}
                if dry_run:
                    line = f"would delete  {item}  {counts(item.found)}"
                else:
                    self.delete(item)
                    receipt = self.receipt(item, partial(receipts.read, user_id=item.user_id))
                    row["receipt"] = receipt.to_dict()
                    line = f"deleted  {item}  {counts(receipt.deleted)}"
                    if any(receipt.left.values()):
                        line += f"; left: {counts(receipt.left)}"
                    unwritten.append(item.user_id)
                count += 1
                self.documents += item.total
                self.tell_row(row, line)
                if not self._as_json:
                    self.take_receipts(unwritten)
        summary = f"{plural(count, 'user')}, {plural(self.documents, 'document')}"
        summary += ", dry run." if dry_run else "."
        self.report({"users": self.rows, "documents": self.documents}, [summary])
        self.take_receipts(unwritten)

    def chosen(self, names: list[str], *, ask: bool) -> Iterable[Subject]:
        """Yield what deleting each user deletes, after the operator has confirmed all of it.

        A user who is named twice comes once.
        """
        find = once(lambda name: receipts.find(name=name), attrgetter("user_id"))
        found = self.each(names, find)
        if not ask:
            return found
        items = list(found)
        if items:
            rows = [[str(item), *item.found.values()] for item in items]
            self.say(Table(rows, ["user", *items[0].found]))
            expected = str(items[0]) if len(items) == 1 else str(len(items))
            whom = plural(len(items), "user")
            self.confirm(
                f"This will delete {whom} with all these documents from {connection.describe()}.",
                expected,
            )
        return items

    def delete(self, item: Subject) -> None:
        """Run the service for one user."""
        self.begun[item.user_id] = None
        with self.progress(f"deleting {item}", item.total) as bar:
            try:
                receipts.delete(subject=item, advance=bar.advance, action=self.action)
            except ChabadAuthError:
                # It was refused, so there is nothing to go on with.
                self.begun.pop(item.user_id, None)
                raise

    def receipt(self, item: Subject, read: Callable[[], Receipt]) -> Receipt:
        """Return the receipt of one user, unless another run has taken it."""
        try:
            return read()
        except NotFound:
            self.begun.pop(item.user_id, None)
            text = "Another run has ended this deletion, and printed its receipt."
            raise NotFound(text) from None

    def take_receipts(self, user_ids: list[ObjectId]) -> None:
        """Run the service that removes the receipts, and empty the list of those just written."""
        # Who lost what was written gets it again.
        self.stdout.flush()
        while user_ids:
            if self.is_heard:
                Deletion.take_receipt(user_ids[-1])
            self.begun.pop(user_ids.pop(), None)


def counts(documents: Mapping[str, int]) -> str:
    """Return the counts that are not zero."""
    return ", ".join(f"{name} {count:,}" for name, count in documents.items() if count) or "nothing"
