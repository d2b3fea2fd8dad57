"""The page that Prometheus reads: ``path("metrics", include(<this module>))``."""

from django.urls import path

from chabad_auth_django.contrib.prometheus.views import metrics

app_name = "chabad_auth_prometheus"

urlpatterns = [path("", metrics, name="metrics")]
