"""Describing our serializers, fields and authentication to drf-spectacular."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)

from chabad_auth_django.api.http.fields import ChoiceField
from chabad_auth_django.conf import conf

#: ``validators.validate_name``, as far as a regular expression of ECMAScript can tell.
NAME_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]+$"

#: What REST framework takes for a ``CharField``.
TEXT_PATTERN = r"^[^\u0000]*$"

#: ``validators.validate_key``, but for the two reserved ones.
KEY_PATTERN = r"^[^$.\u0000][^.\u0000]*$"


class StrictSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Requests have no unknown members; answers have every member but the optional ones."""

    target_class = "chabad_auth_django.api.http.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """Return the schema of the serializer for requests or for answers."""
        schema: dict[str, Any] = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        if direction == "request":
            # Without writable fields it is empty, and drf-spectacular leaves it out.
            return {**schema, "additionalProperties": False} if schema.get("properties") else schema
        names = schema.get("properties", ())
        required = [name for name in names if name not in self.target.optional]
        return {**schema, "required": required}


class StringFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A string of which clients may not send some characters."""

    target_class = "chabad_auth_django.api.http.fields.StringField"
    pattern = TEXT_PATTERN

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """Return the schema of the field for requests or for answers."""
        schema: dict[str, Any] = auto_schema._map_serializer_field(
            self.target, direction, bypass_extensions=True
        )
        # The field's own pattern comes first.
        auto_schema._insert_field_validators(self.target, schema)
        # In OpenAPI 3.1 it may be null already, and drf-spectacular adds that to what this returns.
        schema["type"] = "string"
        return {"pattern": self.pattern, **schema} if direction == "request" else schema


class NameFieldExtension(StringFieldExtension):  # type: ignore[no-untyped-call]
    """A name without control characters."""

    target_class = "chabad_auth_django.api.http.fields.NameField"
    pattern = NAME_PATTERN


class AuthMethodFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The host project decides which authentication methods there are."""

    target_class = "chabad_auth_django.api.http.fields.AuthMethodField"

    def get_name(self) -> str:
        return "ChabadAuthMethod"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "string", "enum": list(conf.AUTH_METHODS)}


class ChoiceFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Choices with a name, which a generated client has a type for."""

    target_class = "chabad_auth_django.api.http.fields.ChoiceField"

    def get_name(self) -> str:
        name = self.target.component or self.target.field_name
        return f"Chabad{name[0].upper()}{name[1:]}"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.target.choices)}


class ExpandFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A list in the query, whose items commas divide: ``Schema`` says so of the parameter."""

    target_class = "chabad_auth_django.api.http.fields.ExpandField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        choice = ChoiceField(self.target.choices, component=self.target.component)
        items = auto_schema._map_serializer_field(choice, direction)
        return {"type": "array", "items": items, "uniqueItems": True, "minItems": 1}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """``Authorization: Bearer``."""

    target_class = "chabad_auth_django.api.http.authentication.BearerAuthentication"
    match_subclasses = True
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `accessToken` of `auth/login/`, or a token of an issuer.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The host project's session cookie."""

    target_class = "chabad_auth_django.api.http.authentication.SessionAuthentication"
    match_subclasses = True
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "A session of the host project; writes take its CSRF token.",
        }
