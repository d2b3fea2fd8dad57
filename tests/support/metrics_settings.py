"""The example project with figures for Prometheus, whose pages are for accounts only."""

from config.settings import *  # noqa: F403
from config.settings import CHABAD_AUTH as EXAMPLE
from config.settings import INSTALLED_APPS as EXAMPLE_APPS
from config.settings import MIDDLEWARE as EXAMPLE_MIDDLEWARE

INSTALLED_APPS = [*EXAMPLE_APPS, "chabad_auth_django.contrib.prometheus"]
MIDDLEWARE = [
    *EXAMPLE_MIDDLEWARE,
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]
ROOT_URLCONF = "support.metrics_urls"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
CHABAD_AUTH = {**EXAMPLE, "METRICS_TOKEN": "the token of Prometheus"}
