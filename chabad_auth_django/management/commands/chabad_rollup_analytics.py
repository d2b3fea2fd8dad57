"""Count the days of Analytics that are over; meant for cron."""

from typing import Any

from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.management.output import plural
from chabad_auth_django.services.analytics import rollups


class Command(OperatorCommand):
    help = (
        "Count the events of each past day (UTC), so that counts need not read them again. A day "
        "is counted again when one of its events has changed. Counts are always right; without "
        "this command they are slower. It may run at any time, and several may run at once. If it "
        "is killed, the next run continues. Run it from cron every few minutes."
    )
    has_dry_run = True
    is_scheduled = True
    json_keys = {
        "days": "the days that were counted, or with --dry-run would be, as YYYY-MM-DD",
        "events": "how many events they have; with --dry-run 0",
    }

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        days: list[str] = []
        events = 0
        pending = rollups.pending()
        if dry_run:
            days = [day.date().isoformat() for day in pending]
        else:
            with self.progress("days", len(pending)) as bar:
                for rolled in rollups.run():
                    days.append(rolled.day.date().isoformat())
                    events += rolled.events
                    bar.advance()
                    self.tell(f"{days[-1]}  {plural(rolled.events, 'event'):>18}")
        summary = (
            f"{plural(len(days), 'day')} to count."
            if dry_run
            else f"{plural(len(days), 'day')}, {plural(events, 'event')}."
        )
        result = {"days": days, "events": events}
        self.report(result, [summary], is_idle=not days)
