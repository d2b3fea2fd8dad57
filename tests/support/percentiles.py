"""How long answers took."""

from collections.abc import Iterable
from statistics import quantiles

from support.api_client import Answer


def milliseconds(answers: Iterable[Answer]) -> tuple[float, float, float]:
    """Return the 50th, 95th and 99th percentile; at least two answers are needed."""
    cuts = quantiles([(one.ended - one.started) * 1000 for one in answers], n=100)
    return cuts[49], cuts[94], cuts[98]


def describe(answers: Iterable[Answer]) -> str:
    """Return the percentiles for people."""
    return "p50 {:.0f}, p95 {:.0f}, p99 {:.0f} ms".format(*milliseconds(answers))
