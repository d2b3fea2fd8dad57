"""The calls of the ChabadUniverse clients before the API."""

from django.urls import include, path

urlpatterns = [
    path("api/", include("chabad_auth_django.contrib.universe.urls")),
    path("api/", include("chabad_auth_django.api.urls")),
]
