"""The six Documents of the specification, and two of our own that signing in needs."""

from chabad_auth_django.models.activity import Activity
from chabad_auth_django.models.analytics import Analytics
from chabad_auth_django.models.app_data import ALL, AppData
from chabad_auth_django.models.external_id import ExternalId
from chabad_auth_django.models.preferences import Preferences
from chabad_auth_django.models.profile import Profile
from chabad_auth_django.models.session import Session
from chabad_auth_django.models.user import User

__all__ = [
    "ALL",
    "Activity",
    "Analytics",
    "AppData",
    "ExternalId",
    "Preferences",
    "Profile",
    "Session",
    "User",
]
