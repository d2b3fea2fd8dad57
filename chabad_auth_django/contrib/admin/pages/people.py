"""Page 2: looking for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from django.http import HttpRequest

from chabad_auth_django.contrib.admin.page import Page, look, position
from chabad_auth_django.services.identity import search


class PeoplePage(Page):
    """The users, the newest first."""

    title = "People"
    template_name = "chabad_admin/people.html"
    permissions = ("view_people",)

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return a page of users."""
        page = search.find_users(position=position(request, ObjectId))
        look(what="users")
        return {"page": page}
