"""The URLs of a host that serves the API alone."""

from django.urls import include, path

urlpatterns = [path("api/", include("chabad_auth_django.api.urls"))]
