"""Page 9: who did what to whom."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin import exports
from chabad_auth_django.contrib.admin.page import Page, look, position, section
from chabad_auth_django.contrib.admin.pages import periods
from chabad_auth_django.contrib.admin.pages.addresses import with_changes
from chabad_auth_django.exceptions import TooSlow, ValidationError
from chabad_auth_django.models.audit import ACTIONS
from chabad_auth_django.services.identity import audit_log
from chabad_auth_django.validators import to_object_id

#: Entries on one page, and in one part of a file.
PAGE_SIZE, PART = 100, 1_000


class AuditForm(forms.Form):
    """Which entries."""

    user = forms.CharField(label=_("Person (id)"), max_length=24, required=False)
    actor = forms.CharField(label=_("By (id, account or command)"), max_length=256, required=False)
    action = forms.ChoiceField(
        label=_("Action"),
        choices=[("", _("any")), *((name, name) for name in sorted(ACTIONS))],
        required=False,
    )
    since = periods.day_field(_("From"))
    until = periods.day_field(_("to (this day too)"))

    def clean_user(self) -> ObjectId | None:
        """Return the id; refuse what is none."""
        text = self.cleaned_data["user"].strip()
        try:
            return to_object_id(text) if text else None
        except ValidationError:
            raise forms.ValidationError(_("An id has 24 hexadecimal digits.")) from None

    @property
    def criteria(self) -> dict[str, Any]:
        """Return the criteria of ``audit_log.list_entries``."""
        given, zone = self.cleaned_data, timezone.get_current_timezone()
        since, until = given["since"], given["until"]
        return {
            "user_id": given["user"],
            "actor": given["actor"].strip() or None,
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
        form = _form(request)
        form.is_valid()
        return {"filters": form}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page, or give what is found as a file."""
        form = _form(request)
        if request.GET.get("export") != "csv" or not form.is_valid():
            return super().get(request, *args, **kwargs)
        criteria = form.criteria
        look(what="audit", user_id=criteria["user_id"])
        return exports.csv_file("audit", audit_log.FIELDS, _rows(criteria))

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return a page of entries."""
        form = _form(request)
        if not form.is_valid():
            return {}
        criteria = form.criteria
        query = audit_log.list_entries(
            limit=PAGE_SIZE, position=position(request, datetime), **criteria
        )
        found = section(query.fetch)
        if isinstance(found, TooSlow):
            return {"is_slow": True}
        look(what="audit", user_id=criteria["user_id"])
        return {
            "list": found,
            "is_filtered": any(value is not None for value in criteria.values()),
            "export": with_changes(request, export="csv"),
        }


def _form(request: HttpRequest) -> AuditForm:
    return AuditForm(request.GET, label_suffix="")


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
