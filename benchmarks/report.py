"""The results for people: a table on the terminal, and the same in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.measure import Ratio, Result

Row = list[str]


def table(results: Sequence[Result], titles: Mapping[str, str]) -> list[Row]:
    """Return rows of cells, the head first; ``titles`` are those of the contestants."""
    names = [name for name in titles if name in results[0].values]
    head = ["work", "budget", *(titles[name] for name in names), "verdict"]
    return [head, *([*_cells(result, names), verdict(result)] for result in results)]


def verdict(result: Result) -> str:
    """Return whether the budget is held, or by how much it is missed."""
    missed = result.missed_by()
    if result.budget is None:
        return ""
    return "held" if missed is None else f"missed by {missed:.0%}"


def as_text(rows: Sequence[Row]) -> str:
    """Return the rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _cells(result: Result, names: Sequence[str]) -> Row:
    sign = "≥" if result.more_is_better else "≤"
    budget = "" if result.budget is None else f"{sign} {result.budget:g}"
    return [result.title, budget, *(_cell(result.ratio(name)) for name in names)]


def _cell(ratio: Ratio) -> str:
    digits = 4 if ratio.median < 0.1 else 2
    low, high = (f"{value:.{digits}f}" for value in (ratio.least, ratio.greatest))
    return f"{ratio.median:.{digits}f} ({low}–{high})"
