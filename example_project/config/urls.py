"""The URLs of the example project."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("portal.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    # Sign-up and sign-in: pages, and an API for apps and front ends.
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    # The calls of ChabadUniverse's own front ends come first; they have no slash at their end.
    path("api/", include("chabad_auth_django.contrib.universe.urls")),
    path("api/", include("chabad_auth_django.api.urls")),
]
