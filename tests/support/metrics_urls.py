"""The example project's pages and the one that Prometheus reads."""

from config.urls import urlpatterns as example
from django.urls import include, path

urlpatterns = [path("metrics", include("chabad_auth_django.contrib.prometheus.urls")), *example]
