"""Reading which days of a range are rolled up or archived, with one command."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.client_session import ClientSession

from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.models import AnalyticsDaily, AnalyticsRollup, Deletion
from chabad_auth_django.models.counting import Sources, find_sources, open_session, start_of_day
from chabad_auth_django.models.deletion import OPEN
from chabad_auth_django.models.rollup import ARCHIVED
from chabad_auth_django.services.analytics.counts import choose_builds, refuse_in_transaction


@dataclass(frozen=True)
class Snapshot:
    """The days of a range as of one moment, in which ``session`` reads."""

    session: ClientSession | None
    start: datetime
    end: datetime
    #: The days that were counted after the last change to them, and by which build.
    builds: Mapping[datetime, ObjectId]
    #: The days of which events are archived.
    archived: Collection[datetime]
    #: The users whose deletion is under way.
    deleting: Collection[ObjectId]

    def find_sources(self, user_id: Any = None, *, by_days: bool) -> Sources:
        """Find out where to count; raise ``EventsArchived``."""
        sources = find_sources(
            self.session, self.start, self.end, user_id, by_days=by_days, archived=self.archived
        )
        first, last = sources.first, sources.last
        return sources.with_builds(
            {day: build for day, build in self.builds.items() if first <= day < last}
        )


@contextmanager
def open_snapshot(
    *, start: datetime, end: datetime, earlier: bool = False, rolled_up: bool = True
) -> Iterator[Snapshot]:
    """Read what is known of the days of a range, with one command and a look at the log.

    With ``earlier`` the builds of all days before it too. Without ``rolled_up`` there are none, and
    the log is not read.
    """
    refuse_in_transaction()
    with open_session() as session:
        if session is None:
            yield Snapshot(None, start, end, {}, (), ())
            return
        in_range = {"$gte": start_of_day(start), "$lt": end}
        days = {"$type": "date", "$lt": end} if earlier else in_range
        found = aggregate_together(
            {
                **about_days(in_range, counted=days),
                "deleting": (
                    Deletion.collection(),
                    [{"$match": {"state": OPEN}}, {"$project": {"_id": 1}}],
                ),
            },
            session,
        )
        archived, deleting = (
            {row["_id"] for row in found[name]} for name in ("archived", "deleting")
        )
        builds = choose_builds(found["records"], session) if rolled_up else {}
        yield Snapshot(session, start, end, builds, archived, deleting)


def about_days(
    days: Mapping[str, Any], *, counted: Mapping[str, Any]
) -> dict[str, tuple[Any, list[dict[str, Any]]]]:
    """Return pipelines for ``aggregate_together``: two conditions on the days to look for.

    ``records`` finds the records of the ``counted`` days and of the log, ``archived`` the days of
    which events are archived.
    """
    found = {"$or": [{"_id": AnalyticsRollup.LOG}, {"_id": counted}]}
    archived = {"build": ARCHIVED, "day": days}
    return {
        "records": (AnalyticsRollup.collection(), [{"$match": found}]),
        "archived": (
            AnalyticsDaily.collection(),
            [{"$match": archived}, {"$group": {"_id": "$day"}}],
        ),
    }
