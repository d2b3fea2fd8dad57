"""What the OpenAPI description says of the front ends' calls.

``ClientSchemaView`` serves it, and ``manage.py spectacular --custom-settings
chabad_auth_django.contrib.universe.openapi.SETTINGS`` writes it to a file.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers

from chabad_auth_django.api.openapi import schema
from chabad_auth_django.api.openapi.docs import SchemaView
from chabad_auth_django.api.openapi.errors import field_errors
from chabad_auth_django.api.openapi.schema import SEGMENTS, F, Schema, errors
from chabad_auth_django.api.openapi.schema import SETTINGS as API_SETTINGS
from chabad_auth_django.contrib.universe.conf import conf

#: What the paths are about -> what that is.
TAGS = {
    "auth": "Who the caller is, at Merkos too, and signing out.",
    "sso": "Signing in with a token of an issuer.",
    "authorization": "Which role may do what.",
    "profile": "How a user appears to others.",
    "preferences": "What a user likes.",
    "app-data": "Values that applications keep for a user, each with a version.",
    "activity": "What a user did.",
    "analytics": "Events for statistics.",
}

SETTINGS: dict[str, Any] = {
    **API_SETTINGS,
    "TITLE": "ChabadUniverse clients",
    "DESCRIPTION": "The calls of ChabadUniverse's own front ends.",
    "TAGS": [{"name": name, "description": text} for name, text in TAGS.items()],
    "PREPROCESSING_HOOKS": ["chabad_auth_django.contrib.universe.openapi.only_ours"],
}

ERROR = inline_serializer(
    "ClientError",
    {
        "success": serializers.BooleanField(help_text="`false`."),
        "status": serializers.CharField(help_text="`error`."),
        "message": serializers.CharField(help_text="For people."),
        "error": serializers.CharField(help_text="The same."),
        "code": serializers.CharField(help_text="For programs."),
        "errors": field_errors(),
    },
)


class ClientSchema(Schema):
    """Describe what the base view does for every call."""

    prefix = "ChabadUniverse"
    tags = TAGS
    error = ERROR
    segments = {**SEGMENTS, "namespace": "What names the value; the query belongs to it."}


class ClientScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A token in ``Authorization: Bearer`` or in a cookie, or the host project's session."""

    target_class = "chabad_auth_django.contrib.universe.callers.ClientAuthentication"
    name = ["clientToken", "clientCookie"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return how OpenAPI describes them."""
        return [
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            {"type": "apiKey", "in": "cookie", "name": conf.UNIVERSE_COOKIES[0]},
        ]


def describe(*, responses: Any, **options: Any) -> Callable[[F], F]:
    """Describe a method of our views; its answer is 200 where nothing else is said.

    drf-spectacular would take 201 for what creates, and 204 for what deletes.
    """
    answers = responses if isinstance(responses, Mapping) else {200: responses}
    return schema.describe(base=ClientSchema, responses=answers, **options)


#: That of ``api.openapi.schema`` for a method of our views.
describe_read = functools.partial(schema.describe_read, base=ClientSchema)


def client_errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """Return the errors that only this call has."""
    return errors(*statuses, error=ERROR)


def conflict() -> dict[int, OpenApiResponse]:
    """Return the 409 with what is stored."""
    serializer = inline_serializer(
        "ClientConflict",
        {
            **ERROR.fields,
            "current": serializers.DictField(
                allow_null=True, help_text="What is stored; `null` where there is nothing."
            ),
        },
    )
    return {409: OpenApiResponse(serializer, description="The version is another one.")}


def only_ours(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Keep the calls of the front ends."""
    return [
        endpoint
        for endpoint in endpoints
        if getattr(endpoint[3], "cls", object).__module__.startswith(
            "chabad_auth_django.contrib.universe."
        )
    ]


class ClientSchemaView(SchemaView):
    """The OpenAPI description, as JSON or YAML."""

    description_settings = SETTINGS
