"""Ratios to raw PyMongo, round by round, and what they say about the budgets."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: Whom the others are compared with, and whom the budgets are for.
BASE = "raw"
PROJECT = "project"


@dataclass(frozen=True)
class Ratio:
    """The ratios of the rounds: their median, the least and the greatest."""

    median: float
    least: float
    greatest: float


@dataclass(frozen=True)
class Result:
    """One work: what it took, or how often it was answered, in each round.

    ``more_is_better`` tells requests per second from seconds for each call.
    """

    title: str
    budget: float
    more_is_better: bool
    values: Mapping[str, Sequence[float]]

    def ratio(self, contestant: str) -> Ratio:
        """Return how a contestant compares with raw PyMongo."""
        pairs = zip(self.values[contestant], self.values[BASE], strict=True)
        ratios = [value / base for value, base in pairs]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))

    def missed_by(self) -> float | None:
        """Return by which part of it the budget is missed; ``None`` where it is held."""
        ratio = self.ratio(PROJECT).median
        missed = self.budget - ratio if self.more_is_better else ratio - self.budget
        return missed / self.budget if missed > 0 else None


@dataclass(frozen=True)
class Part:
    """The results of a part of the benchmark, who took part, and what a reader must know."""

    titles: Mapping[str, str]
    results: Sequence[Result]
    about: Mapping[str, str]


def to_json(parts: Mapping[str, Part]) -> str:
    """Return the parts as ``from_json`` reads them, with the ratios for other readers."""
    rows: dict[str, Any] = {name: asdict(part) for name, part in parts.items()}
    for name, part in parts.items():
        for row, result in zip(rows[name]["results"], part.results, strict=True):
            row["ratios"] = {who: asdict(result.ratio(who)) for who in result.values}
    return json.dumps(rows, indent=1) + "\n"


def from_json(text: str) -> dict[str, Part]:
    """Return the parts that ``to_json`` wrote."""
    parts = {}
    for name, row in json.loads(text).items():
        results = [
            Result(**{key: value for key, value in result.items() if key != "ratios"})
            for result in row["results"]
        ]
        parts[name] = Part(row["titles"], results, row["about"])
    return parts
