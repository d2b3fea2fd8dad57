"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks as django_checks

from chabad_auth_django.contrib.universe import checks


class UniverseConfig(AppConfig):
    """Register the system checks."""

    name = "chabad_auth_django.contrib.universe"
    label = "chabad_auth_universe"
    verbose_name = "ChabadUniverse clients"

    def ready(self) -> None:
        """Register the system checks."""
        django_checks.register(checks.check_settings)
        django_checks.register(checks.check_urls, django_checks.Tags.urls)
