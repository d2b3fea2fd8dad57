"""The pages of each placeholder, in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from chabad_auth_django.contrib.admin import models
from chabad_auth_django.contrib.admin.page_admin import PageAdmin
from chabad_auth_django.contrib.admin.pages import actions, person
from chabad_auth_django.contrib.admin.pages.bulk import BulkPage
from chabad_auth_django.contrib.admin.pages.edit import EditPage
from chabad_auth_django.contrib.admin.pages.people import PeopleExport, PeoplePage
from chabad_auth_django.contrib.admin.pages.sessions import SessionsPage
from chabad_auth_django.contrib.admin.pages.timeline import TimelineTab
from chabad_auth_django.contrib.admin.pages.zone import ZonePage


@admin.register(models.People)
class PeopleAdmin(PageAdmin):
    """Users, and what is stored about each."""

    pages = [
        ("", PeoplePage, "changelist"),
        ("zone/", ZonePage, "zone"),
        ("export/", PeopleExport, "csv"),
        ("bulk/", BulkPage, "bulk"),
        ("account/<path:pk>/", actions.AccountPage, "account"),
        ("<slug:person>/", person.OverviewTab, "change"),
        ("<slug:person>/timeline/", TimelineTab, "timeline"),
        ("<slug:person>/sessions/", person.SessionsTab, "sessions"),
        ("<slug:person>/app-data/", person.AppDataTab, "app_data"),
        ("<slug:person>/access/", person.AccessTab, "access"),
        ("<slug:person>/identities/", person.IdentitiesTab, "identities"),
        ("<slug:person>/raw/", person.RawTab, "raw"),
        ("<slug:person>/history/", person.HistoryTab, "history"),
        ("<slug:person>/edit/", EditPage, "edit"),
        ("<slug:person>/export/", actions.ExportPage, "export"),
        ("<slug:person>/receipt/", actions.ReceiptPage, "receipt"),
        ("<slug:person>/do/<slug:action>/", actions.ActionPage, "act"),
    ]


@admin.register(models.Sessions)
class SessionsAdmin(PageAdmin):
    """Where people are signed in."""

    pages = [("", SessionsPage, "changelist")]
