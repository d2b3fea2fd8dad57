"""The app's configuration."""

from django.apps import AppConfig
from django.core import checks as django_checks

from chabad_auth_django import journal
from chabad_auth_django.contrib.prometheus import checks, counters
from chabad_auth_django.db import connection


class PrometheusConfig(AppConfig):
    """Count from the start of each process on."""

    name = "chabad_auth_django.contrib.prometheus"
    label = "chabad_auth_prometheus"
    verbose_name = "ChabadUniverse figures"

    def ready(self) -> None:
        """Listen to what is counted, and to the driver."""
        journal.counters.append(counters.count)
        connection.listen(counters.CommandCounter())
        django_checks.register(checks.check_token, deploy=True)
