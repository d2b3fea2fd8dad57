"""A host project with the API at ``/api/`` and contrib.auth on SQLite in memory."""

from support.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "chabad_auth_django",
]
