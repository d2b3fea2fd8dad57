"""Aggregation expressions for update pipelines.

Other programs write to the same fields: what is not of the expected type counts as absent here,
because an operator that meets it would fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Expression = dict[str, Any]


def array_at(path: str, default: Sequence[str] = ()) -> Expression:
    """Return the array at the path; the default where there is none."""
    return {"$cond": [{"$isArray": [f"${path}"]}, f"${path}", list(default)]}


def object_at(path: str) -> Expression:
    """Return the object at the path; an empty one where there is none."""
    return {"$cond": [{"$eq": [{"$type": f"${path}"}, "object"]}, f"${path}", {"$literal": {}}]}


def integer_at(path: str) -> Expression:
    """Return the number at the path as an integer; 0 where there is none."""
    return {"$convert": {"input": f"${path}", "to": "long", "onError": 0, "onNull": 0}}


def with_item(array: Expression, item: str) -> Expression:
    """Return the array with the item, at its end where it is new."""
    literal = {"$literal": item}
    return {"$cond": [{"$in": [literal, array]}, array, {"$concatArrays": [array, [literal]]}]}


def without_item(array: Expression, item: str) -> Expression:
    """Return the array without the item."""
    return {"$filter": {"input": array, "cond": {"$ne": ["$$this", {"$literal": item}]}}}


def without_key(value: Expression, key: str) -> Expression:
    """Return the object without the key, whatever characters the key has."""
    differs = {"$ne": ["$$this.k", {"$literal": key}]}
    return {"$arrayToObject": {"$filter": {"input": {"$objectToArray": value}, "cond": differs}}}


def fits(value: Expression, *, max_bytes: int, max_keys: int) -> Expression:
    """Tell whether the object has at most so many bytes and, on its first level, keys."""
    keys = {"$size": {"$objectToArray": value}}
    return {"$and": [{"$lte": [{"$bsonSize": value}, max_bytes]}, {"$lte": [keys, max_keys]}]}


def is_document(stored: Mapping[str, Any]) -> Expression:
    """Tell whether the document is exactly the one that was read."""
    return {"$eq": ["$$ROOT", {"$literal": stored}]}
