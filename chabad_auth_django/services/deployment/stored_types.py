"""Checking the types of stored values, which mongoengine may convert when it reads them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine import fields

from chabad_auth_django.db.mongoengine_internals import fields_of

#: Kinds of fields -> the types that other programs may store there, and what they are called.
_TYPES: list[tuple[type, tuple[type, ...], str]] = [
    (fields.StringField, (str,), "a string"),
    (fields.ObjectIdField, (ObjectId,), "an ObjectId"),
    (fields.DateTimeField, (datetime,), "a datetime of the years 1 to 9999"),
    (fields.BooleanField, (bool,), "true or false"),
    (fields.IntField, (int, float), "a whole number"),
    (fields.ListField, (list,), "a list"),
    (fields.DictField, (dict,), "an object"),
    (fields.EmbeddedDocumentField, (dict,), "an object"),
]


def wrong_types(kind: Any, stored: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and a message for each stored value of a type that its field does not take.

    A value that is absent or null has no type; the validation tells whether it may be.
    """
    for field in fields_of(kind).values():
        yield from _wrong(field, stored.get(field.db_field), path + field.db_field)


def _wrong(field: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    kinds = [(types, name) for kind, types, name in _TYPES if isinstance(field, kind)]
    if value is None or not kinds:
        return
    types, name = kinds[0]
    is_wanted = isinstance(value, types)
    if not is_wanted or (int in types and not _is_whole(value)):
        yield path, f"Expected {name}."
        return
    if dict in types and hasattr(field, "document_type"):
        yield from wrong_types(field.document_type, value, f"{path}.")
    if list in types and field.field is not None:
        for number, item in enumerate(value):
            yield from _wrong(field.field, item, f"{path}.{number}")


def _is_whole(value: Any) -> bool:
    # JavaScript stores a whole number of more than 32 bits as a double.
    return not isinstance(value, bool) and float(value).is_integer()
