"""Aggregation expressions for update pipelines.

Other programs write to the same fields: what is not of the expected type counts as absent here,
because an operator that meets it would fail.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

from chabad_auth_django.conf import conf

Expression = dict[str, Any]

#: Mongoose's count of the changes of arrays: with it, its programs notice that their copy is old.
VERSION_KEY = "__v"

#: What is said of an object that does not fit.
TOO_MUCH = "Would take too many bytes or keys."

# A host's Document may have a UUIDField.
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

#: Levels on which keys are counted at most: MongoDB refuses an expression that counts on 32.
_MAX_DEPTH = 25


def array_at(path: str, default: Sequence[str] = ()) -> Expression:
    """Return the array at the path; the default where there is none."""
    return {"$cond": [{"$isArray": [f"${path}"]}, f"${path}", list(default)]}


def object_at(path: str) -> Expression:
    """Return the object at the path; an empty one where there is none."""
    return {"$cond": [is_object_at(path), f"${path}", {"$literal": {}}]}


def is_object_at(path: str) -> Expression:
    """Tell whether there is an object at the path."""
    return {"$eq": [{"$type": f"${path}"}, "object"]}


def integer_at(path: str) -> Expression:
    """Return the number at the path as an integer; 0 where there is none."""
    return {"$convert": {"input": f"${path}", "to": "long", "onError": 0, "onNull": 0}}


def with_item(array: Expression, item: str) -> Expression:
    """Return the array with the item, at its end where it is new."""
    added = {"$concatArrays": [array, [{"$literal": item}]]}
    return {"$cond": [has_item(array, item), array, added]}


def has_item(array: Expression, item: str) -> Expression:
    """Tell whether the array has the item."""
    return {"$in": [{"$literal": item}, array]}


def without_item(array: Expression | str, item: str) -> Expression:
    """Return the array without the item."""
    return {"$filter": {"input": array, "cond": {"$ne": ["$$this", {"$literal": item}]}}}


def without_key(value: Expression | str, key: str) -> Expression:
    """Return the object without the key, whatever characters the key has."""
    return {"$unsetField": {"field": {"$literal": key}, "input": value}}


def without_name(value: Expression, name: str) -> Expression:
    """Return the object with the name taken out of each of its arrays and objects that has it."""
    literal, item = {"$literal": name}, "$$field.v"
    is_array = {"$isArray": [item]}
    member = {"$getField": {"field": literal, "input": item}}
    is_member = {"$ne": [{"$type": member}, "missing"]}
    has_name = {"$cond": [is_array, {"$in": [literal, item]}, is_member]}
    fields = {"input": {"$objectToArray": value}, "as": "field", "cond": has_name}
    left = {"$cond": [is_array, without_item(item, name), without_key(item, name)]}
    changed = {"input": {"$filter": fields}, "as": "field", "in": {"k": "$$field.k", "v": left}}
    # The others are not taken apart: some types do not survive that.
    return {"$mergeObjects": [value, {"$arrayToObject": {"$map": changed}}]}


def fits_clearly(value: Expression, *, max_bytes: int) -> Expression:
    """Tell whether ``fits`` holds because of the bytes alone, which is quick: a key takes three."""
    return {"$lte": [{"$bsonSize": value}, min(max_bytes, 3 * conf.JSON_MAX_KEYS)]}


def fits(value: Expression, *, max_bytes: int) -> Expression:
    """Tell whether the object has at most so many bytes, and ``JSON_MAX_KEYS`` on all levels."""
    keys = _count_keys("$$value", min(conf.JSON_MAX_DEPTH, _MAX_DEPTH))
    within = [{"$lte": [{"$bsonSize": "$$value"}, max_bytes]}, {"$lte": [keys, conf.JSON_MAX_KEYS]}]
    return {"$let": {"vars": {"value": value}, "in": {"$and": within}}}


def _count_keys(value: str, depth: int) -> Expression:
    is_object = {"$eq": [{"$type": value}, "object"]}
    pairs = {"$objectToArray": value}
    own = {"$cond": [is_object, {"$size": pairs}, 0]}
    if depth == 1:
        return own
    branches = [
        {"case": is_object, "then": {"$map": {"input": pairs, "in": "$$this.v"}}},
        {"case": {"$isArray": [value]}, "then": value},
    ]
    inner = {
        "input": {"$switch": {"branches": branches, "default": []}},
        "as": "inner",
        "in": _count_keys("$$inner", depth - 1),
    }
    return {"$add": [own, {"$sum": {"$map": inner}}]}


def is_document(stored: Mapping[str, Any]) -> Expression:
    """Tell whether the document is the one that was read, but for what Mongoose counts."""
    return {"$eq": [_uncounted("$$ROOT"), _uncounted({"$literal": stored})]}


def content(stored: Mapping[str, Any]) -> bytes:
    """Return the bytes of a document that was read, but for what Mongoose counts."""
    return bson.encode(without_version(stored), codec_options=_CODEC)


def without_version(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored document without what Mongoose counts: it is no content."""
    return {name: value for name, value in stored.items() if name != VERSION_KEY}


def _uncounted(document: Expression | str) -> Expression:
    return {"$unsetField": {"field": VERSION_KEY, "input": document}}


def lookup(collection: str, *, local: str, foreign: str) -> dict[str, Any]:
    """Return the stage that adds the collection's documents, under its name, where both agree."""
    fields = {"localField": local, "foreignField": foreign}
    return {"$lookup": {"from": collection, "as": collection, **fields}}
