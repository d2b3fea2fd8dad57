"""Settings of the example project: they need no environment, and take these variables.

``MONGODB_URI``           a MongoDB server; without it one starts by itself in ``mongodb-data``
``EXAMPLE_DATA_DIR``      an existing folder for the data: MongoDB's, SQLite's, cache, static files
``DJANGO_DEBUG``          ``0`` is production; then these two are required:
``DJANGO_SECRET_KEY``     at least 50 random characters
``DJANGO_ALLOWED_HOSTS``  host names, separated by commas
``DJANGO_NUM_PROXIES``    how many proxies stand in front (0)
"""

import os
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured

from chabad_auth_django.contrib.embedded import mongodb_uri

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("EXAMPLE_DATA_DIR") or BASE_DIR)

DEBUG = os.environ.get("DJANGO_DEBUG", "1") != "0"
if DEBUG:
    # INSECURE: everybody knows this key. It signs sessions on a developer's machine only.
    SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "django-insecure-for-development-only")
    ALLOWED_HOSTS = []  # Django then answers to localhost alone.
else:
    try:
        SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
        ALLOWED_HOSTS = os.environ["DJANGO_ALLOWED_HOSTS"].split(",")
    except KeyError as error:
        message = f"With DJANGO_DEBUG=0 set the environment variable {error.args[0]} too."
        raise ImproperlyConfigured(message) from None

# --- What chabad_auth_django needs ------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # For allauth's page of sessions.
    "django.contrib.humanize",
    "chabad_auth_django",
    # Pages for staff in Django's admin.
    "chabad_auth_django.contrib.admin",
    # What a visitor sees; before allauth, whose pages it dresses.
    "portal",
    # For people: the browsable API, and Swagger UI with its own files.
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    # Accounts: sign-up, passwords, second factors, social logins; with pages and for apps.
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "chabad_auth_django.contrib.allauth",
    # What ChabadUniverse's own front ends call. Who signs in with a token takes ISSUERS, below.
    "chabad_auth_django.contrib.universe",
    # For development: a MongoDB server that starts on first use and stops with its last user.
    "chabad_auth_django.contrib.embedded",
    "demo",
]

CHABAD_AUTH = {
    "MONGODB_URI": mongodb_uri,
    "EMBEDDED_DATA_DIR": DATA_DIR / "mongodb-data",
    # Tells the accounts of this project from those of others on the same MongoDB.
    "HOST_ID": "example",
}

# Whose X-Forwarded-For the throttles believe: that of so many proxies, and of no client.
REST_FRAMEWORK = {"NUM_PROXIES": int(os.environ.get("DJANGO_NUM_PROXIES", "0"))}

# --- Accounts: what django-allauth needs -------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
# Whoever signs in as an app gets tokens of our API.
HEADLESS_TOKEN_STRATEGY = "chabad_auth_django.contrib.allauth.tokens.TokenStrategy"  # noqa: S105

# Only a verified address counts at our API. Codes need no pages of a front end to link to.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if DEBUG else "https"
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Browsers allow passkeys without TLS on localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG

# E-mails go to the console, in production to the mail server of this machine; set your own here.
MAIL_BACKEND = "console" if DEBUG else "smtp"
MAILERS = {"default": {"BACKEND": f"django.core.mail.backends.{MAIL_BACKEND}.EmailBackend"}}
if django.VERSION < (6, 1):
    EMAIL_BACKEND = MAILERS["default"]["BACKEND"]

LOGIN_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "/"

# --- An ordinary Django project; SQLite holds the accounts of the admin -----------------------

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "db.sqlite3"},
}

# The API's throttles count in it, so the processes share it; on more than one machine take Redis.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
    }
}

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "portal.middleware.PageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.appearance",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", "English"), ("he", "עברית")]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
# Where "manage.py collectstatic" gathers what the pages take, for the web server to serve.
STATIC_ROOT = DATA_DIR / "static"

# --- Security ---------------------------------------------------------------------------------

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
