"""The host project of the processes that these tests start."""

import os

from chabad_auth_django.contrib.embedded import mongodb_uri

SECRET_KEY = "tests only, at least thirty-two bytes long"
INSTALLED_APPS = os.environ.get("APPS", "chabad_auth_django.contrib.embedded").split()
DATABASES: dict[str, object] = {}
CHABAD_AUTH = {"MONGODB_URI": mongodb_uri, "EMBEDDED_DATA_DIR": os.environ["DATA_DIR"]}
