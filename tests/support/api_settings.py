"""A host project with the API at ``/api/`` and Django's own users, on SQLite in memory."""

from support.host_settings import *  # noqa: F403
from support.settings import ROOT_URLCONF as ROOT_URLCONF

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
