"""The example project's settings and middleware, with the URLs of this contestant."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE as EXAMPLE

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
MIDDLEWARE = [name for name in EXAMPLE if not name.startswith("allauth.")]
ROOT_URLCONF = "benchmarks.contestants.plain.urls"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "benchmarks.contestants.plain.authentication.BearerAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
