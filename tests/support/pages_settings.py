"""A host project that has what the pages for people take."""

from support.api_settings import *  # noqa: F403
from support.api_settings import INSTALLED_APPS as API_APPS

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    *API_APPS,
]
STATIC_URL = "static/"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
