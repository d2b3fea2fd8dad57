"""What is done to one person, and what comes of it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin import acting, rights
from chabad_auth_django.contrib.admin.page import Page, act
from chabad_auth_django.contrib.admin.pages.deletions import ReceiptPage
from chabad_auth_django.exceptions import NotFound
from chabad_auth_django.services.identity import audit, identities
from chabad_auth_django.services.identity.hosts import adapter
from chabad_auth_django.services.lifecycle import portability
from chabad_auth_django.validators import to_object_id

#: Action -> the tab to which it returns.
_RETURNS = {"end_session": "sessions", "grant": "access", "revoke": "access"}


class ActionPage(Page):
    """Does one of ``acting.ACTIONS``; what is refused is a banner."""

    title = _("Not done")
    template_name = "chabad_admin/person/refused.html"
    permissions = ("view_people",)
    http_method_names = ["post"]

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Do it, and return to the person."""
        action = acting.ACTIONS.get(kwargs["action"])
        if action is None:
            raise NotFound(gettext("There is no such action."))
        user_id = to_object_id(kwargs["person"])
        rights.check_holds(request.user, action.permission)
        if action.is_final:
            acting.check_typed(acting.find(user_id), request.POST.get("typed", ""))
        values = {name: request.POST.get(name, "") for name in action.fields}
        action.do(request, user_id, values)
        messages.success(request, f"{gettext(action.done)}.")
        if action.name == "erase":
            return redirect(self.url("chabad_admin_people_receipt", str(user_id)))
        if action.name == "delete":
            return redirect(self.url("chabad_admin_people_changelist"))
        tab = _RETURNS.get(action.name, "change")
        return redirect(self.url(f"chabad_admin_people_{tab}", str(user_id)))


class ExportPage(ActionPage):
    """Everything about a person as a file."""

    further = ("export_people",)

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Stream the file."""
        user_id = to_object_id(kwargs["person"])
        with audit.attempt(action="user.export", user_id=user_id):
            rights.check_reaches(request.user, acting.find(user_id))
            act(
                request,
                user_id=user_id,
                message="Exported.",
                change=lambda: audit.record(action="user.export", user_id=user_id),
            )
        return StreamingHttpResponse(
            portability.stream_user(user_id=user_id),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="user-{user_id}.json"'},
        )


class ErasureReceiptPage(ReceiptPage):
    """The receipt, for whoever erases."""

    permissions = ("erase_people",)


class AccountPage(Page):
    """Leads from an account of the Django project to the person whose it is."""

    title = _("Person of an account")
    template_name = "chabad_admin/base.html"
    permissions = ("view_people",)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect to the person."""
        account = adapter().get_account(primary_key=kwargs["pk"])
        owner = None if account is None else identities.find_owner(account=account)
        if owner is None:
            raise NotFound(gettext("Nobody has signed in with this account yet."))
        return redirect(self.url("chabad_admin_people_change", str(owner)))
