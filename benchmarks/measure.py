"""Ratios to raw PyMongo, round by round, and what they say about the budgets."""

from __future__ import annotations

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
    budget: float | None
    more_is_better: bool
    values: Mapping[str, Sequence[float]]

    def ratio(self, contestant: str) -> Ratio:
        """Return how a contestant compares with raw PyMongo."""
        pairs = zip(self.values[contestant], self.values[BASE], strict=True)
        ratios = [value / base for value, base in pairs]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))

    def missed_by(self) -> float | None:
        """Return by which part of it the budget is missed; ``None`` where it is held."""
        if self.budget is None:
            return None
        ratio = self.ratio(PROJECT).median
        missed = self.budget - ratio if self.more_is_better else ratio - self.budget
        return missed / self.budget if missed > 0 else None

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` takes, and the ratios for other readers."""
        ratios = {name: asdict(self.ratio(name)) for name in self.values}
        return {**asdict(self), "ratios": ratios}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Result:
        """Return a result that ``to_json`` made."""
        return cls(**{name: value for name, value in row.items() if name != "ratios"})
