"""The events of everybody."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from bson import ObjectId
from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.api.resources import shapes
from chabad_auth_django.contrib.admin import exports, rights
from chabad_auth_django.contrib.admin.filters import find_person, person_field
from chabad_auth_django.contrib.admin.page import Page, look, position, section
from chabad_auth_django.contrib.admin.pages import series
from chabad_auth_django.contrib.admin.pages.addresses import with_changes
from chabad_auth_django.contrib.admin.pages.periods import Period, PeriodForm
from chabad_auth_django.contrib.admin.pages.series import Question
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import pretty
from chabad_auth_django.db.pages import PageQuery, Position, Row
from chabad_auth_django.exceptions import TooSlow
from chabad_auth_django.models import Activity, Analytics
from chabad_auth_django.models.analytics import EVENT_CATEGORIES
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.data import events
from chabad_auth_django.services.identity import users

#: Events on one page, in one part of a file, and in a whole file.
PAGE_SIZE, PART, MOST = 100, 1_000, 100_000

#: How far ahead of ours a client's clock may be.
_AHEAD = timedelta(minutes=5)


class EventsForm(PeriodForm):
    """Which events."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[("analytics", _("analytics")), ("activities", _("activities"))],
        required=False,
    )
    user = person_field()
    name = forms.CharField(label=_("Name or type"), max_length=256, required=False)
    category = forms.ChoiceField(
        label=_("Category"),
        choices=[("", _("any")), *((name, name) for name in EVENT_CATEGORIES)],
        required=False,
    )
    app = forms.CharField(label=_("Application"), max_length=256, required=False)
    session = forms.CharField(label=_("Session"), max_length=256, required=False)

    default_days = ""
    choices_of_days = {"": _("24 hours")}

    #: Whose events, where it is one person's.
    user_id: ObjectId | None = None

    def find_person(self, account: Any) -> None:
        """Look for the person whose id or address was given; raise what ``find_person`` does."""
        self.user_id = find_person(account, self.cleaned_data["user"])

    def period(self, zone: tzinfo) -> Period:
        """Return the range; without any choice the last 24 hours."""
        given = self.cleaned_data
        if given.get("days") or given.get("since") or given.get("until"):
            return super().period(zone)
        return Period(now() - timedelta(days=1), now() + _AHEAD)

    @property
    def model(self) -> type[Activity | Analytics]:
        """The collection of the kind."""
        return Activity if self.cleaned_data["kind"] == "activities" else Analytics

    @property
    def filters(self) -> dict[str, Any]:
        """The stored fields that an event has; those that are ``None`` do not count."""
        given = self.cleaned_data
        name = "eventType" if self.model is Activity else "eventName"
        found = {
            "userId": self.user_id,
            name: given["name"] or None,
            "appId": given["app"] or None,
            "sessionId": given["session"] or None,
        }
        if self.model is Analytics:
            found["eventCategory"] = given["category"] or None
        return found

    def query(self, *, limit: int, position: Position | None = None) -> PageQuery:
        """Return the query for a page of events."""
        period = self.period(timezone.get_current_timezone())
        return events.list_events(
            model=self.model,
            limit=limit,
            position=position,
            since=period.start,
            until=period.end,
            **self.filters,
        )


class EventsPage(Page):
    """What everybody did, the newest first."""

    title = _("Events")
    template_name = "chabad_admin/events.html"
    permissions = ("view_events",)

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        form = EventsForm(request.GET)
        form.is_valid()
        return {"filters": form}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page, or give what is found as a file."""
        form = EventsForm(request.GET)
        if request.GET.get("export") != "jsonl" or not form.is_valid():
            return super().get(request, *args, **kwargs)
        rights.check_holds(request.user, "export_people")
        form.find_person(request.user)
        look(what="events", user_id=form.user_id)
        first = form.query(limit=PART)
        return exports.attachment("events.jsonl", "application/x-ndjson", _lines(form, first))

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return a page of events, and how many there were when."""
        form = EventsForm(request.GET)
        if not form.is_valid():
            return {}
        form.find_person(request.user)
        page = section(form.query(limit=PAGE_SIZE, position=position(request, datetime)).fetch)
        if isinstance(page, TooSlow):
            return {"is_slow": True}
        look(what="events", user_id=form.user_id)
        ids = {row["userId"] for row in page.rows if isinstance(row.get("userId"), ObjectId)}
        shows_names = rights.holds(request.user, "view_people")
        people = users.read_many(user_ids=ids) if shows_names and ids else {}
        return {
            "list": page,
            "rows": [_shown(row, people) for row in page.rows],
            "chart": series.read_if_countable(lambda: _chart(form)) if _is_charted(form) else None,
            "export": with_changes(request, export="jsonl"),
        }


def _is_charted(form: EventsForm) -> bool:
    """Tell whether what is listed can be counted over time."""
    given = form.cleaned_data
    divided = [given["name"], given["app"], given["category"]]
    return form.model is Analytics and not given["session"] and sum(map(bool, divided)) <= 1


def _chart(form: EventsForm) -> Any:
    given, zone = form.cleaned_data, timezone.get_current_timezone()
    period = form.period(zone)
    is_long = period.end - period.start > timedelta(days=4)
    divided = {"eventName": given["name"], "appId": given["app"]}
    by, only = next(
        (item for item in divided.items() if item[1]), ("eventCategory", given["category"])
    )
    question = Question(
        period=period,
        bucket="day" if is_long else "hour",
        by=by,
        only=only,
        zone=zone,
        zone_name=timezone.get_current_timezone_name(),
        user_id=form.user_id,
    )
    return series.chart(question, question.rows(period), key="events", title=gettext("Events"))


def _shown(row: Row, people: Mapping[ObjectId, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the template shows of an event."""
    user_id = row.get("userId")
    data = row.get("eventData")
    return {
        "time": row["timestamp"],
        "user": user_id,
        "person": people.get(user_id) if isinstance(user_id, ObjectId) else None,
        "name": row.get("eventName") or row.get("eventType"),
        "category": row.get("eventCategory"),
        "app": row.get("appId"),
        "session": row.get("sessionId"),
        "data": pretty(data) if data else "",
    }


def _lines(form: EventsForm, query: PageQuery) -> Iterator[str]:
    """Yield a line for each event, up to ``MOST``."""
    shape = shapes.activity if form.model is Activity else shapes.analytics
    for _number in range(MOST // PART):
        page = query.fetch()
        for row in page.rows:
            yield to_json(shape(row)).decode() + "\n"
        if page.next is None:
            return
        # Not by the form: while a file is streamed, the zone is no longer that of the staff member.
        query = replace(query, position=page.next)
