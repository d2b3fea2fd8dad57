"""A host project that puts Django's cache in front of the whole site."""

from support.api_settings import *  # noqa: F403
from support.api_settings import MIDDLEWARE as API_MIDDLEWARE

ALLOWED_HOSTS = ["testserver"]
MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    *API_MIDDLEWARE,
    "django.middleware.cache.FetchFromCacheMiddleware",
]
