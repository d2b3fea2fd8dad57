"""The example project's settings, as the environment makes them, and a key that others share.

``DJANGO_DEBUG=0``: production, behind a proxy that ends TLS. The middleware is that of a host which
serves the API alone: it signs nobody in by a session.
"""

import os

from config.settings import *  # noqa: F403
from config.settings import CHABAD_AUTH

CHABAD_AUTH |= {
    "SIGNING_KEY": os.environ["BENCHMARK_SIGNING_KEY"],
    # A run takes longer than the usual quarter of an hour.
    "ACCESS_TOKEN_SECONDS": 24 * 60 * 60,
}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
