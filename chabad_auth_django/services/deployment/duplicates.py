"""Finding documents that have the same key where a unique index is missing."""

from collections.abc import Iterator
from typing import Any

from chabad_auth_django.db import connection
from chabad_auth_django.models.base import Document
from chabad_auth_django.models.external_id import EXTERNAL_ID_FIELDS
from chabad_auth_django.models.user import User
from chabad_auth_django.services.deployment import indexes

#: Seconds that grouping a collection may take.
GROUP_TIMEOUT = 10 * 60


def of_users() -> Iterator[tuple[str, list[Any], str]]:
    """Yield a kind, the ids and the field of users with the same address or external id."""
    keys: dict[str, Any] = {"email": {"$toLower": {"$trim": {"input": "$email"}}}}
    keys |= {field: f"${field}" for field in EXTERNAL_ID_FIELDS}
    # One text: an array of texts is of that type, too.
    text = {"$type": "string", "$ne": "", "$not": {"$type": "array"}}
    for field, key in keys.items():
        kind = "duplicate_email" if field == "email" else "duplicate_external_id"
        for ids in _groups(User, {field: text}, key):
            yield kind, ids, field


def of_missing_indexes() -> Iterator[tuple[str, list[Any], str]]:
    """Yield a collection, the ids and the fields of documents that block a unique index."""
    for index in indexes.compare().missing:
        model = indexes.model_of(index)
        if not index.options.get("unique") or model is User:
            continue
        fields = [field for field, _ in index.keys]
        present = {field: {"$exists": True} for field in fields}
        query = present if index.options.get("sparse") else {}
        query |= index.options.get("partialFilterExpression", {})
        key = {str(number): f"${field}" for number, field in enumerate(fields)}
        for ids in _groups(model, query, key):
            yield index.collection, ids, ", ".join(fields)


def _groups(model: type[Document], query: dict[str, Any], key: Any) -> Iterator[list[Any]]:
    pipeline: list[dict[str, Any]] = [
        {"$match": query},
        {"$group": {"_id": key, "ids": {"$push": "$_id"}, "count": {"$sum": 1}}},
        {"$match": {"count": {"$gt": 1}}},
    ]
    with connection.long_limit(GROUP_TIMEOUT):
        for group in model.collection().aggregate(pipeline, allowDiskUse=True):
            yield group["ids"]
