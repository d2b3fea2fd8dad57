"""A host project whose own API has nothing in common with ours."""

from support.pages_settings import *  # noqa: F403

ROOT_URLCONF = "support.odd_urls"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.StaticHTMLRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "1/day"},
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "support.odd_rest.Negotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_VERSION": "9",
    "ALLOWED_VERSIONS": ["9"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.SearchFilter"],
    "DEFAULT_SCHEMA_CLASS": "rest_framework.schemas.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "support.odd_rest.handle",
    "NON_FIELD_ERRORS_KEY": "everything",
    "DATETIME_FORMAT": "%c",
    "DATETIME_INPUT_FORMATS": ["%c"],
    "URL_FORMAT_OVERRIDE": "as",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Not ours",
    "CAMELIZE_NAMES": True,
    "COMPONENT_SPLIT_REQUEST": False,
    "SCHEMA_PATH_PREFIX_TRIM": True,
    "SECURITY": [{"theirs": []}],
    "SERVERS": [{"url": "https://theirs.example"}],
    "SORT_OPERATIONS": False,
}
