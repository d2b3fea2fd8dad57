"""A project that is an OpenID provider, and nothing else."""

import os

from support.allauth_settings import MIDDLEWARE as MIDDLEWARE
from support.allauth_settings import PASSWORD_HASHERS as PASSWORD_HASHERS
from support.allauth_settings import SECRET_KEY as SECRET_KEY
from support.allauth_settings import TEMPLATES as TEMPLATES
from support.allauth_settings import USE_TZ as USE_TZ

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "allauth",
    "allauth.account",
    "allauth.idp.oidc",
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["PROVIDER_DATABASE"]}
}
ROOT_URLCONF = "support.openid_provider_urls"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]

ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username"}
IDP_OIDC_PRIVATE_KEY = os.environ["PROVIDER_KEY"]
