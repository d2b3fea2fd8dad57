"""The calls of the front ends: include them before ``chabad_auth_django.api.urls``.

``path("api/", include("chabad_auth_django.contrib.universe.urls"))``
"""

from django.urls import path, re_path

from chabad_auth_django.contrib.universe.openapi import ClientSchemaView
from chabad_auth_django.contrib.universe.views.app_data import AppDataViewSet, ValueViewSet
from chabad_auth_django.contrib.universe.views.base import NotFoundViewSet
from chabad_auth_django.contrib.universe.views.documents import PreferencesViewSet, ProfileViewSet
from chabad_auth_django.contrib.universe.views.events import ActivityViewSet, AnalyticsViewSet
from chabad_auth_django.contrib.universe.views.identity import (
    IdentityViewSet,
    LogoutViewSet,
    RulesViewSet,
)
from chabad_auth_django.contrib.universe.views.sso import (
    SignOffViewSet,
    SignOnViewSet,
    StatusViewSet,
)

app_name = "chabad_auth_universe"

urlpatterns = [
    path("auth/me", IdentityViewSet.as_view({"get": "me"}), name="me"),
    path(
        "auth/enrich/merkos",
        IdentityViewSet.as_view({"get": "enrich_merkos"}),
        name="enrich-merkos",
    ),
    path(
        "auth/link-merkos",
        IdentityViewSet.as_view({"post": "link_merkos"}),
        name="link-merkos",
    ),
    path("auth/logout", LogoutViewSet.as_view({"post": "logout"}), name="logout"),
    path("sso/remote/status", SignOnViewSet.as_view({"post": "sign_in"}), name="sso-sign-in"),
    path("sso/status", StatusViewSet.as_view({"get": "status"}), name="sso-status"),
    path("sso/logout", SignOffViewSet.as_view({"post": "logout"}), name="sso-logout"),
    path("authorization/rules", RulesViewSet.as_view({"get": "rules"}), name="rules"),
    path(
        "profile/<str:user>",
        ProfileViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="profile",
    ),
    path(
        "preferences/<str:user>",
        PreferencesViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="preferences",
    ),
    path(
        "preferences/<str:user>/widgets",
        PreferencesViewSet.as_view({"patch": "update_widgets"}),
        name="widgets",
    ),
    path(
        "app-data/<str:user>/<str:app>",
        AppDataViewSet.as_view({"get": "list", "post": "create"}),
        name="app-data",
    ),
    path(
        "app-data/<str:user>/<str:app>/<path:namespace>",
        ValueViewSet.as_view({"delete": "destroy"}),
        name="app-data-value",
    ),
    path("activity/batch", ActivityViewSet.as_view({"post": "create"}), name="activity-batch"),
    path("analytics", AnalyticsViewSet.as_view({"post": "create"}), name="analytics"),
    path("universe/schema/", ClientSchemaView.as_view(), name="schema"),
    # Below prefixes that the API does not have. Line breaks too, which "." alone would not match.
    re_path(
        r"^(?:sso|authorization|profile|preferences|app-data|activity)(?![\w-])(?s:.*)\Z",
        NotFoundViewSet.as_view({"get": "list"}),
        name="not-found",
    ),
]
