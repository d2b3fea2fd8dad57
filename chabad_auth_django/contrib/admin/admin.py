"""The pages of each placeholder, in Django's admin."""

from django.contrib import admin

from chabad_auth_django.contrib.admin import models
from chabad_auth_django.contrib.admin.page_admin import PageAdmin
from chabad_auth_django.contrib.admin.pages import actions, app_data, person
from chabad_auth_django.contrib.admin.pages.analytics import AnalyticsPage
from chabad_auth_django.contrib.admin.pages.audit import AuditPage
from chabad_auth_django.contrib.admin.pages.bulk import BulkPage
from chabad_auth_django.contrib.admin.pages.deletions import DeletionsPage, PurgePage, ReceiptPage
from chabad_auth_django.contrib.admin.pages.edit import EditPage
from chabad_auth_django.contrib.admin.pages.events import EventsPage
from chabad_auth_django.contrib.admin.pages.figures import FiguresTab
from chabad_auth_django.contrib.admin.pages.operations import OperationsPage
from chabad_auth_django.contrib.admin.pages.overview import OverviewPage
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
        ("<slug:person>/figures/", FiguresTab, "figures"),
        ("<slug:person>/app-data/", app_data.AppDataTab, "app_data"),
        ("<slug:person>/app-data/value/", app_data.ValuePage, "value"),
        ("<slug:person>/app-data/delete/", app_data.DeleteAppDataPage, "delete_app_data"),
        ("<slug:person>/access/", person.AccessTab, "access"),
        ("<slug:person>/identities/", person.IdentitiesTab, "identities"),
        ("<slug:person>/raw/", person.RawTab, "raw"),
        ("<slug:person>/history/", person.HistoryTab, "history"),
        ("<slug:person>/edit/", EditPage, "edit"),
        ("<slug:person>/export/", actions.ExportPage, "export"),
        ("<slug:user>/receipt/", actions.ErasureReceiptPage, "receipt"),
        ("<slug:person>/do/<slug:action>/", actions.ActionPage, "act"),
    ]


@admin.register(models.Sessions)
class SessionsAdmin(PageAdmin):
    """Where people are signed in."""

    pages = [("", SessionsPage, "changelist")]


@admin.register(models.Analytics)
class AnalyticsAdmin(PageAdmin):
    """Counts of events."""

    pages = [("", AnalyticsPage, "changelist")]


@admin.register(models.Overview)
class OverviewAdmin(PageAdmin):
    """The installation at a glance."""

    pages = [("", OverviewPage, "changelist")]


@admin.register(models.Events)
class EventsAdmin(PageAdmin):
    """Activities and analytics events."""

    pages = [("", EventsPage, "changelist")]


@admin.register(models.Deletions)
class DeletionsAdmin(PageAdmin):
    """Deletions and erasures, and their receipts."""

    pages = [
        ("", DeletionsPage, "changelist"),
        ("purge/", PurgePage, "purge"),
        ("<slug:user>/", ReceiptPage, "receipt"),
    ]


@admin.register(models.Operations)
class OperationsAdmin(PageAdmin):
    """What an operator watches."""

    pages = [("", OperationsPage, "changelist")]


@admin.register(models.Audit)
class AuditAdmin(PageAdmin):
    """Who did what to whom."""

    pages = [("", AuditPage, "changelist")]
