"""Which indexes are used, which are redundant, and which are missing.

(Specification: best practice 8.)
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.collection import Collection

from chabad_auth_django.db import connection
from chabad_auth_django.db.reads import aggregate_together
from chabad_auth_django.models.base import Document
from chabad_auth_django.services.deployment.indexes import Index, declared_indexes, indexes_of

#: Query shapes of the profiler that are shown.
MAX_SHAPES = 20


@dataclass(frozen=True)
class Usage:
    """How often an index was used since a moment, on all servers that answer."""

    index: Index
    operations: int
    since: datetime
    #: Whether the models declare it.
    declared: bool
    #: Whether it is unique or a TTL, so that it does more than serve queries.
    constraint: bool
    #: The name of an index that begins with the same keys, and so can stand in for it.
    redundant_with: str | None = None


@dataclass(frozen=True)
class Shape:
    """Queries of one shape that read the whole collection, as the profiler saw them."""

    collection: str
    command: str
    fields: tuple[str, ...]
    count: int
    milliseconds: int


def read() -> list[Usage]:
    """Return the usage of every index of our collections, but for ``_id``; with one command."""
    declared = {(index.collection, index.keys) for index in declared_indexes()}
    collections = [model.collection() for model in Document.registered()]
    found = aggregate_together({item.name: (item, [{"$indexStats": {}}]) for item in collections})
    return [
        usage
        for collection in collections
        for usage in _usages(collection, found[collection.name], declared)
    ]


def profiler_level() -> int:
    """Return the level of the profiler: 0 off, 1 slow operations, 2 all."""
    return int(connection.get_database().command("profile", -1)["was"])


def unindexed_shapes() -> list[Shape]:
    """Return the queries that read a whole collection of ours, the slowest shapes first."""
    database = connection.get_database()
    spaces = {f"{database.name}.{model.collection().name}" for model in Document.registered()}
    query = {"ns": {"$in": sorted(spaces)}, "planSummary": "COLLSCAN"}
    counts: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    times: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for row in database["system.profile"].find(query):
        shape = (row["ns"].partition(".")[2], row["op"], _fields(row.get("command", {})))
        counts[shape] += 1
        times[shape] += row.get("millis", 0)
    return [
        Shape(collection, command, fields, counts[collection, command, fields], time)
        for (collection, command, fields), time in times.most_common(MAX_SHAPES)
    ]


def _fields(command: dict[str, Any]) -> tuple[str, ...]:
    query = command.get("filter") or command.get("q") or command.get("query") or {}
    if not query and command.get("pipeline"):
        query = command["pipeline"][0].get("$match", {})
    # The names alone: the values are the users' data.
    return tuple(sorted({*query, *(command.get("sort") or {})}))


def _usages(
    collection: Collection[dict[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    declared: Iterable[Any],
) -> Iterable[Usage]:
    specs = {row["name"]: row["spec"] for row in rows if row["name"] != "_id_"}
    for index in indexes_of(collection, list(specs.values())):
        name, spec = index.name, specs[index.name]
        # One row for each shard.
        accesses = [row["accesses"] for row in rows if row["name"] == name]
        # Not by truth: a TTL of 0 seconds is one too.
        constraint = "expireAfterSeconds" in spec or bool(spec.get("unique"))
        yield Usage(
            index=index,
            operations=sum(item["ops"] for item in accesses),
            since=min(item["since"] for item in accesses),
            declared=(index.collection, index.keys) in declared,
            constraint=constraint,
            redundant_with=None if constraint else _stand_in(spec, specs.values()),
        )


def _stand_in(spec: dict[str, Any], others: Iterable[dict[str, Any]]) -> str | None:
    keys = list(spec["key"].items())
    for other in others:
        longer = list(other["key"].items())
        partial = other.get("sparse") or other.get("partialFilterExpression")
        if len(longer) > len(keys) and longer[: len(keys)] == keys and not partial:
            return str(other["name"])
    return None
