"""The example project's settings, as the environment makes them, and a key that others share.

``DJANGO_DEBUG=0``: production, behind a proxy that ends TLS. Apps, URLs and middleware are those of
a host which serves the API alone: it signs nobody in by a session.
"""

import os

from config.settings import *  # noqa: F403
from config.settings import CHABAD_AUTH
from config.settings import INSTALLED_APPS as EXAMPLE_APPS

CHABAD_AUTH |= {
    "SIGNING_KEY": os.environ["BENCHMARK_SIGNING_KEY"],
    # A run takes longer than the usual quarter of an hour.
    "ACCESS_TOKEN_SECONDS": 24 * 60 * 60,
}

# As deploy/nginx-site.conf says it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
INSTALLED_APPS = [app for app in EXAMPLE_APPS if "allauth" not in app]
ROOT_URLCONF = "benchmarks.urls"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
