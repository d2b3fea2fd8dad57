"""Who is signed in."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.admin import devices
from chabad_auth_django.contrib.admin.filters import FilterForm, ago, choice
from chabad_auth_django.contrib.admin.page import PAGE_SIZE, Page, look, position
from chabad_auth_django.services.identity import users
from chabad_auth_django.services.signing_in import sessions

USED = {
    "1": _("in the last 24 hours"),
    "7": _("in the last 7 days"),
    "30": _("in the last 30 days"),
}


class Filters(FilterForm):
    """Which sessions."""

    method = choice(_("Signed in with"))
    used = choice(_("Last used"), USED)

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        field: Any = self.fields["method"]
        field.choices = [("", _("any")), *((name, name) for name in conf.AUTH_METHODS)]


class SessionsPage(Page):
    """The sessions that have not ended, the newest first."""

    title = _("Sessions")
    template_name = "chabad_admin/sessions.html"
    permissions = ("view_people",)

    def frame(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        """Return the filters."""
        filters = Filters(request.GET)
        return {"filters": filters, "is_narrowed": filters.is_narrowed}

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return a page of sessions with the people whose they are."""
        values = Filters(request.GET).values()
        start = position(request, ObjectId)
        look(what="sessions")
        page = sessions.list_all_sessions(
            limit=PAGE_SIZE,
            position=start,
            auth_method=values["method"] or None,
            used_since=ago(values["used"]) if values["used"] else None,
        )
        # Another program may have stored what is no id.
        owners: list[Any] = [
            owner if isinstance(owner := row.get("userId"), ObjectId) else None for row in page.rows
        ]
        people = users.read_many(user_ids={owner for owner in owners if owner})
        rows = [
            {
                **row,
                "id": row["_id"],
                "owner": owner,
                "person": people.get(owner, {}),
                "device": devices.describe(row.get("userAgent")),
            }
            for row, owner in zip(page.rows, owners, strict=True)
        ]
        return {"page": page, "sessions": rows}
