"""A host project with a Document of its own."""

from support.settings import *  # noqa: F403
from support.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "support.seventh"]
CHABAD_AUTH = {"DELETION_GRACE_SECONDS": 0}
