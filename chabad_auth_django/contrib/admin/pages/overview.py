"""The installation at a glance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy

from chabad_auth_django.contrib.admin import rights
from chabad_auth_django.contrib.admin.charts.bars import Bar, bars
from chabad_auth_django.contrib.admin.charts.columns import Column, Columns, stack
from chabad_auth_django.contrib.admin.charts.marks import name_of, number
from chabad_auth_django.contrib.admin.page import Page, look, section
from chabad_auth_django.contrib.admin.pages import periods
from chabad_auth_django.contrib.admin.reads import active, people, state, summary
from chabad_auth_django.contrib.admin.reads.active import RolledUp
from chabad_auth_django.contrib.admin.reads.people import People
from chabad_auth_django.contrib.admin.reads.state import State
from chabad_auth_django.contrib.admin.reads.summary import Summary
from chabad_auth_django.contrib.admin.templatetags.chabad_charts import duration
from chabad_auth_django.exceptions import TooSlow
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.analytics import bitmaps

#: Days of the charts, today included.
DAYS = 30

#: The newest users that are shown, and the most common names.
NEWEST = MOST_COMMON = 10


@dataclass(frozen=True)
class Tile:
    """A figure with what it means."""

    title: str
    value: str
    note: str = ""
    href: str = ""
    is_bad: bool = False


class OverviewPage(Page):
    """Figures, charts and what somebody should do something about."""

    title = gettext_lazy("Overview")
    template_name = "chabad_admin/overview.html"
    permissions = ("view_people", "view_events", "view_operations")

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return what the staff member may see."""
        found: dict[str, Any] = {"tiles": [], "today": now()}
        if rights.holds(request.user, "view_people", "view_events"):
            shows_names = rights.holds(request.user, "view_people")
            users = section(lambda: people.read(newest=NEWEST if shows_names else 0))
            if isinstance(users, People):
                found["people"] = users
                found["tiles"] += _people_tiles(users, may_look=shows_names)
                if users.newest:
                    look(what="users")
                    found["newest"] = [
                        {
                            "id": row["_id"],
                            "name": row.get("name"),
                            "joined": getattr(row["_id"], "generation_time", None),
                        }
                        for row in users.newest
                    ]
        if rights.holds(request.user, "view_events"):
            counted = section(_summary)
            found["is_slow"] = isinstance(counted, TooSlow)
            if isinstance(counted, Summary):
                found |= _charts(counted)
                found["tiles"] += _event_tiles(counted)
            if bitmaps.is_installed:
                seen = section(lambda: active.read(since=_first_day()))
                if isinstance(seen, RolledUp) and seen.days:
                    found["active"] = _active_chart(seen)
                    found["tiles"].append(_active_tile(seen))
        if rights.holds(request.user, "view_operations"):
            current = section(state.read)
            if isinstance(current, State):
                found["problems"] = list(state.problems(current))
                found["tiles"] += _operator_tiles(current)
        return found


def _summary() -> Summary:
    # As far ahead as a client's clock may be.
    end = now() + timedelta(minutes=5)
    return summary.summarize(start=_first_day(), end=end, most=MOST_COMMON)


def _first_day() -> datetime:
    return periods.midnight(now().date() - timedelta(days=DAYS - 1), UTC)


def _charts(found: Summary) -> dict[str, Any]:
    parts, values = stack(found.days, by="eventCategory", first=EVENT_CATEGORIES)
    days = [_first_day() + timedelta(days=index) for index in range(DAYS)]
    address = reverse("admin:chabad_admin_analytics_changelist")
    columns = []
    for day in days:
        columns.append(
            Column(
                label=periods.label(day, "day", UTC, is_short=True),
                name=periods.label(day, "day", UTC, is_short=False),
                values=values.get(day, (0,) * len(parts)),
                href=_hours_of(day),
            )
        )
    is_rtl = translation.get_language_bidi()
    chart = Columns("events", gettext("Events per day (UTC)"), parts, tuple(columns), is_rtl)
    return {
        "chart": chart,
        "analytics": address,
        "names": _bars(gettext("Most common events"), found, "eventName", address),
        "apps": _bars(gettext("Applications"), found, "appId", address),
    }


def _hours_of(day: datetime) -> str:
    """Return the address of the events of a UTC day, by hours."""
    query = {
        "since": f"{day:%Y-%m-%d}",
        "until": f"{day:%Y-%m-%d}",
        "bucket": "hour",
        "zone": "UTC",
    }
    return f"{reverse('admin:chabad_admin_analytics_changelist')}?{urlencode(query)}"


