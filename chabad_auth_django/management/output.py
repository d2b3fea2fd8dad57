"""Output of commands: JSON for programs; tables, charts and progress for people."""

import json
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson

from chabad_auth_django.management.terminal import COLUMNS, Terminal, printable
from chabad_auth_django.models.fields import to_utc

#: Characters of a bar.
BAR_WIDTH = 24

#: Seconds between two looks of the progress bar.
REFRESH = 0.1


def to_json(value: Any) -> str:
    """Return one line of JSON; ids are strings, times ISO 8601 in UTC with milliseconds.

    What could control a terminal is escaped.
    """
    try:
        text = orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except orjson.JSONEncodeError:
        # The name of a file need not be a text.
        return json.dumps(value, default=_plain, separators=(",", ":"))
    return text if text.isprintable() else json.dumps(orjson.loads(text), separators=(",", ":"))


def _plain(value: Any) -> Any:
    return to_text(value) if isinstance(value, datetime) else str(value)


def to_text(value: Any) -> str:
    """Return the value on one line, without what could control a terminal."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        # Pages of lists have their times without a zone.
        value = to_utc(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(to_text, value)) or "-"
    elif isinstance(value, Mapping):
        value = to_json(value)
    return printable(str(value))


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return the count with its noun: ``1 user``, ``2,000 users``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@dataclass(frozen=True)
class Table:
    """Rows with headers; columns of numbers are aligned to the right.

    Where the columns have no room beside each other, each row is a paragraph.
    """

    rows: Sequence[Sequence[Any]]
    headers: Sequence[str] = ()

    def lines(self, width: int | None = None) -> Iterator[str]:
        """Yield the lines for a terminal of that width."""
        rows = [[to_text(cell) for cell in row] for row in self.rows]
        texts = [list(self.headers)] * bool(self.headers) + rows
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        if width is not None and sum(widths) + 2 * (len(widths) - 1) > width:
            yield from self._paragraphs(rows, width)
            return
        numeric = [
            all(isinstance(cell, int) and not isinstance(cell, bool) for cell in column)
            for column in zip(*self.rows, strict=True)
        ] or [False] * len(self.headers)
        for line in texts:
            cells = [
                cell.rjust(size) if right else cell.ljust(size)
                for cell, size, right in zip(line, widths, numeric, strict=True)
            ]
            yield "  ".join(cells).rstrip()

    def _paragraphs(self, rows: list[list[str]], width: int) -> Iterator[str]:
        if not self.headers:
            size = max(len(row[0]) for row in rows)
            for label, *cells in rows:
                yield from _hanging(f"{label:<{size}}  ", "  ".join(cells), width)
            return
        size = max(map(len, self.headers))
        for number, row in enumerate(rows):
            if number:
                yield ""
            for header, cell in zip(self.headers, row, strict=True):
                yield from _hanging(f"{header:<{size}}  ", cell, width)


@dataclass(frozen=True)
class Chart:
    """For each value its name, a bar in proportion to the greatest, and the value."""

    values: Mapping[str, int]

    def lines(self, width: int | None = None) -> Iterator[str]:
        """Yield the lines for a terminal of that width; the bars give way."""
        greatest = max(self.values.values(), default=0)
        names = max(map(len, self.values), default=0)
        room = BAR_WIDTH if width is None else max(0, min(BAR_WIDTH, width - names - 15))
        for name, value in self.values.items():
            bar = "#" * (value * room // greatest if greatest else 0)
            yield f"{name:<{names}}  {bar:<{room}}  {value:>11,}"


#: What a command writes for people.
Line = str | Table | Chart


def _hanging(label: str, text: str, width: int) -> Iterator[str]:
    """Yield the label and the text beside it, or below it where it has no room there."""
    if len(label) + max(map(len, text.split()), default=0) > width:
        yield label.rstrip()
        label = "  "
    yield from textwrap.wrap(
        text or "-",
        width,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )


def megabytes(size: int) -> str:
    """Return a size in bytes for people."""
    return f"{size / 2**20:,.1f} MB"


class Progress:
    """A bar with rate and remaining time, on a terminal; nothing in a pipe.

    A context manager; ``advance`` is what services call.
    """

    def __init__(self, stream: Terminal, label: str, total: int, *, hidden: bool = False) -> None:
        self.label, self.total, self.done = printable(label), total, 0
        self._stream = stream
        self._visible = stream.isatty() and not hidden
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
        # Other programs may write more documents than the estimate.
        share = min(self.done / self.total, 1) if self.total else 1.0
        rate = self.done / max(self._shown - self._started, 1e-6)
        left = max(self.total - self.done, 0) / rate if rate else 0.0
        # On a narrow terminal the last parts are left out.
        parts = [
            self.label,
            f"{share:4.0%}",
            f"{self.done:,} of {self.total:,}",
            f"{rate:,.0f}/s",
            f"{left // 60:.0f}:{left % 60:02.0f} left",
            f"[{'#' * int(share * BAR_WIDTH):.<{BAR_WIDTH}}]",
        ]
        width = (self._stream.width or COLUMNS) - 1
        while len("  ".join(parts)) > width and len(parts) > 1:
            parts.pop()
        self._write("\r" + "  ".join(parts)[:width].ljust(min(width, 100)))

    def _write(self, text: str) -> None:
        # Without the style of standard error, which is red on a terminal.
        self._stream.write_whole(text, style_func=str, ending="")
        self._stream.flush()
