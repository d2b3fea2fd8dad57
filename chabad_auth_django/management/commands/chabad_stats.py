"""Show the state of the whole installation."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from chabad_auth_django.management.arguments import whole_number
from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.management.output import Chart, Line, Table, megabytes, plural, to_text
from chabad_auth_django.services.deployment import heartbeats, statistics


class Command(OperatorCommand):
    help = (
        "Show how many users there are and how many were active within 1, 7 and 30 days, the "
        "events of each day, the sizes of the collections, the lag of the TTL and the open "
        "deletions. It changes nothing."
    )
    json_keys = {
        "users": "how many there are",
        "activeUsers": "an object, days (1, 7, 30): users with an activity since then",
        "figures": "an object with users, week, month and stickiness of yesterday (UTC), by "
        "analytics events; null without the extra figures",
        "eventsPerDay": "an object, day (UTC): activities and analytics events",
        "collections": "an object, collection: documents, dataBytes, storageBytes, indexBytes",
        "ttl": "an object with retentionDays (null: no TTL index), settingDays, overdue and "
        "lagSeconds",
        "deletions": "an object with open and oldest (a time or null)",
        "scheduled": "a list of objects with command, lastRunAt, lastSuccessAt (a time or null), "
        "status (the exit status) and late",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=whole_number(1, 366), default=14, help="of the chart, 1 to 366 (14)"
        )

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        with self.progress("counting", days + 2) as bar:
            active = {str(name): count for name, count in statistics.count_active_users().items()}
            bar.advance()
            figures = statistics.read_figures()
            bar.advance()
            events = statistics.count_events_per_day(days=days, advance=bar.advance)
        result = {
            "users": statistics.count_users(),
            "activeUsers": active,
            "figures": figures,
            "eventsPerDay": events,
            "collections": statistics.collection_sizes(),
            "ttl": statistics.ttl_lag(),
            "deletions": statistics.deletion_queue(),
            "scheduled": [beat.to_dict() for beat in heartbeats.read()],
        }
        self.report(result, _lines(result))


def _lines(result: dict[str, Any]) -> Iterator[Line]:
    active = ", ".join(f"{count:,} in {days} d" for days, count in result["activeUsers"].items())
    yield f"Users: {result['users']:,}; active: {active}"
    if figures := result["figures"]:
        yield (
            f"Active by analytics until yesterday: {figures['users']:,} in 1 d, "
            f"{figures['week']:,} in 7 d, {figures['month']:,} in 30 d; "
            f"stickiness {figures['stickiness']:.0%}"
        )
    yield "Events per day (UTC):"
    yield Chart(result["eventsPerDay"])
    rows = [
        [name, size["documents"], *(megabytes(size[key]) for key in list(size)[1:])]
        for name, size in result["collections"].items()
    ]
    yield Table(rows, ["collection", "documents", "data", "on disk", "indexes"])
    ttl, queue = result["ttl"], result["deletions"]
    if ttl["retentionDays"] is None:
        yield "Activities never expire: there is no TTL index. See chabad_sync_indexes."
    else:
        yield (
            f"Activities expire after {ttl['retentionDays']:g} "
            f"{'day' if ttl['retentionDays'] == 1 else 'days'}; {ttl['overdue']:,} "
            f"{'is' if ttl['overdue'] == 1 else 'are'} overdue, the oldest by "
            f"{ttl['lagSeconds']:,} s."
        )
    since = f", the oldest since {queue['oldest']:%Y-%m-%d %H:%M} UTC" if queue["oldest"] else ""
    yield f"Open deletions: {queue['open']:,}{since}"
    if ttl["retentionDays"] not in (None, ttl["settingDays"]):
        yield (
            f"The settings say {plural(ttl['settingDays'], 'day')}: 'chabad_set_retention' "
            "puts that into effect."
        )
    for beat in result["scheduled"]:
        last = f"last run {to_text(beat['lastRunAt'])}" if beat["lastRunAt"] else "never run"
        failed = f", which ended with {beat['status']}" if beat["status"] else ""
        why = "it fails, run it to see why" if beat["status"] else "does cron run it?"
        late = f"  LATE: {why}" if beat["late"] else ""
        yield f"{beat['command']}  {last}{failed}{late}"
