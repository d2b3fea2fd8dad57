"""A host project with the ChabadUniverse clients beside the API."""

from support.api_settings import *  # noqa: F403
from support.api_settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "chabad_auth_django.contrib.universe"]
ROOT_URLCONF = "support.universe_urls"
