"""The Django app of the embedded server."""

from __future__ import annotations

import os
from contextlib import suppress

from django.apps import AppConfig

from chabad_auth_django.conf import conf
from chabad_auth_django.contrib.embedded.errors import EmbeddedMongoError
from chabad_auth_django.contrib.embedded.folder import DataFolder
from chabad_auth_django.contrib.embedded.lifetime import join


class EmbeddedConfig(AppConfig):
    """Count every process of the project among the users of the embedded server."""

    name = "chabad_auth_django.contrib.embedded"
    label = "chabad_auth_embedded"
    verbose_name = "Embedded MongoDB"

    def ready(self) -> None:
        """Join the users of the data folder, without starting the server; never fail."""
        if os.environ.get("MONGODB_URI") or not callable(conf.MONGODB_URI):
            return
        # A process that needs no database must run even if the data folder cannot be made.
        with suppress(EmbeddedMongoError):
            join(DataFolder.from_settings())
