"""The audit trail: who did what to whom."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin import exports
from chabad_auth_django.contrib.admin.filters import FilterForm, find_person, person_field
from chabad_auth_django.contrib.admin.page import Page, look, position, section
from chabad_auth_django.contrib.admin.pages import periods, trail
from chabad_auth_django.contrib.admin.pages.addresses import with_changes
from chabad_auth_django.exceptions import TooSlow
from chabad_auth_django.services.identity import audit_log

#: Entries on one page, and in one part of a file.
PAGE_SIZE, PART = 100, 1_000


class AuditForm(FilterForm):
    """Which entries."""

    user = person_field()
    actor = forms.CharField(label=_("By (account, id or command)"), max_length=256, required=False)
    action = forms.ChoiceField(
        label=_("Action"),
        choices=[("", _("any")), *sorted(trail.ACTIONS.items())],
        required=False,
    )
    since = periods.day_field(_("From"))
    until = periods.day_field(_("To (this day too)"))

    def criteria(self, account: Any) -> dict[str, Any]:
        """Return the criteria of ``audit_log.list_entries``."""
        given, zone = self.cleaned_data, timezone.get_current_timezone()
        since, until = given["since"], given["until"]
        return {
            "user_id": find_person(account, given["user"]),
            "actor": trail.to_actor_id(given["actor"]),
            "action": given["action"] or None,
            "since": periods.midnight(since, zone) if since else None,
            "until": periods.midnight(until + timedelta(days=1), zone) if until else None,
        }


class AuditPage(Page):
    """The audit trail, the newest first."""

    title = _("Audit trail")
    template_name = "chabad_admin/audit.html"
    permissions = ("view_operations",)

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        form = AuditForm(request.GET)
        form.is_valid()
        return {"filters": form}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page, or give what is found as a file."""
        form = AuditForm(request.GET)
        if request.GET.get("export") != "csv" or not form.is_valid():
            return super().get(request, *args, **kwargs)
        criteria = form.criteria(request.user)
        look(what="audit", user_id=criteria["user_id"])
        return exports.csv_file("audit", audit_log.FIELDS, _rows(criteria))

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return a page of entries."""
        form = AuditForm(request.GET)
        if not form.is_valid():
            return {}
        criteria = form.criteria(request.user)
        query = audit_log.list_entries(
            limit=PAGE_SIZE, position=position(request, datetime), **criteria
        )
        found = section(query.fetch)
        if isinstance(found, TooSlow):
            return {"is_slow": True}
        look(what="audit", user_id=criteria["user_id"])
        return {
            "list": found,
            "rows": trail.shown(request, found.rows),
            "is_filtered": any(value is not None for value in criteria.values()),
            "export": with_changes(request, export="csv"),
        }


def _rows(criteria: Mapping[str, Any]) -> Iterator[list[Any]]:
    position = None
    while True:
        page = audit_log.list_entries(limit=PART, position=position, **criteria).fetch()
        for row in page.rows:
            time = row["timestamp"].replace(tzinfo=UTC)
            yield [time, *(row.get(name) for name in audit_log.FIELDS[1:])]
        position = page.next
        if position is None:
            return
