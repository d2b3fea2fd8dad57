"""The app's configuration."""

from django.apps import AppConfig
from django.core import checks as django_checks

from chabad_auth_django import signals
from chabad_auth_django.contrib.universe import checks, expiry
from chabad_auth_django.models import Activity


class UniverseConfig(AppConfig):
    """Register the system checks, and what removes activities before their time."""

    name = "chabad_auth_django.contrib.universe"
    label = "chabad_auth_universe"
    verbose_name = "ChabadUniverse clients"

    def ready(self) -> None:
        """Register the checks, the index and the receiver."""
        Activity.added_indexes = [(expiry.is_honoured, expiry.INDEX)]
        signals.purge_due.connect(expiry.purge)
        django_checks.register(checks.check_settings)
        django_checks.register(checks.check_urls, django_checks.Tags.urls)
