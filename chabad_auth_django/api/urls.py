"""The paths of the API: ``path("api/", include("chabad_auth_django.api.urls"))``."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from chabad_auth_django.api.http.views import NotFoundViewSet
from chabad_auth_django.api.openapi.docs import DocsView, SchemaView
from chabad_auth_django.api.resources.app_data import (
    AppDataValueViewSet,
    AppDataViewSet,
    ApplicationViewSet,
)
from chabad_auth_django.api.resources.audit import AuditViewSet
from chabad_auth_django.api.resources.auth import (
    LoginViewSet,
    RefreshViewSet,
    SessionViewSet,
)
from chabad_auth_django.api.resources.blocks import BlockViewSet
from chabad_auth_django.api.resources.events import ActivitiesViewSet, AnalyticsViewSet
from chabad_auth_django.api.resources.grants import (
    AuthMethodViewSet,
    PermissionViewSet,
    RoleViewSet,
)
from chabad_auth_django.api.resources.health import HealthViewSet
from chabad_auth_django.api.resources.identities import IdentitiesViewSet, IdentityViewSet
from chabad_auth_django.api.resources.portability import ErasureViewSet, ExportViewSet
from chabad_auth_django.api.resources.preferences import (
    FavoriteAppViewSet,
    PreferencesViewSet,
    WidgetViewSet,
)
from chabad_auth_django.api.resources.profile import AvatarViewSet, MetadataViewSet, ProfileViewSet
from chabad_auth_django.api.resources.users import UsersViewSet, UserViewSet

READ: dict[str, Any] = {"get": "retrieve"}
LIST: dict[str, Any] = {"get": "list"}
CHANGE: dict[str, Any] = {"put": "update", "delete": "destroy"}

USER = "users/<str:user>/"


class NameConverter(StringConverter):
    """The last part of a path, in which the server has made slashes of ``%2F``."""

    regex = "(?s:.+)"


register_converter(NameConverter, "chabad_name")

# Without it `profile`, for one, would take a host project's name.
app_name = "chabad_auth"

urlpatterns = [
    path("auth/login/", LoginViewSet.as_view({"post": "login"}), name="auth-login"),
    path("auth/refresh/", RefreshViewSet.as_view({"post": "refresh"}), name="auth-refresh"),
    path("auth/logout/", SessionViewSet.as_view({"post": "logout"}), name="auth-logout"),
    path("auth/me/", SessionViewSet.as_view({"get": "me"}), name="auth-me"),
    path("auth/rules/", SessionViewSet.as_view({"get": "rules"}), name="auth-rules"),
    path(
        "auth/sessions/",
        SessionViewSet.as_view({"get": "list", "delete": "destroy_all"}),
        name="auth-sessions",
    ),
    path(
        "auth/sessions/<str:session>/",
        SessionViewSet.as_view({"delete": "destroy"}),
        name="auth-session",
    ),
    path("users/", UsersViewSet.as_view(LIST | {"post": "create"}), name="users"),
    path(
        USER,
        UserViewSet.as_view(READ | {"patch": "partial_update", "delete": "destroy"}),
        name="user",
    ),
    path(USER + "block/", BlockViewSet.as_view(READ | CHANGE), name="user-block"),
    path(
        USER + "identities/",
        IdentitiesViewSet.as_view(LIST | {"post": "create"}),
        name="user-identities",
    ),
    path(
        USER + "identities/<str:identity>/",
        IdentityViewSet.as_view({"delete": "destroy"}),
        name="user-identity",
    ),
    path(USER + "export/", ExportViewSet.as_view(READ), name="user-export"),
    path(USER + "erasure/", ErasureViewSet.as_view(READ | {"post": "create"}), name="user-erasure"),
    path(USER + "roles/<str:role>/", RoleViewSet.as_view(CHANGE), name="user-role"),
    path(
        USER + "permissions/<str:permission>/",
        PermissionViewSet.as_view(CHANGE),
        name="user-permission",
    ),
    path(
        USER + "auth-methods/<str:method>/",
        AuthMethodViewSet.as_view(CHANGE),
        name="user-auth-method",
    ),
    path(
        USER + "profile/",
        ProfileViewSet.as_view(READ | {"patch": "partial_update"}),
        name="profile",
    ),
    path(USER + "profile/avatar/", AvatarViewSet.as_view(CHANGE), name="profile-avatar"),
    path(
        USER + "profile/metadata/<chabad_name:key>/",
        MetadataViewSet.as_view(READ | CHANGE),
        name="profile-metadata",
    ),
    path(
        USER + "preferences/",
        PreferencesViewSet.as_view(READ | {"patch": "partial_update"}),
        name="preferences",
    ),
    path(
        USER + "preferences/reset/",
        PreferencesViewSet.as_view({"post": "reset"}),
        name="preferences-reset",
    ),
    path(
        USER + "preferences/favorite-apps/<chabad_name:app>/",
        FavoriteAppViewSet.as_view(CHANGE),
        name="favorite-app",
    ),
    path(
        USER + "preferences/widgets/<chabad_name:widget>/",
        WidgetViewSet.as_view(CHANGE),
        name="widget",
    ),
    path(
        USER + "activities/",
        ActivitiesViewSet.as_view(LIST | {"post": "create"}),
        name="user-activities",
    ),
    path(
        USER + "analytics/",
        AnalyticsViewSet.as_view(LIST | {"post": "create"}),
        name="user-analytics",
    ),
    path(
        USER + "analytics/event-counts/",
        AnalyticsViewSet.as_view({"get": "event_counts"}),
        name="user-event-counts",
    ),
    path(
        USER + "analytics/category-counts/",
        AnalyticsViewSet.as_view({"get": "category_counts"}),
        name="user-category-counts",
    ),
    path(
        USER + "analytics/timeseries/",
        AnalyticsViewSet.as_view({"get": "timeseries"}),
        name="user-timeseries",
    ),
    path(USER + "app-data/", AppDataViewSet.as_view(LIST), name="app-data"),
    path(
        USER + "app-data/<str:app>/",
        ApplicationViewSet.as_view(LIST | {"delete": "destroy"}),
        name="app-data-app",
    ),
    path(
        USER + "app-data/<str:app>/<chabad_name:key>/",
        AppDataValueViewSet.as_view(READ | CHANGE | {"patch": "partial_update"}),
        name="app-data-value",
    ),
    path("activities/", ActivitiesViewSet.as_view(LIST), name="activities"),
    path("analytics/", AnalyticsViewSet.as_view(LIST), name="analytics"),
    path(
        "analytics/event-counts/",
        AnalyticsViewSet.as_view({"get": "event_counts"}),
        name="event-counts",
    ),
    path(
        "analytics/category-counts/",
        AnalyticsViewSet.as_view({"get": "category_counts"}),
        name="category-counts",
    ),
    path(
        "analytics/timeseries/",
        AnalyticsViewSet.as_view({"get": "timeseries"}),
        name="timeseries",
    ),
    path("audit/", AuditViewSet.as_view(LIST), name="audit"),
    path("health/live/", HealthViewSet.as_view({"get": "live"}), name="health-live"),
    path("health/ready/", HealthViewSet.as_view({"get": "ready"}), name="health-ready"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    # Below our own prefixes, an unknown path is answered in the one shape, not by an HTML page.
    re_path(
        # Line breaks too, which "." alone would not match.
        r"^(?:auth|users|activities|analytics|audit|health|schema|docs)(?![\w-])(?s:.*)\Z",
        NotFoundViewSet.as_view({"get": "list"}),
        name="not-found",
    ),
]
