"""The OpenAPI description of errors, with every code."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from chabad_auth_django import exceptions as domain
from chabad_auth_django.api.http.errors import STATUSES
from chabad_auth_django.api.http.fields import ChoiceField, JSONObjectField, JSONValueField

#: Code -> status, of the errors that are none of the domain.
HTTP_CODES = {
    "parse_error": 400,
    "not_authenticated": 401,
    "csrf_failed": 403,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "length_required": 411,
    "precondition_failed": 412,
    "body_too_large": 413,
    "too_large": 413,
    "unsupported_media_type": 415,
    "throttled": 429,
    "error": 500,
    "not_ready": 503,
}

_DOMAIN = [
    kind
    for kind in vars(domain).values()
    if isinstance(kind, type) and issubclass(kind, domain.ChabadAuthError)
]

#: Code -> status, of every error that the API answers; of a kind the first status counts.
CODES: dict[str, int] = {
    **{
        kind.code: status
        for kind in _DOMAIN
        for base, status in reversed(STATUSES)
        if issubclass(kind, base)
    },
    **HTTP_CODES,
}

#: What can be wrong with a field: REST framework's codes, and ours.
FIELD_CODES = (
    *("blank", "date", "empty", "expired", "in_the_future", "integer_too_large", "invalid"),
    *("invalid_choice", "invalid_email", "invalid_id", "invalid_time", "invalid_url", "length"),
    *("make_aware", "max_length", "max_string_length", "max_value", "min_length", "min_value"),
    *("more", "not_a_dict", "not_a_list", "not_a_string", "not_an_object", "not_finite", "null"),
    *("null_characters_not_allowed", "outer_space", "overflow", "required"),
    "surrogate_characters_not_allowed",
    *("too_deep", "too_large", "too_many_keys", "unknown_field", "unsafe_key", "unsafe_string"),
)


def error_code() -> ChoiceField:
    """Return a field with the code of an error."""
    return ChoiceField(sorted(CODES), component="ErrorCode", help_text="For programs.")


def error_detail() -> serializers.CharField:
    """Return a field with the text of an error."""
    return serializers.CharField(help_text="For people; it may change.")


class FieldErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with a field."""

    code = ChoiceField(
        FIELD_CODES, component="FieldErrorCode", help_text="For programs, such as `required`."
    )
    detail = error_detail()


def field_errors() -> serializers.DictField:
    """Return what is wrong, by field: a list for each."""
    return serializers.DictField(
        child=FieldErrorSerializer(many=True),
        required=False,
        help_text='What is wrong, by field; what concerns no field is under `""`.',
    )


#: An error: ``code`` for programs, ``detail`` for people, ``errors`` by field.
ERROR = inline_serializer(
    "Error", {"code": error_code(), "detail": error_detail(), "errors": field_errors()}
)

VERSION_CONFLICT = inline_serializer(
    "VersionConflict",
    {
        "code": error_code(),
        "detail": error_detail(),
        "current": inline_serializer(
            "CurrentValue",
            {
                "version": serializers.IntegerField(),
                "dataValue": JSONValueField(
                    "APP_DATA_MAX_BYTES", required=False, help_text="Left out where it is large."
                ),
            },
            required=False,
            help_text="What is stored, with the code `version_conflict`.",
        ),
    },
)

PRECONDITION_FAILED = inline_serializer(
    "PreconditionFailed",
    {
        "code": error_code(),
        "detail": error_detail(),
        "current": JSONObjectField(
            "APP_DATA_MAX_BYTES",
            allow_null=True,
            help_text="The resource as it is stored; `null` where there is none, or a large one.",
        ),
    },
)
