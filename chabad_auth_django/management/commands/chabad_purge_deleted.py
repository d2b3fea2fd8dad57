"""Go on with every unfinished deletion; meant for cron."""

from __future__ import annotations

from typing import Any

from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.services import deletion


class Command(BaseCommand):
    """Purge what deleted users left; safe to run at any time and more than once."""

    help = (
        "Continue every unfinished deletion of a user: after a crash, and for the sweep that ends "
        "each one. Safe to run at any time, also several at once. Run it from cron every minute."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the service and print a line for each job and a summary."""
        finished = waiting = documents = 0
        for outcome in deletion.run():
            finished += outcome.finished
            waiting += not outcome.finished
            count = sum(outcome.purged.values())
            documents += count
            state = "finished" if outcome.finished else "waiting for its second sweep"
            self.stdout.write(f"{outcome.user_id}  {count:>9,} documents purged, {state}")
        self.stdout.write(
            f"{finished} deletions finished, {waiting} waiting, {documents:,} documents purged."
        )
