"""What the OpenAPI description says of an error's body."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


class FieldErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with a field."""

    code = serializers.CharField(help_text="For programs, such as `required`.")
    detail = serializers.CharField(help_text="For people.")


def field_errors() -> serializers.DictField:
    """Return what is wrong, by field: a list for each."""
    return serializers.DictField(
        child=FieldErrorSerializer(many=True),
        required=False,
        help_text='What is wrong, by field; what concerns no field is under `""`.',
    )


#: An error: ``code`` for programs, ``detail`` for people, ``errors`` by field.
ERROR = inline_serializer(
    "Error",
    {
        "code": serializers.CharField(help_text="For programs."),
        "detail": serializers.CharField(help_text="For people."),
        "errors": field_errors(),
    },
)

VERSION_CONFLICT = inline_serializer(
    "VersionConflict",
    {
        "code": serializers.CharField(),
        "detail": serializers.CharField(),
        "current": inline_serializer(
            "CurrentValue",
            {
                "version": serializers.IntegerField(),
                "dataValue": serializers.JSONField(
                    required=False, help_text="Left out where it is large."
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
        "code": serializers.CharField(),
        "detail": serializers.CharField(),
        "current": serializers.DictField(
            allow_null=True,
            help_text="The resource as it is stored; `null` where there is none, or a large one.",
        ),
    },
)
