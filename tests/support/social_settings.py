"""The example project with an OpenID provider."""

import os

from support.unthrottled_settings import *  # noqa: F403
from support.unthrottled_settings import CHABAD_AUTH as EXAMPLE
from support.unthrottled_settings import INSTALLED_APPS as EXAMPLE_APPS

INSTALLED_APPS = [*EXAMPLE_APPS, "allauth.socialaccount.providers.openid_connect"]
CHABAD_AUTH = {**EXAMPLE, "SOCIAL_AUTH_METHODS": {"local": "google"}}
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "local",
                "name": "The provider",
                "client_id": os.environ["PROVIDER_CLIENT"],
                "secret": os.environ["PROVIDER_SECRET"],
                "settings": {"server_url": os.environ["PROVIDER_URL"]},
            }
        ]
    }
}
