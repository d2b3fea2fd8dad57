"""A host project whose accounts do not tell when they were made."""

from support.host_settings import *  # noqa: F403
from support.host_settings import INSTALLED_APPS as HOST_APPS

INSTALLED_APPS = [*HOST_APPS, "support.undated"]
AUTH_USER_MODEL = "undated.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
