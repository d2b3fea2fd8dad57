"""The example project under a strict policy, with a superuser's password that is quick to check."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE as EXAMPLE_MIDDLEWARE

ALLOWED_HOSTS = ["127.0.0.1"]
MIDDLEWARE = ["support.middleware.content_security_policy", *EXAMPLE_MIDDLEWARE]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
