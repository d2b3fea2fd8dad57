"""How pages are registered in an admin site, without tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import URLPattern, path

from chabad_auth_django.contrib.admin import rights
from chabad_auth_django.contrib.admin.page import Page

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[models.Model]
else:
    ModelAdmin = admin.ModelAdmin


class PageAdmin(ModelAdmin):
    """The pages of a placeholder model; the first one has the route ``""`` and is its list."""

    #: Route, page and name of the address.
    pages: ClassVar[Sequence[tuple[str, type[Page], str]]]

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the pages alone; each takes a staff member who is signed in."""
        begin = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(
                route,
                self.admin_site.admin_view(page.as_view(model_admin=self)),
                name=f"{begin}_{name}",
            )
            for route, page, name in self.pages
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Tell whether the app appears in the index."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the page appears in the index."""
        return rights.holds(request.user, *self.pages[0][1].permissions)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return that nothing is added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nothing is changed by Django's own forms."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return that nothing is deleted by Django's own forms."""
        return False
