"""The smallest host project: no SQL database, no contrib apps."""

SECRET_KEY = "tests only, at least thirty-two bytes long"
INSTALLED_APPS = ["chabad_auth_django"]
DATABASES: dict[str, object] = {}
USE_TZ = True
CHABAD_AUTH: dict[str, object] = {}
ROOT_URLCONF = "support.urls"
