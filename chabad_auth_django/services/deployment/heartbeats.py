"""Whether cron still runs: each scheduled command leaves a heartbeat."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chabad_auth_django.conf import conf
from chabad_auth_django.models import Heartbeat
from chabad_auth_django.models.fields import now

#: What finds heartbeats. Another program may have a collection of that name.
OURS = {"_id": {"$type": "string"}}


@dataclass(frozen=True)
class Beat:
    """When a scheduled command ran last; ``None``: it never did, or never ended well."""

    command: str
    ended_at: datetime | None
    succeeded_at: datetime | None
    #: The exit status of the last run.
    status: int | None
    #: Whether it has not ended well for longer than ``SCHEDULED_COMMANDS`` says.
    is_late: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as the API and the commands show it."""
        return {
            "command": self.command,
            "lastRunAt": self.ended_at,
            "lastSuccessAt": self.succeeded_at,
            "status": self.status,
            "late": self.is_late,
        }


def record(*, command: str, started_at: datetime, status: int) -> None:
    """Store that the command ended now with the exit status."""
    time = now()
    beat = {"startedAt": started_at, "endedAt": time, "status": status}
    if status == 0:
        beat["succeededAt"] = time
    Heartbeat.collection().update_one({"_id": command}, {"$set": beat}, upsert=True)


def read() -> list[Beat]:
    """Return the beat of each command that the settings schedule, or that has left one."""
    return beats_of(Heartbeat.collection().find(OURS).limit(100))


def beats_of(rows: Iterable[Mapping[str, Any]]) -> list[Beat]:
    """Return the same as ``read``, from documents that were read already."""
    stored = {row["_id"]: row for row in rows}
    commands = sorted(conf.SCHEDULED_COMMANDS.keys() | stored.keys())
    return [_beat(command, stored.get(command, {})) for command in commands]


def _beat(command: str, row: Mapping[str, Any]) -> Beat:
    seconds = conf.SCHEDULED_COMMANDS.get(command)
    succeeded_at, ended_at = map(_time, (row.get("succeededAt"), row.get("endedAt")))
    is_late = seconds is not None and (
        succeeded_at is None or succeeded_at < now() - timedelta(seconds=seconds)
    )
    return Beat(command, ended_at, succeeded_at, row.get("status"), is_late)


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
