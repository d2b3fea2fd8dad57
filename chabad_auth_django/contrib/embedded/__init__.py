"""A real MongoDB server for development and tests, started on first use.

Host settings::

    INSTALLED_APPS = [..., "chabad_auth_django.contrib.embedded"]
    CHABAD_AUTH = {"MONGODB_URI": mongodb_uri, "EMBEDDED_DATA_DIR": BASE_DIR / "mongodb-data"}
"""

import os

from chabad_auth_django.contrib.embedded.errors import BinaryError, EmbeddedMongoError, ServerError

__all__ = ["BinaryError", "EmbeddedMongoError", "ServerError", "mongodb_uri"]


def mongodb_uri() -> str:
    """Return the URI in the environment's ``MONGODB_URI``, else start the server and return its.

    The server is shared by every process that uses the same data folder, and stops with the
    last of them. Raises ``EmbeddedMongoError`` if it cannot be started.
    """
    if uri := os.environ.get("MONGODB_URI"):
        return uri
    # Settings modules import this one: it must not cost them the driver.
    from chabad_auth_django.contrib.embedded.folder import DataFolder  # noqa: PLC0415
    from chabad_auth_django.contrib.embedded.lifetime import join  # noqa: PLC0415
    from chabad_auth_django.contrib.embedded.server import Mongod  # noqa: PLC0415

    folder = DataFolder.from_settings()
    join(folder)
    return Mongod(folder.path).start()
