"""Validating bodies and queries, with serializers that are made once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language
from rest_framework.serializers import Serializer

#: Characters of the longest query that is remembered.
_REMEMBERED_LENGTH = 1000


def validate(serializer_class: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the values of the data; raise REST framework's ``ValidationError``."""
    return dict(_serializer(serializer_class, get_language()).run_validation(data))


def validate_query(
    serializer_class: type[Serializer[Any]], query: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of a query, as ``validate`` does."""
    if sum(map(len, query.values())) > _REMEMBERED_LENGTH:
        return validate(serializer_class, query)
    return dict(_remembered(serializer_class, *query.items()))


@lru_cache(256)
def _serializer(serializer_class: type[Serializer[Any]], language: str | None) -> Serializer[Any]:
    # To copy the fields takes longer than what they do here. Validating leaves no trace in them but
    # the messages, which are formatted once.
    return serializer_class()


# Most clients send the same few queries, and nothing but their text decides what they mean.
@lru_cache(256)
def _remembered(serializer_class: type[Serializer[Any]], *query: tuple[str, str]) -> dict[str, Any]:
    return validate(serializer_class, dict(query))
