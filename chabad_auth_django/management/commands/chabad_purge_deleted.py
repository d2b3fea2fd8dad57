"""Go on with every unfinished deletion; meant for cron."""

from collections.abc import Mapping
from typing import Any

from chabad_auth_django import signals
from chabad_auth_django.management.base import Found, OperatorCommand
from chabad_auth_django.management.output import plural
from chabad_auth_django.models import Deletion
from chabad_auth_django.services.lifecycle import deletion


class Command(OperatorCommand):
    help = (
        "Continue every unfinished deletion of a user: after a crash, and for its last sweep. It "
        "may run at any time, and several may run at once. Run it from cron every minute."
    )
    has_dry_run = True
    is_scheduled = True
    exit_statuses = {
        0: "done",
        1: "collections are left that another project has to purge; the message names them",
    }
    json_keys = {
        "finished": "how many deletions ended",
        "waiting": "how many wait for their second sweep; with --dry-run all that are open",
        "documents": "how many documents were purged",
        "unknownCollections": "an object, collection that another project must purge: Document",
    }

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        finished = waiting = documents = 0
        unknown: dict[str, str] = {}
        jobs = Deletion.count_jobs()
        if dry_run:
            waiting = jobs
        else:
            with self.progress("deletions", jobs) as bar:
                for outcome in deletion.run():
                    if outcome.error is not None:
                        self.pass_over(outcome.error, outcome.user_id)
                    finished += outcome.finished
                    waiting += not outcome.finished
                    unknown |= outcome.unknown
                    count = sum(outcome.purged.values())
                    documents += count
                    bar.advance()
                    # Until the second sweep there is nothing to tell, each minute.
                    if count or outcome.finished:
                        state = "finished" if outcome.finished else "waiting for its second sweep"
                        purged = plural(count, "document")
                        self.tell(f"{outcome.user_id}  {purged:>19} purged, {state}")
            for _, result in signals.purge_due.send_robust(sender=type(self)):
                if isinstance(result, Exception):
                    self.pass_over(result)
                else:
                    # A receiver may forget to return how many.
                    documents += result or 0
        self.report(
            {
                "finished": finished,
                "waiting": waiting,
                "documents": documents,
                "unknownCollections": unknown,
            },
            [
                f"{plural(finished, 'deletion')} finished, {waiting:,} waiting, "
                f"{plural(documents, 'document')} purged."
            ],
            is_idle=not (dry_run or finished or documents),
        )
        if unknown:
            raise Found(f"{plural(waiting, 'deletion')} cannot end here. {left_to_others(unknown)}")


def left_to_others(unknown: Mapping[str, str]) -> str:
    """Return what an operator has to do about collections that this project has no Document of."""
    named = ", ".join(f"{name} ({document})" for name, document in unknown.items())
    return (
        f"These collections of users belong to Documents that this project does not have: {named}. "
        "Run chabad_purge_deleted in the project that has them too, or drop the collections."
    )
