"""The tab of a person that counts what they did."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bson import ObjectId
from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chabad_auth_django.contrib.admin.charts.bars import Bar, bars
from chabad_auth_django.contrib.admin.charts.marks import name_of
from chabad_auth_django.contrib.admin.charts.spark import spark
from chabad_auth_django.contrib.admin.page import section
from chabad_auth_django.contrib.admin.pages import periods, series
from chabad_auth_django.contrib.admin.pages.periods import PeriodForm
from chabad_auth_django.contrib.admin.pages.person import PersonPage
from chabad_auth_django.contrib.admin.pages.series import Question
from chabad_auth_django.contrib.admin.reads import summary
from chabad_auth_django.contrib.admin.reads.summary import Summary
from chabad_auth_django.exceptions import EventsArchived, ReplicaSetRequired
from chabad_auth_django.models import User
from chabad_auth_django.models.fields import now

#: Days of the small chart, and names beside it.
DAYS, MOST_COMMON = 90, 5

BY = {
    "eventCategory": gettext_lazy("category"),
    "eventName": gettext_lazy("name"),
    "appId": gettext_lazy("application"),
}


class FiguresForm(PeriodForm):
    """What is counted."""

    by = forms.ChoiceField(
        label=gettext_lazy("Divided by"), choices=list(BY.items()), required=False
    )


class FiguresTab(PersonPage):
    """The person's analytics events over time, and their most common ones."""

    template_name = "chabad_admin/person/figures.html"
    tab = "figures"
    further = ("view_events",)

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        form = FiguresForm(request.GET)
        form.is_valid()
        return {**super().frame(request, **kwargs), "filters": form}

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return the charts."""
        form = FiguresForm(request.GET)
        found = glance(user.id)
        if form.is_valid():
            found["chart"] = _chart(form, user.id)
        return found


def glance(user_id: ObjectId) -> dict[str, Any]:
    """Return a small chart of the last days, and bars of what was most common in them."""
    today = now().date()
    first = periods.midnight(today - timedelta(days=DAYS - 1), UTC)
    end = now() + timedelta(minutes=5)
    try:
        found = section(
            partial(summary.summarize, start=first, end=end, most=MOST_COMMON, user_id=user_id)
        )
    except (EventsArchived, ReplicaSetRequired):
        return {}
    if not isinstance(found, Summary):
        return {"is_slow": True}
    counts: dict[datetime, int] = {}
    for row in found.days:
        counts[row["time"]] = counts.get(row["time"], 0) + row["count"]
    days = [counts.get(first + timedelta(days=number), 0) for number in range(DAYS)]
    return {
        "spark": spark(_("Analytics events of the last 90 days, by day (UTC)"), days),
        "spark_total": sum(days),
        "names": _bars(_("Most common events"), found, "eventName"),
        "apps": _bars(_("Applications"), found, "appId"),
    }


def _bars(title: str, found: Summary, field: str) -> Any:
    rows = found.common[field]
    return rows and bars(title, [Bar(name_of(row[field]), row["count"]) for row in rows])


def _chart(form: FiguresForm, user_id: ObjectId) -> Any:
    zone = timezone.get_current_timezone()
    period = form.period(zone)
    question = Question(
        period=period,
        bucket="hour" if period.end - period.start < timedelta(days=4) else "day",
        by=form.cleaned_data["by"] or "eventCategory",
        only="",
        zone=zone,
        zone_name=timezone.get_current_timezone_name(),
        user_id=user_id,
    )
    return section(
        lambda: series.chart(
            question, question.rows(period), key="figures", title=_("Analytics events")
        )
    )
