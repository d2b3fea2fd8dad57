"""The pages of each placeholder, in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from chabad_auth_django.contrib.admin import models
from chabad_auth_django.contrib.admin.page_admin import PageAdmin
from chabad_auth_django.contrib.admin.pages.people import PeoplePage
from chabad_auth_django.contrib.admin.pages.zone import ZonePage


@admin.register(models.People)
class PeopleAdmin(PageAdmin):
    """Users, and what is stored about each."""

    pages = [
        ("", PeoplePage, "changelist"),
        ("zone/", ZonePage, "zone"),
    ]
