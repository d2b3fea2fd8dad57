"""The Django app of the embedded server."""

import os
from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.core import checks

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.embedded import mongodb_uri
from chabad_auth_django.contrib.embedded.errors import EmbeddedMongoError
from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.lifetime import join


def check_in_use(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return a warning where the embedded server is the one that is used; for deployment."""
    if os.environ.get("MONGODB_URI") or conf.MONGODB_URI is not mongodb_uri:
        return []
    return [
        checks.Warning(
            "The embedded MongoDB server is in use, which is for development.",
            hint="It has no password, no backup and one member. Name your server in "
            "CHABAD_AUTH['MONGODB_URI'] or the environment variable MONGODB_URI.",
            id="chabad_auth_embedded.W001",
        )
    ]


class EmbeddedConfig(AppConfig):
    """Count every process of the project among the users of the embedded server."""

    name = "chabad_auth_django.contrib.embedded"
    label = "chabad_auth_embedded"
    verbose_name = "Embedded MongoDB"

    def ready(self) -> None:
        """Join the users of the data folder, without starting the server; never fail."""
        checks.register(check_in_use, deploy=True)
        if os.environ.get("MONGODB_URI") or not callable(conf.MONGODB_URI):
            return
        # A process that needs no database must run even if the data folder cannot be made.
        with suppress(EmbeddedMongoError):
            join(DataFolder.from_settings())
