"""The results for people: a table on the terminal, and the same in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.measure import BASE, PROJECT, Part, Ratio, Result

#: The parts of the benchmark, and what their tables show.
HEADINGS = {
    "in-process": "Time, as a multiple of raw PyMongo's (less is better)",
    "http": "Requests per second, as a multiple of the bare WSGI function's (more is better)",
}

INTRODUCTION = """\
# Results

Made by the benchmark itself; [what it does, and how to run it](README.md). Each figure is the
median of the rounds' ratios, with the least and the greatest. Raw PyMongo has its own figures:
milliseconds for each call, or requests in a second; their range shows how quiet the machine was.

![The ratios as bars](results.svg)
"""


def table(part: Part) -> list[list[str]]:
    """Return rows of cells, the head first."""
    head = ["work", "budget", *part.titles.values(), "verdict"]
    return [head, *(_row(result, part.titles) for result in part.results)]


def missed(parts: Mapping[str, Part]) -> list[str]:
    """Return a sentence for each budget that is missed."""
    return [
        f"{result.title}: {_number(result.ratio(PROJECT).median)}, the budget is "
        f"{_budget(result)}; {verdict(result)}."
        for part in parts.values()
        for result in part.results
        if result.missed_by() is not None
    ]


def verdict(result: Result) -> str:
    """Return whether the budget is held, or by how much it is missed."""
    share = result.missed_by()
    return "held" if share is None else f"missed by {share:.1%}"


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def as_markdown(parts: Mapping[str, Part]) -> str:
    """Return the page of all parts."""
    lines = [INTRODUCTION]
    sentences = missed(parts)
    if sentences:
        lines += ["Budgets that are missed:\n", *(f"- {text}" for text in sentences)]
    else:
        lines += ["Every budget is held."]
    for name, part in parts.items():
        lines += ["", f"## {HEADINGS[name]}", "", _markdown(table(part)), ""]
        lines += [_markdown([["", ""], *part.about.items()])]
    return "\n".join(lines) + "\n"


def _row(result: Result, titles: Mapping[str, str]) -> list[str]:
    cells = [_absolute(result) if name == BASE else _ratio(result.ratio(name)) for name in titles]
    return [result.title, _budget(result), *cells, verdict(result)]


def _budget(result: Result) -> str:
    sign = "≥" if result.more_is_better else "≤"
    return f"{sign} {result.budget:g}"


def _ratio(ratio: Ratio) -> str:
    return f"{_number(ratio.median)} ({_number(ratio.least)}–{_number(ratio.greatest)})"


def _absolute(result: Result) -> str:
    values = result.values[BASE]
    figures = statistics.median(values), min(values), max(values)
    if result.more_is_better:
        return "{:,.0f} ({:,.0f}–{:,.0f})/s".format(*figures)
    return "{:,.2f} ({:,.2f}–{:,.2f}) ms".format(*(seconds * 1000 for seconds in figures))


def _number(ratio: float) -> str:
    return f"{ratio:.4f}" if ratio < 0.1 else f"{ratio:.2f}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
