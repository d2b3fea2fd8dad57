"""What clients were told about their writes, and the audit that compares MongoDB with it."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from pymongo.database import Database

#: How often a marker must be stored: once, never, or one of them.
Fate = Literal["once", "never", "either"]


@dataclass
class Findings:
    """What is not as the clients were told."""

    #: Acknowledged, and not there.
    lost: list[str] = field(default_factory=list)
    #: There more than once.
    doubled: list[str] = field(default_factory=list)
    #: Refused, and there.
    undead: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{len(found)} {name}" for name, found in vars(self).items())

    def __bool__(self) -> bool:
        return any(vars(self).values())


class Ledger:
    """Markers, each of which one write carries, and what its client was told; thread-safe."""

    def __init__(self) -> None:
        self.fates: dict[str, Fate] = {}
        #: Key of app data -> the version and the value that its only writer has reached.
        self.values: dict[str, tuple[int, str]] = {}
        self._lock = threading.Lock()

    def note(self, fate: Fate, *markers: str) -> None:
        """Record what a client was told."""
        with self._lock:
            self.fates.update(dict.fromkeys(markers, fate))

    def count(self, fate: Fate) -> int:
        """Return how many markers have that fate."""
        return list(self.fates.values()).count(fate)

    def audit(self, database: Database[dict[str, Any]]) -> Findings:
        """Compare what is stored with what the clients were told."""
        stored = Counter(
            row["eventData"]["marker"] for row in database.analytics.find({}, {"eventData": 1})
        )
        stored.update(row.get("name") for row in database.users.find({}, {"name": 1}))
        stored.update(row["dataValue"] for row in database.appdatas.find({"version": 1}))
        findings = Findings()
        for marker, fate in self.fates.items():
            if fate == "once" and stored[marker] == 0:
                findings.lost.append(marker)
            if fate == "never" and stored[marker]:
                findings.undead.append(marker)
            if stored[marker] > 1:
                findings.doubled.append(marker)
        for key, (version, value) in self.values.items():
            row = database.appdatas.find_one({"dataKey": key}) or {"version": 0, "dataValue": ""}
            if row["version"] < version:
                findings.lost.append(key)
            elif row["version"] > version:
                findings.doubled.append(key)
            elif row["dataValue"] != value:
                findings.undead.append(key)
        return findings
