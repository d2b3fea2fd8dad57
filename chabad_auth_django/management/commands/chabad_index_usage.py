"""Show which indexes are used, unused and redundant, and which queries have none."""

from collections.abc import Iterator
from typing import Any

from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.management.output import Line, Table, plural
from chabad_auth_django.services.deployment import index_usage
from chabad_auth_django.services.deployment.index_usage import Shape, Usage


class Command(OperatorCommand):
    help = (
        "Show how often each index was used since the server started. It names indexes that were "
        "never used, indexes that another one can replace, and, if the profiler is on, queries "
        "that read a whole collection. It changes nothing. Each server counts for itself: look at "
        "every member before you drop an index. Do not drop a declared index: the specification "
        "has it, and chabad_sync_indexes would create it again."
    )
    json_keys = {
        "indexes": "a list of objects with collection, name, keys, operations, since, declared, "
        "constraint (unique or TTL), neverUsed and redundantWith (a name or null)",
        "profilerLevel": "0 off, 1 slow operations, 2 all",
        "unindexed": "a list of objects with collection, command, fields, count and milliseconds",
    }

    def handle(self, *args: Any, **options: Any) -> None:
        indexes = index_usage.read()
        level = index_usage.profiler_level()
        shapes = index_usage.unindexed_shapes()
        result = {
            "indexes": [_to_dict(usage) for usage in indexes],
            "profilerLevel": level,
            "unindexed": [dict(vars(shape)) for shape in shapes],
        }
        self.report(result, _lines(indexes, level, shapes))


def _to_dict(usage: Usage) -> dict[str, Any]:
    return {
        "collection": usage.index.collection,
        "name": usage.index.name,
        "keys": dict(usage.index.keys),
        "operations": usage.operations,
        "since": usage.since,
        "declared": usage.declared,
        "constraint": usage.constraint,
        "neverUsed": not usage.operations,
        "redundantWith": usage.redundant_with,
    }


def _lines(indexes: list[Usage], level: int, shapes: list[Shape]) -> Iterator[Line]:
    yield Table(list(map(_row, indexes)), ["collection", "index", "used", "declared", "note"])
    if indexes:
        yield f"Counted since {min(usage.since for usage in indexes):%Y-%m-%d %H:%M} UTC."
    if not level:
        yield "The profiler is off: db.setProfilingLevel(1) shows slow queries without an index."
    for shape in shapes:
        fields = ", ".join(shape.fields) or "nothing"
        yield (
            f"No index: {shape.command} of {shape.collection} by {fields}, "
            f"{plural(shape.count, 'time')}, "
            f"{shape.milliseconds:,} ms"
        )


def _row(usage: Usage) -> list[Any]:
    notes = [
        "" if usage.operations else "never used",
        f"redundant: {usage.redundant_with} begins with it" if usage.redundant_with else "",
        "unique or TTL" if usage.constraint else "",
    ]
    declared = "yes" if usage.declared else "no"
    return [
        usage.index.collection,
        usage.index.name,
        usage.operations,
        declared,
        ", ".join(filter(None, notes)),
    ]
