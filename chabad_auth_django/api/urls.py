"""The paths of the API: ``path("api/", include("chabad_auth_django.api.urls"))``."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path, re_path, register_converter
from django.urls.converters import StringConverter
from rest_framework.viewsets import ViewSetMixin

from chabad_auth_django.api.http.views import NotFoundViewSet
from chabad_auth_django.api.openapi.docs import DocsView, IndexView, SchemaView
from chabad_auth_django.api.resources.app_data import (
    AppDataValueViewSet,
    AppDataViewSet,
    ApplicationViewSet,
)
from chabad_auth_django.api.resources.audit import AuditViewSet
from chabad_auth_django.api.resources.auth import LoginViewSet, RefreshViewSet, SessionViewSet
from chabad_auth_django.api.resources.blocks import BlockViewSet
from chabad_auth_django.api.resources.events import ActivitiesViewSet, AnalyticsViewSet
from chabad_auth_django.api.resources.figures import FiguresViewSet
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


def route(pattern: str, view: type[ViewSetMixin], actions: dict[str, Any], name: str) -> URLPattern:
    """Return the path at which methods of HTTP are actions of the view."""
    return path(pattern, view.as_view(actions), name=name)


def _with_own_parameters(view: Callable[..., Any], names: Iterable[str]) -> Callable[..., Any]:
    """Pass the view the variable parts of its own path: the host's prefix may have others."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return view(request, **{name: kwargs[name] for name in names})

    return wrapper


# Without it `profile`, for one, would take a host project's name.
app_name = "chabad_auth"

urlpatterns = [
    # Django tries one after the other: what clients ask for all the time comes first.
    route(USER + "profile/", ProfileViewSet, READ | {"patch": "partial_update"}, "profile"),
    route(USER + "activities/", ActivitiesViewSet, LIST | {"post": "create"}, "user-activities"),
    route(
        USER + "app-data/<str:app>/<chabad_name:key>/",
        AppDataValueViewSet,
        READ | CHANGE | {"patch": "partial_update"},
        "app-data-value",
    ),
    route(USER + "analytics/", AnalyticsViewSet, LIST | {"post": "create"}, "user-analytics"),
    route(
        USER + "analytics/event-counts/",
        AnalyticsViewSet,
        {"get": "event_counts"},
        "user-event-counts",
    ),
    route(
        USER + "analytics/category-counts/",
        AnalyticsViewSet,
        {"get": "category_counts"},
        "user-category-counts",
    ),
    route(
        USER + "analytics/timeseries/", AnalyticsViewSet, {"get": "timeseries"}, "user-timeseries"
    ),
    route(USER + "app-data/", AppDataViewSet, LIST, "app-data"),
    route(
        USER + "app-data/<str:app>/",
        ApplicationViewSet,
        LIST | {"delete": "destroy"},
        "app-data-app",
    ),
    route(USER + "profile/avatar/", AvatarViewSet, CHANGE, "profile-avatar"),
    route(
        USER + "profile/metadata/<chabad_name:key>/",
        MetadataViewSet,
        READ | CHANGE,
        "profile-metadata",
    ),
    route(
        USER + "preferences/", PreferencesViewSet, READ | {"patch": "partial_update"}, "preferences"
    ),
    route(USER + "preferences/reset/", PreferencesViewSet, {"post": "reset"}, "preferences-reset"),
    route(
        USER + "preferences/favorite-apps/<chabad_name:app>/",
        FavoriteAppViewSet,
        CHANGE,
        "favorite-app",
    ),
    route(USER + "preferences/widgets/<chabad_name:widget>/", WidgetViewSet, CHANGE, "widget"),
    route("auth/login/", LoginViewSet, {"post": "login"}, "auth-login"),
    route("auth/refresh/", RefreshViewSet, {"post": "refresh"}, "auth-refresh"),
    route("auth/logout/", SessionViewSet, {"post": "logout"}, "auth-logout"),
    route("auth/me/", SessionViewSet, {"get": "me"}, "auth-me"),
    route("auth/rules/", SessionViewSet, {"get": "rules"}, "auth-rules"),
    route(
        "auth/sessions/", SessionViewSet, {"get": "list", "delete": "destroy_all"}, "auth-sessions"
    ),
    route("auth/sessions/<str:session>/", SessionViewSet, {"delete": "destroy"}, "auth-session"),
    route("users/", UsersViewSet, LIST | {"post": "create"}, "users"),
    route(USER, UserViewSet, READ | {"patch": "partial_update", "delete": "destroy"}, "user"),
    route(USER + "block/", BlockViewSet, READ | CHANGE, "user-block"),
    route(USER + "identities/", IdentitiesViewSet, LIST | {"post": "create"}, "user-identities"),
    route(
        USER + "identities/<str:identity>/", IdentityViewSet, {"delete": "destroy"}, "user-identity"
    ),
    route(USER + "export/", ExportViewSet, READ, "user-export"),
    route(USER + "erasure/", ErasureViewSet, READ | {"post": "create"}, "user-erasure"),
    route(USER + "roles/<chabad_name:role>/", RoleViewSet, CHANGE, "user-role"),
    route(
        USER + "permissions/<chabad_name:permission>/", PermissionViewSet, CHANGE, "user-permission"
    ),
    route(
        USER + "auth-methods/<chabad_name:method>/", AuthMethodViewSet, CHANGE, "user-auth-method"
    ),
    route("activities/", ActivitiesViewSet, LIST, "activities"),
    route("analytics/", AnalyticsViewSet, LIST, "analytics"),
    route("analytics/event-counts/", AnalyticsViewSet, {"get": "event_counts"}, "event-counts"),
    route(
        "analytics/category-counts/",
        AnalyticsViewSet,
        {"get": "category_counts"},
        "category-counts",
    ),
    route("analytics/timeseries/", AnalyticsViewSet, {"get": "timeseries"}, "timeseries"),
    route("analytics/active-users/", FiguresViewSet, {"get": "active_users"}, "active-users"),
    route("analytics/retention/", FiguresViewSet, {"get": "retention"}, "retention"),
    route("audit/", AuditViewSet, LIST, "audit"),
    route("health/live/", HealthViewSet, {"get": "live"}, "health-live"),
    route("health/ready/", HealthViewSet, {"get": "ready"}, "health-ready"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
]

urlpatterns += [
    path(
        "",
        IndexView.as_view(routes={item.name: str(item.pattern) for item in urlpatterns}),
        name="index",
    ),
    # Below our own prefixes, an unknown path is answered in the one shape, not by an HTML page.
    re_path(
        # Line breaks too, which "." alone would not match.
        r"^(?:auth|users|activities|analytics|audit|health|schema|docs)(?![\w-])(?s:.*)\Z",
        NotFoundViewSet.as_view({"get": "list"}),
        name="not-found",
    ),
]

for item in urlpatterns:
    item.callback = _with_own_parameters(item.callback, item.pattern.converters)
