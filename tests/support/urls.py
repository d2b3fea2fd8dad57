"""The API where the README puts it."""

from django.urls import include, path

urlpatterns = [path("api/", include("chabad_auth_django.api.urls"))]
