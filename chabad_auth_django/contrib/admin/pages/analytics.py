"""Counts of events over time."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin import exports
from chabad_auth_django.contrib.admin.charts.columns import Columns
from chabad_auth_django.contrib.admin.charts.marks import name_of
from chabad_auth_django.contrib.admin.page import Page, section
from chabad_auth_django.contrib.admin.pages import active, periods, series
from chabad_auth_django.contrib.admin.pages.addresses import with_changes
from chabad_auth_django.contrib.admin.pages.periods import Period, PeriodForm
from chabad_auth_django.contrib.admin.pages.series import Question
from chabad_auth_django.contrib.admin.reads import calendar
from chabad_auth_django.exceptions import TooSlow

Row = Mapping[str, Any]

#: Names in the table of what grew.
MOST_GROWN = 50

BUCKETS = {"hour": _("hours"), "day": _("days"), "week": _("weeks"), "month": _("months")}

BY = {
    "": _("nothing"),
    "eventCategory": _("category"),
    "eventName": _("name"),
    "appId": _("application"),
}


class AnalyticsForm(PeriodForm):
    """What is counted."""

    count = forms.ChoiceField(
        label=_("Count"), choices=[("", _("events")), ("users", _("active users"))], required=False
    )
    bucket = forms.ChoiceField(label=_("Grouped by"), choices=list(BUCKETS.items()), required=False)
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[("", _("your zone")), ("UTC", _("UTC (fast)"))],
        required=False,
    )
    by = forms.ChoiceField(label=_("Divided by"), choices=list(BY.items()), required=False)
    only = forms.CharField(label=_("Only this value"), max_length=256, required=False)
    compare = forms.BooleanField(label=_("Compare with the time before"), required=False)

    @classmethod
    def defaults(cls) -> dict[str, str]:
        """Return that days are counted by category."""
        return {"bucket": "day", "by": "eventCategory"}

    @property
    def question(self) -> Question:
        """What a valid form asks for."""
        given = self.cleaned_data
        zone: tzinfo = UTC if given["zone"] else timezone.get_current_timezone()
        return Question(
            period=self.period(zone),
            bucket=given["bucket"] or "day",
            by=given["by"] or None,
            only=given["only"],
            zone=zone,
            zone_name=given["zone"] or timezone.get_current_timezone_name(),
        )


class AnalyticsPage(Page):
    """Events by hours, days, weeks or months."""

    title = _("Analytics")
    template_name = "chabad_admin/analytics.html"
    permissions = ("view_events",)

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        form = AnalyticsForm(request.GET)
        form.is_valid()
        return {"filters": form}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page, or give its figures as a file."""
        form = AnalyticsForm(request.GET)
        if request.GET.get("export") != "csv" or not form.is_valid():
            return super().get(request, *args, **kwargs)
        question = form.question
        rows = question.rows(question.period)
        heads = ["time", *([question.by] if question.by else []), "count"]
        return exports.csv_file("analytics", heads, ([row[name] for name in heads] for row in rows))

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return the figures of the range."""
        form = AnalyticsForm(request.GET)
        if not form.is_valid():
            return {}
        question = form.question
        slow = {"is_slow": True, "utc": with_changes(request, zone="UTC", days="7")}
        if form.cleaned_data["count"]:
            active_users = section(lambda: _active(question))
            return slow if isinstance(active_users, TooSlow) else {"active": active_users}
        earlier = periods.before(question.period, question.bucket, question.zone)
        is_compared = form.cleaned_data["compare"]
        begin = earlier.start if is_compared else question.period.start
        # One range, because each takes several commands.
        found_rows = section(lambda: question.rows(Period(begin, question.period.end)))
        if isinstance(found_rows, TooSlow):
            return slow
        then, rows = _split(found_rows, at=earlier.end)
        if not rows:
            return {"is_empty": True, "first": section(calendar.first_event)}
        states = section(lambda: _states(question))
        chart = series.chart(
            question,
            rows,
            key="events",
            title=gettext("Events"),
            states={} if isinstance(states, TooSlow) else states,
            link=lambda begin: _narrowed(question, begin, request),
        )
        found: dict[str, Any] = {"chart": chart, "export": with_changes(request, export="csv")}
        if is_compared:
            found["compared"] = _compare(earlier, rows, then, question.zone)
            found["grown"] = (
                list(islice(_grown(question.by, rows, then), MOST_GROWN)) if question.by else []
            )
            found["by"] = BY[question.by or ""]
        return found


def _states(question: Question) -> dict[datetime, str]:
    """Return UTC day -> how it is kept."""
    first = periods.midnight(question.period.start.date(), UTC)
    return calendar.read(first=first, last=question.period.end).days


def _narrowed(question: Question, begin: datetime, request: HttpRequest) -> str:
    """Return the address of one column in smaller buckets."""
    if question.bucket == "hour":
        return ""
    first = begin.astimezone(question.zone).date()
    end = periods.following(begin, question.bucket, question.zone).astimezone(question.zone)
    last = end.date() - timedelta(days=1)
    smaller = "hour" if question.bucket == "day" else "day"
    return with_changes(request, since=str(first), until=str(last), bucket=smaller, days="")


def _split(rows: Sequence[Row], at: datetime) -> tuple[list[Row], list[Row]]:
    """Return the rows before the time, and the others."""
    then = [row for row in rows if row["time"] < at]
    return then, list(rows[len(then) :])


def _grown(by: str, rows: Sequence[Row], earlier: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Yield each value of the field with its count now and before, the most grown first."""
    now, then = Counter[str](), Counter[str]()
    for counts, some in ((now, rows), (then, earlier)):
        for row in some:
            counts[name_of(row[by])] += row["count"]
    for name in sorted(now | then, key=lambda name: (then[name] - now[name], name)):
        more = now[name] - then[name]
        change = round(more * 100 / then[name]) if then[name] else None
        yield {"name": name, "now": now[name], "then": then[name], "more": more, "change": change}


def _compare(
    period: Period, rows: Sequence[Row], earlier: Sequence[Row], zone: tzinfo
) -> dict[str, Any]:
    """Return how many events there were in as long a time before."""
    now, then = (sum(row["count"] for row in some) for some in (rows, earlier))
    change = round((now - then) * 100 / then) if then else None
    times = period.start, period.end - timedelta(microseconds=1)
    # The days that are compared, which may be those of UTC.
    start, last = (date_format(time.astimezone(zone), "SHORT_DATE_FORMAT") for time in times)
    return {"start": start, "last": last, "now": now, "then": then, "change": change}


def _active(question: Question) -> Columns:
    rows = active.users_by_bucket(
        start=periods.floor(question.period.start, question.bucket, question.zone),
        end=question.period.end,
        bucket=question.bucket,
        time_zone=question.zone_name,
    )
    return series.chart(
        question, rows, key="users", title=gettext("Active users"), value="users", has_total=False
    )
