"""The app's configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from chabad_auth_django.contrib.admin import rights


class StaffConfig(AppConfig):
    """Make the groups when the permissions are made."""

    name = "chabad_auth_django.contrib.admin"
    label = "chabad_admin"
    verbose_name = "ChabadUniverse"

    def ready(self) -> None:
        """Connect the receiver."""
        post_migrate.connect(rights.make_groups, sender=self)
