"""What applications store for a person: the tab, a value as a file, and deleting it."""

from collections.abc import Mapping
from typing import Any

import bson
from bson import ObjectId
from django.contrib import messages
from django.contrib.admin.models import DELETION
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chabad_auth_django.api.http.rendering import to_json
from chabad_auth_django.contrib.admin import acting, exports, rights
from chabad_auth_django.contrib.admin.page import Page, act, look, position
from chabad_auth_django.contrib.admin.pages.person import ROWS, PersonPage
from chabad_auth_django.contrib.admin.templatetags.chabad_admin import pretty
from chabad_auth_django.exceptions import NotFound, ValidationError
from chabad_auth_django.models import AppData, User
from chabad_auth_django.services.data import app_data
from chabad_auth_django.services.identity import audit
from chabad_auth_django.validators import to_object_id, validate_name


class AppDataTab(PersonPage):
    """What applications store for the person."""

    template_name = "chabad_admin/person/app_data.html"
    tab = "app_data"

    def read_tab(self, request: HttpRequest, user: User) -> dict[str, Any]:
        """Return a page of values."""
        app_id = request.GET.get("app") or None
        kind = ObjectId if app_id is None else str
        page = app_data.list_app_data(
            user_id=user.id, app_id=app_id, limit=ROWS, position=position(request, kind)
        ).fetch()
        values = [
            {
                **row,
                "shown": pretty(row.get("dataValue", {})),
                "size": len(bson.encode(row)),
                # What another program stored under no name, or an odd one, has no address.
                "is_named": _is_name(row.get("appId")) and _is_name(row.get("dataKey")),
            }
            for row in page.rows
        ]
        return {"page": page, "values": values, "app": app_id}


def _is_name(value: object) -> bool:
    try:
        validate_name(value)
    except ValidationError:
        return False
    return True


class ValuePage(Page):
    """One value as a file."""

    title = gettext_lazy("App data")
    template_name = "chabad_admin/person/refused.html"
    permissions = ("view_people",)
    further = ("export_people",)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Give the file."""
        user_id = to_object_id(kwargs["person"])
        row = AppData.read_key(user_id, request.GET.get("app", ""), request.GET.get("key", ""))
        if row is None:
            raise NotFound(_("Nothing is stored there."))
        audit.record(action="user.export", user_id=user_id, resource="app-data")
        text = to_json(row.get("dataValue", {}), indent=True).decode()
        return exports.attachment("app-data.json", "application/json", [text, "\n"])


class DeleteAppDataPage(Page):
    """Asks whether a value, or all of an application, is to be deleted; and does it."""

    title = gettext_lazy("Delete app data")
    template_name = "chabad_admin/person/delete_app_data.html"
    permissions = ("view_people",)
    further = ("erase_people",)

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return what would be deleted."""
        user_id = to_object_id(kwargs["person"])
        look(what="app-data", user_id=user_id)
        person, app_id = acting.find(user_id), request.GET.get("app", "")
        key, more = request.GET.get("key") or None, None
        if key is None:
            page = app_data.list_app_data(user_id=user_id, app_id=app_id, limit=ROWS).fetch()
            keys, more = [row.get("dataKey") for row in page.rows], page.next
        else:
            keys = [key] if AppData.read_key(user_id, app_id, key) else []
        return {"person": person, "app": app_id, "key": key, "keys": keys, "has_more": more}

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Delete it."""
        user_id = to_object_id(kwargs["person"])
        with audit.attempt(action="data.change", user_id=user_id):
            rights.check_reaches(request.user, acting.find(user_id))
            count = act(
                request,
                user_id=user_id,
                message="Deleted app data.",
                change=lambda: acting.delete_app_data(
                    user_id=user_id,
                    app_id=request.POST.get("app", ""),
                    data_key=request.POST.get("key") or None,
                ),
                flag=DELETION,
            )
        messages.success(request, _("Values deleted: %(count)d.") % {"count": count})
        return redirect(self.url("chabad_admin_people_app_data", str(user_id)))
