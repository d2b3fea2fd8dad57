"""Go on with every unfinished deletion; meant for cron."""

from __future__ import annotations

from typing import Any

from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.management.output import plural
from chabad_auth_django.services.lifecycle import deletion


class Command(BaseCommand):
    """Purge what deleted users left; safe to run at any time and more than once."""

    help = (
        "Continue every unfinished deletion of a user: after a crash, and for the sweep that ends "
        "each one. Safe to run at any time, also several at once. Run it from cron every minute."
    )
    has_dry_run = True
    is_scheduled = True
    json_keys = {
        "finished": "how many deletions ended",
        "waiting": "how many wait for their second sweep; with --dry-run all that are open",
        "documents": "how many documents were purged",
        "dryRun": "whether nothing was purged",
    }

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        """Run the service; print a line for each job and a summary."""
        finished = waiting = documents = 0
        jobs = deletion.count_jobs()
        if dry_run:
            waiting = jobs
        else:
            with self.progress("deletions", jobs) as bar:
                for outcome in deletion.run():
                    finished += outcome.finished
                    waiting += not outcome.finished
                    count = sum(outcome.purged.values())
                    documents += count
                    bar.advance()
                    # Until the second sweep there is nothing to tell, each minute.
                    if count or outcome.finished:
                        state = "finished" if outcome.finished else "waiting for its second sweep"
                        purged = plural(count, "document")
                        self.tell(f"{outcome.user_id}  {purged:>19} purged, {state}")
        self.report(
            {
                "finished": finished,
                "waiting": waiting,
                "documents": documents,
                "dryRun": dry_run,
            },
            [
                f"{plural(finished, 'deletion')} finished, {waiting:,} waiting, "
                f"{plural(documents, 'document')} purged."
            ],
            is_idle=not (dry_run or finished or documents),
        )
