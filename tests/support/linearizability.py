"""Wing and Gong's search: is there an order of operations that explains what each has returned?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Operation:
    """What a client called between two times, and what it got."""

    started: float
    ended: float
    name: str
    argument: Any
    result: Any


class Value(NamedTuple):
    """A key of app data: ``value`` is ``None`` where there is none; ``last`` was used already."""

    value: Any = None
    version: int = 0
    last: int = 0


Step = Callable[[Value, Operation], Value | None]


def is_linearizable(operations: Sequence[Operation], step: Step, start: Value) -> bool:
    """Tell whether some order, in which what ended first comes first, gives all the results."""
    everything = (1 << len(operations)) - 1
    stack, seen = [(0, start)], set()
    while stack:
        done, value = stack.pop()
        if done == everything:
            return True
        if (done, value) in seen:
            continue
        seen.add((done, value))
        left = [n for n in range(len(operations)) if not done >> n & 1]
        first_end = min(operations[n].ended for n in left)
        for number in left:
            # What another operation had ended before cannot have come before it.
            if operations[number].started <= first_end:
                after = step(value, operations[number])
                if after is not None:
                    stack.append((done | 1 << number, after))
    return False


def step(value: Value, operation: Operation, *, versions_grow: bool = True) -> Value | None:
    """Return the key after the operation; ``None`` where it cannot have returned what it has.

    Without ``versions_grow`` a key that is created again may have a version that was used.
    """
    name, argument, result = operation.name, operation.argument, operation.result
    exists = value.value is not None
    if name == "read":
        return value if result == ((value.value, value.version) if exists else None) else None
    if name == "delete":
        expected, deletes = argument, exists and argument in (None, value.version)
        if result != deletes:
            return None
        return value._replace(value=None, last=value.version) if deletes else value
    new, expected = argument
    if result == "exists":
        return value if name == "create" and exists else None
    if result == "missing":
        return value if name == "update" and not exists else None
    if result == "conflict":
        return value if exists and value.version != expected else None
    if (name == "update" and value.version != expected) or (name == "create" and exists):
        return None
    if name == "update" and not exists:
        return None
    next_version = (value.version if exists else value.last) + 1
    if result != next_version and (versions_grow or exists):
        return None
    return Value(new, result, max(result, value.last))


def first_unexplained(operations: Sequence[Operation], step: Step) -> list[Operation]:
    """Return the shortest beginning of a history that no order explains; nothing if one does."""
    by_end = sorted(operations, key=lambda operation: operation.ended)
    if is_linearizable(by_end, step, Value()):
        return []
    return next(
        by_end[:count]
        for count in range(1, len(by_end) + 1)
        if not is_linearizable(by_end[:count], step, Value())
    )
