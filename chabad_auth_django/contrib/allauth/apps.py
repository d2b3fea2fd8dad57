"""The app's configuration."""

from django.apps import AppConfig

from chabad_auth_django.contrib.allauth import receivers


class AllauthConfig(AppConfig):
    """Follow what happens to the accounts of django-allauth."""

    name = "chabad_auth_django.contrib.allauth"
    label = "chabad_auth_allauth"
    verbose_name = "ChabadUniverse Auth with django-allauth"

    def ready(self) -> None:
        """Connect the receivers."""
        receivers.connect()
