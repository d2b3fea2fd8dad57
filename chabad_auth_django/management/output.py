"""What commands show: JSON for programs, tables, charts and progress for people."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from django.core.management.base import OutputWrapper

#: Characters of a bar.
BAR_WIDTH = 24

#: Seconds between two looks of the progress bar.
REFRESH = 0.1


def to_json(value: Any) -> str:
    """Return one line of JSON; ids are strings, times ISO 8601 in UTC with milliseconds."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _plain(value: Any) -> Any:
    return to_text(value) if isinstance(value, datetime) else str(value)


def to_text(value: Any) -> str:
    """Return the value on one line, without what could control a terminal."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(to_text, value)) or "-"
    elif isinstance(value, Mapping):
        value = to_json(value)
    return "".join(
        item if item.isprintable() else "\N{REPLACEMENT CHARACTER}" for item in str(value)
    )


def table(rows: Sequence[Sequence[Any]], headers: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of a table; columns of numbers are aligned to the right."""
    texts = [list(headers)] * bool(headers) + [[to_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    numeric = [
        all(isinstance(cell, int) and not isinstance(cell, bool) for cell in column)
        for column in zip(*rows, strict=True)
    ] or [False] * len(headers)
    for line in texts:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def bar_chart(values: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each value: its name, a bar in proportion to the greatest, the value."""
    greatest = max(values.values(), default=0)
    for name, value in values.items():
        bar = "#" * (value * BAR_WIDTH // greatest if greatest else 0)
        yield f"{name}  {bar:<{BAR_WIDTH}}  {value:>11,}"


def megabytes(size: int) -> str:
    """Return a size in bytes for people."""
    return f"{size / 2**20:,.1f} MB"


class Progress:
    """A bar with rate and remaining time, on a terminal; nothing in a pipe.

    A context manager; ``advance`` is what services call.
    """

    def __init__(self, stream: OutputWrapper, label: str, total: int) -> None:
        self.label, self.total, self.done = label, total, 0
        self._stream = stream
        self._visible = stream.isatty()
        self._started = time.monotonic()
        self._shown = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._visible:
            self._show()
            self._write("\n")

    def advance(self, count: int = 1) -> None:
        """Count what was done since the last call."""
        self.done += count
        if self._visible and time.monotonic() - self._shown >= REFRESH:
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        # What is being written meanwhile may exceed the estimate.
        share = min(self.done / self.total, 1) if self.total else 1.0
        rate = self.done / max(self._shown - self._started, 1e-6)
        left = max(self.total - self.done, 0) / rate if rate else 0.0
        bar = "#" * int(share * BAR_WIDTH)
        # The bar comes last: it is what a narrow terminal can do without.
        line = (
            f"{self.label}  {share:4.0%}  {self.done:,} of {self.total:,}  {rate:,.0f}/s  "
            f"{left // 60:.0f}:{left % 60:02.0f} left  [{bar:.<{BAR_WIDTH}}]"
        )
        width = shutil.get_terminal_size().columns - 1
        self._write("\r" + line[:width].ljust(min(width, 100)))

    def _write(self, text: str) -> None:
        # With a style of its own: on a terminal stderr is red.
        self._stream.write(text, style_func=str, ending="")
        self._stream.flush()
