"""Serializer fields that accept exactly the JSON type they name."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty

from chabad_auth_django.conf import conf
from chabad_auth_django.exceptions import Reason, ValidationError, translated
from chabad_auth_django.models.fields import to_utc
from chabad_auth_django.texts import text_length
from chabad_auth_django.validators import (
    MAX_NAME_LENGTH,
    unknown_names,
    validate_json,
    validate_name,
)


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses unknown fields, so that nothing is silently dropped."""

    #: What an answer may leave out.
    optional: Collection[str] = ()

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values; unknown and read-only names are errors."""
        if isinstance(data, Mapping):
            writable = {field.field_name for field in self._writable_fields}
            unknown = [name for name in data if name not in writable]
            if unknown:
                errors = unknown_names(unknown)
                raise serializers.ValidationError(
                    {name: _in_language(text) for name, text in errors.items()}
                )
        return super().to_internal_value(data)


# The view's action "list" does not make it a list of pages.
@extend_schema_serializer(many=False)
class PageSerializer(StrictSerializer):
    """A page of a list, and where its neighbours are; subclasses add the `results`."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class PageQuerySerializer(StrictSerializer):
    """Which page of a list."""

    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)
    # Not limited: a cursor holds a name, and other programs do not limit names.
    cursor = serializers.CharField(
        required=False, help_text="From `next` or `previous` of another page."
    )


class StringField(serializers.CharField):
    """A JSON string, exactly as sent."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the string; numbers and booleans are not taken for one."""
        if not isinstance(data, str):
            self.fail("invalid")
        # Before the validators, each of which looks at all of it.
        if self.max_length is not None and text_length(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class ChoiceField(serializers.ChoiceField):
    """One of some strings; an error names these and not what was sent.

    In the OpenAPI description they have the name ``component``, or that of the field.
    """

    def __init__(self, choices: Any, *, component: str = "", **kwargs: Any) -> None:
        self.component = component
        super().__init__(choices, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            names = ", ".join(self.choices)
            raise _error(Reason("Expected one of {names}.", "invalid_choice", names=names))
        return data


class NameField(StringField):
    """An identifier: a string of 1 to ``max_length`` characters, without control characters."""

    def __init__(self, max_length: int = MAX_NAME_LENGTH, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        try:
            return validate_name(data, max_length=self.max_length or MAX_NAME_LENGTH)
        except ValidationError as error:
            raise _error(error.detail) from None


class ExpandField(serializers.Field[Any, Any, Any, Any]):
    """What to show beside a resource: names with commas between them, each at most once."""

    def __init__(self, choices: Sequence[str], *, component: str) -> None:
        self.choices = choices
        #: The name of a choice in the OpenAPI description.
        self.component = component
        super().__init__(required=False)

    def to_internal_value(self, data: Any) -> Any:
        """Return the names as a list."""
        names = str(data).split(",")
        if not set(names) <= set(self.choices) or len(set(names)) != len(names):
            text, known = "Expected some of {names}, each once.", ", ".join(self.choices)
            raise _error(Reason(text, "invalid_choice", names=known))
        return names


class NamesField(serializers.ListField):
    """A list, such as of names; its length is checked before its items are."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length and len(data) > self.max_length:
            text = "Ensure this field has no more than {max_length} elements."
            raise _error(Reason(text, "max_length", max_length=self.max_length))
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "format": "email", "maxLength": 254})
class EmailField(StringField):
    """An e-mail address; the Document validates it."""


@extend_schema_field({"type": "string", "format": "uri", "pattern": "^https?://"})
class HttpURLField(StringField):
    """An http or https URL; the Document validates it."""


class AuthMethodField(NameField):
    """One of ``CHABAD_AUTH["AUTH_METHODS"]``; the Document validates it."""


class BooleanField(serializers.BooleanField):
    """A JSON boolean; ``"yes"`` and ``1`` are none."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class FlagField(serializers.BooleanField):
    """``true`` or ``false`` in a query."""

    TRUE_VALUES = {"true"}
    FALSE_VALUES = {"false"}
    NULL_VALUES = set()


class IntegerField(serializers.IntegerField):
    """A JSON integer; ``"1"``, ``1.0`` and ``true`` are none."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class DateTimeField(serializers.DateTimeField):
    """A time in ISO 8601; one without an offset is UTC."""

    # Whatever the host project's DATETIME_INPUT_FORMATS are for its own.
    input_formats = ["iso-8601"]

    def to_internal_value(self, value: Any) -> Any:
        """Return the time in UTC with milliseconds."""
        if not isinstance(value, str):
            self.fail("invalid", format="ISO 8601")
        try:
            return to_utc(super().to_internal_value(value))
        except (OverflowError, ValueError):
            # An offset can push the first or the last day out of the calendar.
            self.fail("overflow")

    def enforce_timezone(self, value: Any) -> Any:
        """Leave the time as it is: the host project's time zone does not apply to the API."""
        return value


class _JSONField(serializers.Field[Any, Any, Any, Any]):
    def __init__(self, limit: str, **kwargs: Any) -> None:
        self.limit = limit
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        try:
            validate_json(data, max_bytes=getattr(conf, self.limit))
        except ValidationError as error:
            raise _error(error.detail) from None
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(
    {"type": "object", "additionalProperties": {}, "example": {"key": "value"}}, "ChabadJSONObject"
)
class JSONObjectField(_JSONField):
    """A free-form JSON object within the limit that the named setting gives."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Expected an object.", code="not_an_object")
        return super().to_internal_value(data)


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {"$ref": "#/components/schemas/ChabadJSONObject"},
        "example": {"clock": {"color": "blue"}},
    },
    "ChabadJSONObjects",
)
class JSONObjectsField(JSONObjectField):
    """An object whose keys are names, and whose values are free-form JSON objects."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the objects by name."""
        objects = super().to_internal_value(data)
        for name, value in objects.items():
            try:
                validate_name(name)
            except ValidationError as error:
                raise serializers.ValidationError({name: _in_language(error.detail)}) from None
            if not isinstance(value, dict):
                message = ErrorDetail("Expected an object.", "not_an_object")
                raise serializers.ValidationError({name: message})
        return objects


@extend_schema_field({"example": {"key": "value"}})
class JSONValueField(_JSONField):
    """Any JSON value, ``null`` too, within the limit that the named setting gives."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Accept ``null`` as a value; only an absent value is empty."""
        return super().validate_empty_values(data) if data is empty else (False, data)


def _error(text: str) -> serializers.ValidationError:
    return serializers.ValidationError(_in_language(text))


def _in_language(text: str) -> ErrorDetail:
    # REST framework makes a plain string of it, without its template and values.
    return ErrorDetail(translated(text), getattr(text, "code", "invalid"))
