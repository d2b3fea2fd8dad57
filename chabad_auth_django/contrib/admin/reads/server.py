"""The MongoDB server: version, members, and how far its log of changes reaches back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pymongo.errors import OperationFailure

from chabad_auth_django.db import connection

T = TypeVar("T")

#: The account may not ask this, or the server has no such thing.
_NOT_TOLD = frozenset((8, 13, 26, 59, 76, 94))


@dataclass(frozen=True)
class Member:
    """A member of the replica set."""

    name: str
    state: str
    is_healthy: bool
    #: Seconds by which it is behind the newest member.
    lag_seconds: float


@dataclass(frozen=True)
class Server:
    """What the account may see of the server.

    A field is ``None`` where the account may not see it, or the server has no such thing.
    """

    version: str
    set_name: str | None
    members: list[Member] | None
    #: The time of the first change in the log.
    log_since: datetime | None


def read() -> Server:
    """Return what the server tells, with three commands."""
    admin = connection.get_client().admin
    version = admin.command("buildInfo")["version"]
    status = _ask(lambda: admin.command("replSetGetStatus"))
    log = connection.get_client()["local"]["oplog.rs"]
    first = _ask(lambda: log.find_one({}, {"ts": 1}, sort=[("$natural", 1)]))
    return Server(
        version=version,
        set_name=status["set"] if status else None,
        members=None if status is None else _members(status["members"]),
        log_since=first["ts"].as_datetime() if first else None,
    )


def _members(rows: list[Mapping[str, Any]]) -> list[Member]:
    newest = max((row["optimeDate"] for row in rows if "optimeDate" in row), default=None)
    return [
        Member(
            name=row["name"],
            state=row["stateStr"],
            is_healthy=bool(row.get("health")),
            lag_seconds=(newest - row["optimeDate"]).total_seconds()
            if newest and "optimeDate" in row
            else 0.0,
        )
        for row in rows
    ]


def _ask(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except OperationFailure as error:
        if error.code in _NOT_TOLD:
            return None
        raise
