"""Update pipelines that keep what other programs stored beside the values they change."""

from collections.abc import Iterable, Mapping
from typing import Any

from chabad_auth_django.db.expressions import VERSION_KEY, is_object_at, object_at

#: Stands for the value of a path that is to be removed.
REMOVE = "$$REMOVE"

Stage = dict[str, Any]


def pipeline(changes: Mapping[str, Any], *, arrays: Mapping[str, Any] | None = None) -> list[Stage]:
    """Return the stages that set each path to its expression, or remove it.

    What a path leads through becomes an object first where it is none. ``arrays`` has the new
    values of arrays by their paths: where one differs, ``__v`` is counted up, as Mongoose does.
    """
    removed = [path for path, value in changes.items() if value == REMOVE]
    values = {path: value for path, value in changes.items() if path not in removed}
    stages = [{"$set": {parent: object_at(parent)}} for parent in _parents(values)]
    if arrays:
        stages.append({"$set": {VERSION_KEY: _counted(arrays)}})
    if values:
        stages.append({"$set": values})
    return [*stages, *map(_removal, removed)]


def _parents(paths: Iterable[str]) -> list[str]:
    """Return what the paths lead through, from outside to inside."""
    parents = {
        ".".join(parts[:depth])
        for parts in (path.split(".") for path in paths)
        for depth in range(1, len(parts))
    }
    return sorted(parents)


def _counted(arrays: Mapping[str, Any]) -> dict[str, Any]:
    differs = [{"$ne": [{"$ifNull": [f"${path}", []]}, value]} for path, value in arrays.items()]
    # A document that another program stored without it gets none.
    counts = {"$and": [{"$isNumber": f"${VERSION_KEY}"}, {"$or": differs}]}
    next_version = {"$add": [f"${VERSION_KEY}", 1]}
    return {"$cond": [counts, next_version, f"${VERSION_KEY}"]}


def _removal(path: str) -> Stage:
    parent, _, name = path.rpartition(".")
    if not parent:
        return {"$unset": name}
    # A path into an array would lead into each of its elements.
    left = {"$unsetField": {"field": {"$literal": name}, "input": f"${parent}"}}
    return {"$set": {parent: {"$cond": [is_object_at(parent), left, f"${parent}"]}}}
