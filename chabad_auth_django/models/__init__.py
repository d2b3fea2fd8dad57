"""The six Documents of the specification."""

from chabad_auth_django.models.activity import Activity
from chabad_auth_django.models.analytics import Analytics
from chabad_auth_django.models.app_data import ALL, AppData
from chabad_auth_django.models.preferences import Preferences
from chabad_auth_django.models.profile import Profile
from chabad_auth_django.models.user import User

__all__ = ["ALL", "Activity", "Analytics", "AppData", "Preferences", "Profile", "User"]
