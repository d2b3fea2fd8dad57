"""The API, allauth's pages and its headless API, and Django's admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/", include("chabad_auth_django.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
    path("admin/", admin.site.urls),
]
