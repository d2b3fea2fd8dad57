"""Change how long activities are kept."""

from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.conf import conf, rules
from chabad_auth_django.db import connection
from chabad_auth_django.management.arguments import whole_number
from chabad_auth_django.management.base import NotDone, OperatorCommand
from chabad_auth_django.management.output import plural
from chabad_auth_django.services.deployment import retention


class Command(OperatorCommand):
    help = (
        'Apply CHABAD_AUTH["ACTIVITY_RETENTION_DAYS"], the days after which MongoDB removes '
        "activities. It changes the index in place. It says how many activities will be removed "
        "within a minute. Where a shorter retention removes some, it asks for the number of days, "
        "unless --yes is given. Other days than those of the setting are for --dry-run."
    )
    has_dry_run = True
    json_keys = {
        "before": "the days before; null: there was no TTL index",
        "days": "the days now",
        "expired": "how many activities go at once",
        "settingDays": "ACTIVITY_RETENTION_DAYS of the settings",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "days",
            nargs="?",
            type=whole_number(1, rules.MAX_DAYS),
            metavar="DAYS",
            help="by default those of the settings; others with --dry-run only",
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(
        self, *args: Any, days: int | None, yes: bool, dry_run: bool, **options: Any
    ) -> None:
        days = conf.ACTIVITY_RETENTION_DAYS if days is None else days
        if days != conf.ACTIVITY_RETENTION_DAYS and not dry_run:
            raise NotDone(
                'CHABAD_AUTH["ACTIVITY_RETENTION_DAYS"] is '
                f"{conf.ACTIVITY_RETENTION_DAYS}, and the next deployment would put that back. "
                f"Set it to {days} and run this again."
            )
        before = retention.current_days()
        expired = retention.count_expired(days=days)
        if not dry_run:
            # Without a shorter retention the server removes them anyway.
            if expired and not yes and before and days < before:
                self.confirm(
                    f"This will remove {plural(expired, 'activity', 'activities')} at once from "
                    f"{connection.describe()}.",
                    str(days),
                )
            retention.set_days(days=days)
        verb = "would be" if dry_run else "are"
        self.report(
            {
                "before": before,
                "days": days,
                "expired": expired,
                "settingDays": conf.ACTIVITY_RETENTION_DAYS,
            },
            [
                f"Activities {verb} kept for {plural(days, 'day')} (before: "
                f"{'for ever' if before is None else f'{before:g}'}); {expired:,} "
                f"{'goes' if expired == 1 else 'go'} at once."
            ],
        )
