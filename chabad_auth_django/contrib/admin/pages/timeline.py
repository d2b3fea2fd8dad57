"""The tab of a person that shows what they did."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from bson import ObjectId
from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.admin.filters import FilterForm, choice
from chabad_auth_django.contrib.admin.page import PAGE_SIZE, limited, position
from chabad_auth_django.contrib.admin.pages import periods, series
from chabad_auth_django.contrib.admin.pages.periods import Period
from chabad_auth_django.contrib.admin.pages.person import PersonPage, shown_events
from chabad_auth_django.contrib.admin.pages.series import Question
from chabad_auth_django.contrib.admin.reads import timeline
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import as_time
from chabad_auth_django.db.pages import Row
from chabad_auth_django.models import User
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.models.fields import now

#: What the chart shows where nothing else is asked for.
CHARTED = timedelta(days=30)


class Filters(FilterForm):
    """Which events."""

    app = forms.CharField(label=_("Application"), max_length=255, required=False)
    name = forms.CharField(label=_("Type or name"), max_length=255, required=False)
    category = choice(_("Category"), {name: name for name in EVENT_CATEGORIES})
    session = forms.CharField(label=_("Session"), max_length=255, required=False)
    since = periods.moment_field(_("From"))
    until = periods.moment_field(_("Before"))

    def criteria(self) -> dict[str, Any]:
        """Return what ``list_timeline`` takes; raise ``ValidationError``."""
        stored = {"app": "app_id", "session": "session_id"}
        return {stored.get(name, name): value or None for name, value in self.values().items()}


class TimelineTab(PersonPage):
    """Activities and analytics events, the newest first, by day."""

    template_name = "chabad_admin/person/timeline.html"
    tab = "timeline"
    further = ("view_events",)

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        return {**super().frame(request, **kwargs), "filters": Filters(request.GET)}

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return a page of events."""
        criteria = Filters(request.GET).criteria()
        start = position(request, datetime)
        with limited():
            page = timeline.list_timeline(
                user_id=user.id, limit=PAGE_SIZE, position=start, **criteria
            )
            last = None
            if not page.rows and any(criteria.values()):
                last = next(iter(timeline.list_timeline(user_id=user.id, limit=1).rows), None)
        return {
            "page": page,
            "chart": _chart(user.id, criteria) if start is None else None,
            "days": list(_by_day(page.rows)),
            "last": last,
            "is_narrowed": any(criteria.values()),
            "retention": conf.ACTIVITY_RETENTION_DAYS,
        }


def _chart(user_id: ObjectId, criteria: Mapping[str, Any]) -> Any:
    """Return the chart of the analytics events, or ``None`` where they cannot be counted.

    By hours below four days. Each bar leads to its day or hour.
    """
    if any(criteria[name] for name in ("app_id", "session_id", "name")):
        return None
    zone = timezone.get_current_timezone()
    end = criteria["until"] or now()
    period = Period(criteria["since"] or end - CHARTED, end)
    is_short = period.end - period.start < timedelta(days=4)
    bucket = "hour" if is_short else "day"
    question = Question(
        period=period,
        bucket=bucket,
        by="eventCategory",
        only=criteria["category"] or "",
        zone=zone,
        zone_name=timezone.get_current_timezone_name(),
        user_id=user_id,
    )

    def link(begin: datetime) -> str:
        end = periods.following(begin, bucket, zone)
        if end.astimezone(zone).fold:
            # The field for a time cannot name the second of two equal hours: show both.
            end = periods.following(end, bucket, zone)
        since, until = (f"{time.astimezone(zone):%Y-%m-%dT%H:%M}" for time in (begin, end))
        kept = {"category": criteria["category"]} if criteria["category"] else {}
        return f"?{urlencode({**kept, 'since': since, 'until': until})}"

    def read() -> Any:
        rows = question.rows(period)
        return series.chart(
            question, rows, key="days", title=gettext("Analytics events"), link=link
        )

    return series.read_if_countable(read)


def _by_day(rows: list[Row]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    def day(row: Mapping[str, Any]) -> str:
        time = as_time(row["timestamp"])
        if time is None:
            return gettext("unknown")
        return f"{date_format(time, 'l')}, {date_format(time, 'DATE_FORMAT')}"

    for name, found in groupby(shown_events(rows), key=day):
        yield name, list(found)
