"""Choosing the zone in which a staff member sees times."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin.page import ZONE_KEY, Page
from chabad_auth_django.services.analytics import buckets


class ZoneForm(forms.Form):
    """One of the zones that Python knows."""

    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(name, name) for name in sorted(buckets.zone_names())],
    )


class ZonePage(Page):
    """The zone of the times on all pages, kept in the session."""

    title = _("Time zone")
    template_name = "chabad_admin/zone.html"

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return the form."""
        return {"form": ZoneForm(initial={"zone": timezone.get_current_timezone_name()})}

    def change(self, request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        """Keep the zone, and return to the page on which it was asked for."""
        form = ZoneForm(request.POST)
        if not form.is_valid():
            return self.respond(request, {"form": form, "complete": True}, status=400)
        request.session[ZONE_KEY] = form.cleaned_data["zone"]
        back = request.GET.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
        return redirect(back if is_ours else self.url("index"))
