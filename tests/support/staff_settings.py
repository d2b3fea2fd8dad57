"""A host project with the pages for staff, and nothing else that takes SQL but the admin."""

from support.host_settings import *  # noqa: F403
from support.host_settings import INSTALLED_APPS as HOST_APPS

INSTALLED_APPS = [
    *HOST_APPS,
    "django.contrib.admin",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "chabad_auth_django.contrib.admin",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
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
            ]
        },
    }
]
STATIC_URL = "static/"
ROOT_URLCONF = "support.staff_urls"
