"""Field types of the Documents."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import mongoengine

from chabad_auth_django.conf import conf
from chabad_auth_django.db.mongoengine_internals import (
    ChoiceStringField,
    KeepsReferences,
    mark_changed,
    values_of,
)
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.texts import text_length
from chabad_auth_django.validators import (
    MAX_NAME_LENGTH,
    email_spellings,
    normalize_email,
    to_object_id,
    validate_email_address,
    validate_json,
    validate_new_name,
    validate_text,
)


def now() -> datetime:
    """Return the current UTC time with the milliseconds that BSON keeps."""
    return to_utc(datetime.now(UTC))


def to_utc(value: datetime) -> datetime:
    """Return the time in UTC, cut to milliseconds; a naive one is taken for UTC.

    Raises ``ValidationError`` where UTC has left the years 1 to 9999.
    """
    if value.tzinfo is not UTC:
        try:
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            raise ValidationError("The time is not within the years 1 to 9999 in UTC.") from None
    excess = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - excess) if excess else value


def check_with(field: Any, rule: Callable[..., object], value: Any, **options: Any) -> None:
    """Let the field report, as mongoengine's fields do, what the rule of ``validators`` raises."""
    try:
        rule(value, **options)
    except ValidationError as error:
        field.error(error.detail)


class DateTimeField(mongoengine.DateTimeField):
    """A BSON date: UTC with milliseconds, in memory as in the database."""

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, to_utc(value) if isinstance(value, datetime) else value)

    def validate(self, value: Any, clean: bool = True) -> None:
        if not isinstance(value, datetime):
            self.error("Expected a datetime.")


class ObjectIdField(mongoengine.ObjectIdField):
    """An ``ObjectId``, accepted as its 24 hexadecimal digits too, and never made from ``None``."""

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, self.to_python(value))

    def to_python(self, value: Any) -> Any:
        try:
            return to_object_id(value)
        except ValidationError:
            return value

    def to_mongo(self, value: Any) -> Any:
        return self.to_python(value)

    def prepare_query_value(self, op: str, value: Any) -> Any:
        return None if value is None else to_object_id(value)

    def validate(self, value: Any, clean: bool = True) -> None:
        check_with(self, to_object_id, value)


class LongField(mongoengine.fields.LongField):
    """A whole number; what other programs stored and is none, such as an infinity, stays."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except OverflowError:
            return value

    def to_mongo(self, value: Any) -> Any:
        return super().to_mongo(value) if isinstance(value, int) else value


class ListField(KeepsReferences, mongoengine.ListField):
    """A list whose items are of one field."""


class JSONField(KeepsReferences, mongoengine.fields.DictField):
    """A free-form JSON object that has passed ``validators.validate_json``.

    ``limit`` names the setting with its greatest size in BSON bytes.
    """

    def __init__(
        self, limit: str, default: Callable[[], dict[str, Any]] | None = None, **kwargs: Any
    ) -> None:
        self.limit = limit
        super().__init__(default=default, **kwargs)

    def to_python(self, value: Any) -> Any:
        # Of bytes, which other programs store, mongoengine would make a list of numbers.
        if isinstance(value, dict):
            return {key: self.to_python(item) for key, item in value.items()}
        return [*map(self.to_python, value)] if isinstance(value, (list, tuple)) else value

    def to_mongo(self, value: Any) -> Any:
        return self.to_python(value)

    def validate(self, value: Any) -> None:
        if not isinstance(value, dict):
            self.error("Expected an object.")
        check_with(self, validate_json, value, max_bytes=getattr(conf, self.limit))


class JSONValueField(mongoengine.fields.BaseField):
    """Any free-form JSON value, stored as it is: ``null``, ``0`` and ``""`` are values too."""

    def __init__(self, limit: str, **kwargs: Any) -> None:
        self.limit = limit
        super().__init__(null=True, **kwargs)

    def __get__(self, instance: Any, owner: Any) -> Any:
        # mongoengine passes by the default of a field that takes null.
        if instance is not None and self.default and self.name not in values_of(instance):
            return self.default()
        return super().__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, value)
        # Where a query left out what is stored, the default may be another value.
        mark_changed(instance, self.name)

    def validate(self, value: Any, clean: bool = True) -> None:
        check_with(self, validate_json, value, max_bytes=getattr(conf, self.limit))


class TextField(ChoiceStringField):
    """Text that BSON can hold."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if self.max_length is not None and text_length(value) > self.max_length:
            self.error("String value is too long")
        check_with(self, validate_text, value)


class NameField(mongoengine.StringField):
    """An identifier such as a role or an app id, checked by ``validate_new_name``."""

    def validate(self, value: Any) -> None:
        check_with(self, validate_new_name, value, max_length=self.max_length or MAX_NAME_LENGTH)


class EmailField(mongoengine.StringField):
    """An e-mail address, stored in its normal form; a query finds every stored spelling."""

    def prepare_query_value(self, op: str | None, value: Any) -> Any:
        if op is None:
            return {"$in": email_spellings(value)}
        if op in ("ne", "in", "nin", "set"):
            if op == "set":
                self.validate(value)
            return normalize_email(value)
        return super().prepare_query_value(op, value)

    def to_mongo(self, value: Any) -> Any:
        return normalize_email(value) if isinstance(value, str) else value

    def validate(self, value: Any) -> None:
        check_with(self, validate_email_address, value)


class AuthMethodField(mongoengine.StringField):
    """One of ``CHABAD_AUTH["AUTH_METHODS"]``."""

    def validate(self, value: Any) -> None:
        if value not in conf.AUTH_METHODS:
            self.error(f"Expected one of {', '.join(conf.AUTH_METHODS)}.")
