"""A host project with every door: passwords, sessions, issuers and the real allauth."""

from support.api_settings import *  # noqa: F403
from support.api_settings import INSTALLED_APPS as API_APPS
from support.api_settings import MIDDLEWARE as API_MIDDLEWARE

INSTALLED_APPS = [
    "django.contrib.messages",
    "django.contrib.sites",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    *API_APPS,
]
MIDDLEWARE = [*API_MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
SITE_ID = 1
CHABAD_AUTH = {"HOST_ID": "tests", "THROTTLE_RATES": {"sign_in": None, "refresh": None}}
