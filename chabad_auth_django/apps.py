"""The app's configuration."""

from django.apps import AppConfig
from django.core import checks as django_checks
from django.db.models.signals import post_migrate

from chabad_auth_django import checks, receivers
from chabad_auth_django.checks.classes import check_classes
from chabad_auth_django.checks.cross_origin import check_cross_origin
from chabad_auth_django.checks.database import check_database
from chabad_auth_django.checks.risks import check_risks
from chabad_auth_django.db import connection


class ChabadAuthConfig(AppConfig):
    """Register the connection, the receivers and the system checks at start-up."""

    name = "chabad_auth_django"
    label = "chabad_auth"
    verbose_name = "ChabadUniverse Auth"

    def ready(self) -> None:
        """Prepare everything without opening a connection."""
        # What cannot work is for the checks to report; an error here would come before them.
        if not checks.check_settings():
            connection.register()
        receivers.connect()
        post_migrate.connect(receivers.create_missing_indexes, sender=self)
        django_checks.register(checks.check_settings)
        django_checks.register(check_classes)
        django_checks.register(check_cross_origin)
        django_checks.register(checks.check_host_accounts)
        django_checks.register(checks.check_pages, django_checks.Tags.urls)
        django_checks.register(check_database, django_checks.Tags.database)
        django_checks.register(checks.check_issuers, deploy=True)
        django_checks.register(check_risks, deploy=True)
