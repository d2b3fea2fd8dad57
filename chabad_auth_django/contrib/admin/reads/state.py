"""What an operator watches, read with two commands."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from chabad_auth_django.conf import conf
from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.models import Activity, AnalyticsRollup, Deletion, Heartbeat
from chabad_auth_django.models.deletion import OPEN
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import (
    heartbeats,
    index_usage,
    indexes,
    retention,
    statistics,
)
from chabad_auth_django.services.deployment.heartbeats import Beat
from chabad_auth_django.services.deployment.index_usage import Usage
from chabad_auth_django.services.deployment.indexes import Comparison

#: Seconds after which an open deletion means that cron does not run.
LATE_DELETION = 600


#: Seconds by which activities may outlive the retention before somebody should look.
LATE_REMOVAL = 3_600


@dataclass(frozen=True)
class Problem:
    """Something that an operator should mend, and the command that mends or explains it."""

    text: str
    command: str


@dataclass(frozen=True)
class State:
    """The state of the installation at one moment."""

    comparison: Comparison
    usages: list[Usage]
    #: Days after which the server removes activities; ``None``: it removes none.
    retention_days: float | None
    #: Seconds by which the oldest activity has outlived that.
    lag_seconds: float
    beats: list[Beat]
    open_deletions: int
    #: Since when the oldest open deletion is open.
    oldest_deletion: datetime | None
    #: The last day that is rolled up.
    last_rollup: datetime | None
    #: Deletions that have ended and whose receipt nobody has taken.
    receipts: int

    @property
    def setting_days(self) -> int:
        """The retention that the settings ask for."""
        return conf.ACTIVITY_RETENTION_DAYS

    @property
    def has_late_deletion(self) -> bool:
        """Tell whether a deletion is open for so long that cron cannot be running."""
        oldest = self.oldest_deletion
        return oldest is not None and (now() - oldest).total_seconds() > LATE_DELETION


def read() -> State:
    """Return the state as of now."""
    usages = index_usage.read()
    found = [usage.index for usage in usages]
    # Another program may have stored what is no time.
    since = {"$cond": [{"$eq": [{"$type": "$since"}, "date"]}, "$since", None]}
    rows = aggregate_together(
        {
            "beats": (Heartbeat.collection(), [{"$match": heartbeats.OURS}, {"$limit": 100}]),
            "oldest": (
                Activity.collection(),
                [
                    {"$match": {"timestamp": {"$type": "date"}}},
                    {"$sort": {"timestamp": 1}},
                    {"$limit": 1},
                    {"$project": {"timestamp": 1}},
                ],
            ),
            "deletions": (
                Deletion.collection(),
                [
                    {"$match": {"state": OPEN}},
                    {"$group": {"_id": None, "open": {"$sum": 1}, "oldest": {"$min": since}}},
                ],
            ),
            "receipts": (
                Deletion.collection(),
                [{"$match": {"state": None, "receipt": {"$ne": None}}}, {"$count": "receipts"}],
            ),
            "rollup": (
                AnalyticsRollup.collection(),
                [
                    {"$match": {"_id": {"$type": "date"}, "builtAt": {"$exists": True}}},
                    {"$sort": {"_id": -1}},
                    {"$limit": 1},
                ],
            ),
        }
    )
    days = retention.days_of(found)
    oldest = next((row["timestamp"] for row in rows["oldest"]), None)
    deletions = next(iter(rows["deletions"]), {})
    return State(
        comparison=indexes.compare(found),
        usages=usages,
        retention_days=days,
        lag_seconds=statistics.lag_of(oldest, days=days),
        beats=heartbeats.beats_of(rows["beats"]),
        open_deletions=deletions.get("open", 0),
        oldest_deletion=deletions.get("oldest"),
        receipts=sum(row["receipts"] for row in rows["receipts"]),
        last_rollup=next((row["_id"] for row in rows["rollup"]), None),
    )


def problems(found: State) -> Iterator[Problem]:
    """Yield what is wrong, the worst first."""
    comparison = found.comparison
    for index in comparison.missing:
        text = gettext("The index %(index)s is missing.") % {"index": index}
        yield Problem(text, "manage.py chabad_sync_indexes")
    for pair in comparison.differing:
        text = gettext("The index %(declared)s has other options: %(found)s.")
        text %= {"declared": pair.declared, "found": pair.found}
        yield Problem(text, "manage.py chabad_sync_indexes --fix")
    for beat in found.beats:
        if beat.is_late:
            text = gettext("%(command)s has not ended well for too long. Does cron run it?")
            text %= {"command": beat.command}
            yield Problem(text, f"manage.py {beat.command}")
    if found.has_late_deletion:
        text = gettext("Deletions are open: %(number)s, one for more than 10 minutes.")
        text %= {"number": found.open_deletions}
        yield Problem(text, "manage.py chabad_purge_deleted")
    if found.retention_days is None:
        text = gettext("Activities never expire: there is no TTL index.")
        yield Problem(text, "manage.py chabad_sync_indexes --fix")
    elif found.retention_days != found.setting_days:
        text = gettext("Activities expire after %(stored)g days; the settings say %(wanted)s.")
        text %= {"stored": found.retention_days, "wanted": found.setting_days}
        yield Problem(text, "manage.py chabad_set_retention")
    if found.lag_seconds > LATE_REMOVAL:
        text = gettext(
            "The server does not keep up with removing what has expired, or does not do it."
        )
        yield Problem(text, "manage.py chabad_stats")
    if found.receipts:
        text = gettext("Receipts that nobody has taken: %(number)s.") % {"number": found.receipts}
        yield Problem(text, "manage.py chabad_list_deletions")
