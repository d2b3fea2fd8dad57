"""A host project whose accounts are those of django-allauth, on SQLite in memory."""

import os

from support.host_settings import DATABASES as DATABASES
from support.host_settings import PASSWORD_HASHERS as PASSWORD_HASHERS
from support.host_settings import SECRET_KEY as SECRET_KEY
from support.staff_settings import TEMPLATES as TEMPLATES

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.dummy",
    "allauth.socialaccount.providers.openid_connect",
    # Before ours: the order of the two does not matter.
    "chabad_auth_django.contrib.allauth",
    "chabad_auth_django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
# Django 5.2 does not know it, and its test environment has the same by itself.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
ROOT_URLCONF = "support.allauth_urls"
STATIC_URL = "static/"
USE_TZ = True

ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_RATE_LIMITS = False
ACCOUNT_SIGNUP_FIELDS = ["username", "email*", "password1*"]
HEADLESS_TOKEN_STRATEGY = "chabad_auth_django.contrib.allauth.tokens.TokenStrategy"
# The half minute of a code may end while it is sent.
MFA_TOTP_TOLERANCE = 1
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp", "webauthn"]
SOCIALACCOUNT_AUTO_SIGNUP = True

CHABAD_AUTH: dict[str, object] = {
    "HOST_ID": os.environ.get("HOST_ID", "tests"),
    "SOCIAL_AUTH_METHODS": {"dummy": "google", "rabbis": "chabad-org"},
    "THROTTLE_RATES": {"sign_in": None, "refresh": None},
}
