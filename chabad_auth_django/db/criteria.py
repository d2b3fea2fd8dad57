"""Criteria that are made of what other programs stored."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import Regex


def one_of(field: str, values: Sequence[Any]) -> dict[str, Any]:
    """Return the criteria that find what has one of the values in the field."""
    # "$in" would take these for operators, or for patterns.
    odd = [value for value in values if isinstance(value, (Mapping, Regex))]
    if not odd:
        return {field: {"$in": values}}
    plain = [value for value in values if value not in odd]
    return {"$or": [{field: {"$in": plain}}, *({field: {"$eq": value}} for value in odd)]}
