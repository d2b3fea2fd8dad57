"""Change how long activities are kept."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.conf import conf
from chabad_auth_django.db import connection
from chabad_auth_django.management.arguments import whole_number
from chabad_auth_django.management.base import Command as BaseCommand
from chabad_auth_django.management.output import plural
from chabad_auth_django.services.deployment import retention


class Command(BaseCommand):
    """Change the TTL index of Activity in place."""

    help = (
        "Change in place after how many days the server removes activities. It says how many go at "
        "once, within a minute, and asks for the number of days unless --yes is given or none "
        'goes. Set CHABAD_AUTH["ACTIVITY_RETENTION_DAYS"] to the same, or chabad_sync_indexes '
        "--fix sets it back."
    )
    has_dry_run = True
    json_keys = {
        "before": "the days before; null: there was no TTL index",
        "days": "the days now",
        "expired": "how many activities go at once",
        "settingDays": "ACTIVITY_RETENTION_DAYS of the settings",
        "dryRun": "whether nothing was changed",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the days and the confirmation."""
        parser.add_argument(
            "days",
            type=whole_number(1, retention.MAX_DAYS),
            metavar="DAYS",
            help="whole days, at least 1",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, days: int, yes: bool, dry_run: bool, **options: Any) -> None:
        """Run the service."""
        before = retention.current_days()
        expired = retention.count_expired(days=days)
        if not dry_run:
            if expired and not yes:
                self.confirm(
                    f"This will remove {plural(expired, 'activity', 'activities')} at once from "
                    f"{connection.describe()}.",
                    str(days),
                )
            retention.set_days(days=days)
        if days != conf.ACTIVITY_RETENTION_DAYS:
            self.say(
                f'Note: CHABAD_AUTH["ACTIVITY_RETENTION_DAYS"] is {conf.ACTIVITY_RETENTION_DAYS}. '
                f"Set it to {days}, or chabad_sync_indexes --fix sets this back."
            )
        verb = "would be" if dry_run else "are"
        self.report(
            {
                "before": before,
                "days": days,
                "expired": expired,
                "settingDays": conf.ACTIVITY_RETENTION_DAYS,
                "dryRun": dry_run,
            },
            [
                f"Activities {verb} kept for {plural(days, 'day')} (before: "
                f"{'for ever' if before is None else f'{before:g}'}); {expired:,} "
                f"{'goes' if expired == 1 else 'go'} at once."
            ],
        )