def _bars(title: str, found: Summary, field: str, address: str) -> Any:
    rows = found.common[field]
    return rows and bars(
        title,
        [
            Bar(
                name=name_of(row[field]),
                value=row["count"],
                href=f"{address}?{urlencode({'by': field, 'only': name_of(row[field])})}",
            )
            for row in rows
        ],
    )


def _people_tiles(found: People, *, may_look: bool) -> Iterator[Tile]:
    note = gettext("%(new)s new in 7 days, %(before)s in the 7 before")
    if found.joined + found.joined_before >= people.MOST:
        note = gettext("more than %(new)s new in 7 days, %(before)s in the 7 before")
    yield Tile(
        gettext("Users"),
        number(found.total),
        note % {"new": number(found.joined), "before": number(found.joined_before)},
        reverse("admin:chabad_admin_people_changelist") if may_look else "",
    )
    yield Tile(
        gettext("New sessions"),
        number(found.signed_in),
        gettext("begun by signing in within 24 hours, and not ended"),
        reverse("admin:chabad_admin_sessions_changelist") if may_look else "",
    )


def _event_tiles(found: Summary) -> Iterator[Tile]:
    by_day: dict[Any, int] = {}
    for row in found.days:
        by_day[row["time"]] = by_day.get(row["time"], 0) + row["count"]
    days = sorted(_first_day() + timedelta(days=index) for index in range(DAYS))
    yesterday, before = (by_day.get(day, 0) for day in (days[-2], days[-3]))
    note = gettext("%(number)s the day before; UTC") % {"number": number(before)}
    yield Tile(gettext("Events yesterday"), number(yesterday), note, _hours_of(days[-2]))


def _active_tile(found: RolledUp) -> Tile:
    last, users = list(found.days.items())[-1]
    return Tile(
        gettext("Active users"),
        number(users),
        gettext("on %(day)s, the last day that is rolled up; %(week)s in 7 days, %(month)s in 30")
        % {
            "day": periods.label(last, "day", UTC, is_short=True),
            "week": number(found.week),
            "month": number(found.month),
        },
        f"{reverse('admin:chabad_admin_analytics_changelist')}?count=users",
    )


def _active_chart(found: RolledUp) -> Columns:
    days = [_first_day() + timedelta(days=index) for index in range(DAYS)]
    columns = tuple(
        Column(
            label=periods.label(day, "day", UTC, is_short=True),
            name=periods.label(day, "day", UTC, is_short=False),
            values=(found.days.get(day, 0),),
        )
        for day in days
    )
    is_rtl = translation.get_language_bidi()
    return Columns(
        "active",
        gettext("Active users"),
        (gettext("Active users"),),
        columns,
        is_rtl,
        has_total=False,
    )


def _operator_tiles(found: State) -> Iterator[Tile]:
    operations = reverse("admin:chabad_admin_operations_changelist")
    age = found.oldest_deletion and (now() - found.oldest_deletion).total_seconds()
    yield Tile(
        gettext("Open deletions"),
        number(found.open_deletions),
        (gettext("is cron running?") + " " if found.has_late_deletion else "")
        + (
            gettext("the oldest for %(time)s") % {"time": duration(age)}
            if age
            else gettext("none is under way")
        ),
        reverse("admin:chabad_admin_deletions_changelist"),
        found.has_late_deletion,
    )
    last = found.last_rollup
    yield Tile(
        gettext("Rolled up until"),
        date_format(last, "SHORT_DATE_FORMAT") if last else gettext("never"),
        gettext("UTC days"),
        operations,
    )
    missing, others = len(found.comparison.missing), len(found.comparison.differing)
    yield Tile(
        gettext("Indexes"),
        gettext("%(number)d missing") % {"number": missing}
        if missing
        else gettext("%(number)d differ") % {"number": others}
        if others
        else gettext("as declared"),
        gettext("%(number)d that nothing declares") % {"number": len(found.comparison.extra)}
        if found.comparison.extra
        else "",
        operations,
        bool(missing or others),
    )
    yield Tile(
        gettext("TTL lag"),
        duration(found.lag_seconds),
        gettext("activities are kept %(number)g days") % {"number": found.retention_days}
        if found.retention_days
        else gettext("nothing is removed"),
        operations,
        found.lag_seconds > state.LATE_REMOVAL or found.retention_days is None,
    )
