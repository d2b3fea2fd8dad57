"""Active users by the roll-ups alone."""

from dataclasses import dataclass
from datetime import datetime

from chabad_auth_django.models import AnalyticsQuarters
from chabad_auth_django.models.rollup import QUARTERS
from chabad_auth_django.services.analytics import bitmaps, quarters
from chabad_auth_django.services.analytics.active_users import MONTH, by_number, trailing


@dataclass(frozen=True)
class RolledUp:
    """How many different users the days have that are rolled up, as of then."""

    #: UTC day -> users, in order.
    days: dict[datetime, int]
    #: Those of the 7 and 30 days that end with the last one.
    week: int
    month: int


def read(*, since: datetime) -> RolledUp:
    """Count the users of the UTC days since then that are rolled up, with one command.

    Unlike ``get_active_users`` it does not tell what came or went after the roll-up. Raises
    ``ExtraRequired``.
    """
    bitmaps.require()
    names = [*quarters.blocks(0, QUARTERS), quarters.IN_ARCHIVE]
    fields = {f"{quarters.ALL}.users.{name}": 1 for name in names}
    found = AnalyticsQuarters.collection().find({"_id": {"$gte": since}}, fields).sort({"_id": 1})
    sets: dict[datetime, bitmaps.BitMap] = {}
    for row in found:
        users = row.get(quarters.ALL, {}).get("users", {})
        sets[row["_id"]] = bitmaps.union(map(bitmaps.BitMap.deserialize, users.values()))
    last, days = max(sets, default=since), by_number(sets)
    return RolledUp(
        days={day: len(users) for day, users in sets.items()},
        week=trailing(days, last, 7),
        month=trailing(days, last, MONTH),
    )
