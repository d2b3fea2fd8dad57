"""Looking for people."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from bson import ObjectId
from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.admin import acting, exports
from chabad_auth_django.contrib.admin.filters import FilterForm, PastedField, ago, choice
from chabad_auth_django.contrib.admin.page import PAGE_SIZE, Page, look, position
from chabad_auth_django.contrib.admin.pages import periods
from chabad_auth_django.contrib.admin.reads import person
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import plain
from chabad_auth_django.db import pages
from chabad_auth_django.services.deployment import statistics
from chabad_auth_django.services.identity import audit, names, search

JOINED = {
    "1": _("in the last 24 hours"),
    "7": _("in the last 7 days"),
    "30": _("in the last 30 days"),
}
SIGNED_IN = {
    "never": _("never"),
    "30": _("more than 30 days ago"),
    "365": _("more than a year ago"),
}
STATUSES = {"active": _("not blocked"), "blocked": _("blocked")}
ORDERS = {"": _("newest first"), "email": _("by e-mail address")}

#: What the list can show of each besides the name; those that are shown where none is chosen.
SHOWN = {
    "email": _("E-mail"),
    "roles": _("Roles"),
    "methods": _("Signs in with"),
    "status": _("Status"),
    "last_login": _("Last sign-in"),
    "created": _("Joined"),
    "valu_id": _("Valu id"),
    "merkos_id": _("Merkos id"),
    "language": _("Language"),
}
USUAL = ("email", "roles", "methods", "status", "last_login", "created")

#: Roles and methods that are shown of each, whatever another program stored.
MOST_NAMES = 20

#: People that one read of an export finds.
EXPORT_BATCH = 1000

COLUMNS = (
    *("id", "email", "name", "roles", "authMethods", "valuUserId", "merkosUserId"),
    *("lastLogin", "createdAt"),
)


class Filters(FilterForm):
    """What of a person is known."""

    q = PastedField(label=_("E-mail, name, id or external id"), max_length=255, required=False)
    names = forms.BooleanField(label=_("Search in names, too (slow)"), required=False)
    role = choice(_("Role"))
    method = choice(_("Signs in with"))
    status = choice(_("Status"), STATUSES)
    joined = choice(_("Joined"), JOINED)
    since = periods.day_field(_("Joined from"))
    until = periods.day_field(_("Joined before"))
    signed_in = choice(_("Last sign-in"), SIGNED_IN)
    external = forms.BooleanField(label=_("Has a Valu or Merkos id"), required=False)
    order = forms.ChoiceField(label=_("Order"), choices=list(ORDERS.items()), required=False)
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        choices=list(SHOWN.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    behind = (
        *("role", "method", "status", "joined", "since", "until", "signed_in", "external"),
        *("order", "columns"),
    )

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        choices = {"role": sorted(names.known_roles()), "method": conf.AUTH_METHODS}
        for name, options in choices.items():
            field: Any = self.fields[name]
            field.choices = [("", _("any")), *((option, option) for option in options)]

    @property
    def shown(self) -> list[str]:
        """The columns of the list."""
        chosen = self.cleaned_data.get("columns") if self.is_valid() else None
        return [name for name in SHOWN if name in (chosen or USUAL)]

    def criteria(self) -> dict[str, Any]:
        """Return what ``search.find_users`` takes; raise ``ValidationError``."""
        values = self.values()
        found: dict[str, Any] = {
            "text": values["q"] or None,
            "in_names": values["names"],
            "role": values["role"] or None,
            "auth_method": values["method"] or None,
            "has_external_id": values["external"],
            # By the index, however many addresses begin so.
            "by_email": values["order"] == "email" or (values["q"] and not values["names"]),
        }
        if values["status"]:
            found["is_blocked"] = values["status"] == "blocked"
        if values["joined"]:
            found["created_since"] = ago(values["joined"])
        for name, day in (("created_since", values["since"]), ("created_until", values["until"])):
            if day:
                found[name] = periods.midnight(day, timezone.get_current_timezone())
        if values["signed_in"] == "never":
            found["never_signed_in"] = True
        elif values["signed_in"]:
            found["last_login_until"] = ago(values["signed_in"])
        return found


class PeoplePage(Page):
    """The users who match the filters, 100 at a time."""

    title = _("People")
    template_name = "chabad_admin/people.html"
    permissions = ("view_people",)

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        filters = Filters(request.GET)
        return {
            "filters": filters,
            "is_narrowed": filters.is_narrowed,
            "columns": filters.shown,
            "labels": [SHOWN[name] for name in filters.shown],
            "actions": [
                action for action in acting.BULK.values() if action.is_open_to(request.user)
            ],
        }

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return a page of users, and who of them is blocked."""
        filters = Filters(request.GET)
        criteria = filters.criteria()
        kind = str if criteria["by_email"] else ObjectId
        look(what="users")
        page = search.find_users(limit=PAGE_SIZE, position=position(request, kind), **criteria)
        ids = [row["_id"] for row in page.rows]
        blocked = search.find_blocked(user_ids=ids)
        leaving = person.find_leaving(user_ids=ids)
        languages = person.find_languages(user_ids=ids) if "language" in filters.shown else {}
        in_names = request.GET.copy()
        in_names["names"] = "on"
        return {
            "page": page,
            "people": [
                {
                    **_person(row),
                    "is_blocked": row["_id"] in blocked,
                    "is_leaving": row["_id"] in leaving,
                    "language": languages.get(row["_id"]),
                }
                for row in page.rows
            ],
            "about": statistics.count_users(),
            "in_names": f"?{in_names.urlencode()}",
            "query": request.GET.urlencode(),
        }


class PeopleExport(Page):
    """The users who match the filters, as a file for spreadsheets."""

    title = _("Export people")
    template_name = "chabad_admin/base.html"
    permissions = ("export_people",)
    http_method_names = ["post"]

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Stream the file."""
        filters = Filters(request.GET)
        read = partial(search.find_users, limit=EXPORT_BATCH, **filters.criteria())
        first = read()
        audit.record(action="user.export", user_id=None, resource="users")
        return exports.csv_file("people", COLUMNS, _rows(first, read))


def _rows(page: pages.Page, read: Any) -> Iterator[list[Any]]:
    while True:
        for row in page.rows:
            yield [_cell({**row, "id": row["_id"]}.get(name)) for name in COLUMNS]
        if page.next is None:
            return
        page = read(position=page.next)


def _cell(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _person(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a template can ask for: a stored document may have anything in any field."""
    roles, methods = row.get("roles"), row.get("authMethods")
    return {
        "id": str(row["_id"]),
        "email": row.get("email"),
        "mailbox": plain(row.get("email")).partition("@")[0],
        "name": row.get("name"),
        "initials": initials(row),
        "roles": roles[:MOST_NAMES] if isinstance(roles, list) else ["user"],
        "methods": methods[:MOST_NAMES] if isinstance(methods, list) else [],
        "valu_id": row.get("valuUserId"),
        "merkos_id": row.get("merkosUserId"),
        "last_login": row.get("lastLogin"),
        "created": row.get("createdAt") or row["_id"].generation_time,
    }


def initials(row: Mapping[str, Any]) -> str:
    """Return up to two letters for somebody."""
    words = plain(row.get("name") or row.get("email")).split()
    letters = (next(filter(str.isalnum, word), "") for word in words)
    return "".join(filter(None, letters))[:2].upper() or "?"
