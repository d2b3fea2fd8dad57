"""A host project with Django's own users, in an SQLite database: in memory, or in a file."""

import os

SECRET_KEY = "tests only, at least thirty-two bytes long"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "chabad_auth_django",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("HOST_DATABASE", ":memory:"),
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = True
CHABAD_AUTH: dict[str, object] = {
    "HOST_ID": "tests",
    "HOST_ADAPTER": "support.host_adapter.Adapter",
}
