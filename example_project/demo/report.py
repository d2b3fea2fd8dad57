"""What the demo prints: sections of checked facts, plain text of at most 80 columns."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.management.base import CommandError, OutputWrapper
from django.core.management.color import Style

from chabad_auth_django.exceptions import ChabadAuthError

WIDTH = 80

#: Columns of the name of a step.
NAME = 34

Error = TypeVar("Error", bound=ChabadAuthError)


class Report:
    """Print what was done, and stop with an error at the first thing that is not so."""

    def __init__(self, stdout: OutputWrapper, style: Style) -> None:
        self.checks = 0
        self._stdout = stdout
        self._style = style
        self._mark = _check_mark()
        self._indent = " " * len(f"  {self._mark} ")
        self._section = ""

    def line(self, text: str) -> None:
        """Print a line of text."""
        self._stdout.write(text)

    def title(self, text: str) -> None:
        """Begin a section."""
        self._section = text
        self._stdout.write(f"\n{self._style.MIGRATE_LABEL(text)}")
        self._stdout.flush()

    def fact(self, name: str, text: str) -> None:
        """Print something that is neither right nor wrong."""
        self._row(self._indent, name, text)

    def check(self, name: str, is_so: bool, claim: str) -> None:
        """Print the claim about a step; raise ``CommandError`` unless it ``is_so``."""
        if not is_so:
            raise CommandError(f'{self._section}: "{name}: {claim}" is not so.')
        self.checks += 1
        self._row(f"  {self._style.SUCCESS(self._mark)} ", name, claim)

    def refusal(
        self, name: str, kind: type[Error], call: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Error:
        """Return the error with which the call is refused; raise ``CommandError`` if it is not."""
        try:
            call(*args, **kwargs)
        except kind as error:
            self.check(name, True, f"refused: {error.code}")
            return error
        raise CommandError(f"{self._section}: {name} is not refused with {kind.__name__}.")

    def table(self, *rows: tuple[str | int, ...]) -> None:
        """Print rows of a name and right-aligned columns."""
        for name, *cells in rows:
            columns = [f"{cell:,}" if isinstance(cell, int) else cell for cell in cells]
            text = "".join(f"{column:>10}" for column in columns)
            self._stdout.write(f"{self._indent}{name:<{NAME - 10}}{text}")

    def progress(self, total: int) -> Progress:
        """Return a line that shows the progress towards ``total``."""
        return Progress(self._stdout, total)

    def _row(self, start: str, name: str, text: str) -> None:
        first, *more = textwrap.wrap(text, WIDTH - len(self._indent) - NAME)
        self._stdout.write(f"{start}{name:<{NAME}}{first}")
        for line in more:
            self._stdout.write(f"{self._indent}{'':<{NAME}}{line}")


class Progress:
    """One line on a terminal that is written over and over; nothing in a pipe or a file."""

    def __init__(self, stdout: OutputWrapper, total: int) -> None:
        self._stdout = stdout
        self._total = total
        self._done = 0

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        return self

    def advance(self, count: int) -> None:
        """Count what was done since the last call."""
        self._done += count
        rate = self._done / (time.monotonic() - self._started)
        self._show(f"    {self._done:,} of {self._total:,} events, {rate:,.0f} per second")

    def __exit__(self, *error: object) -> None:
        self._show("")

    def _show(self, text: str) -> None:
        if self._stdout.isatty():
            self._stdout.write(f"\r{text:<{WIDTH - 1}}\r", ending="")
            self._stdout.flush()


def _check_mark() -> str:
    mark = "\N{CHECK MARK}"
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "ok"
    return mark
