"""A stream of a command: it fits its terminal, and has an escape for what it cannot encode."""

import codecs
import io
import json
import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.base import OutputWrapper

#: Columns of a terminal that does not say how many it has.
COLUMNS = 80


class Terminal(OutputWrapper):
    """A stream that breaks long lines between words, where it is a terminal.

    In a pipe a line stays one line.
    """

    def write(  # type: ignore[override]  # Django's, too, has more arguments than a stream.
        self,
        msg: str = "",
        style_func: Callable[[str], str] | None = None,
        ending: str | None = None,
    ) -> None:
        """Write the lines so that they fit, without what could control a terminal."""
        # Another style is that of Django's own messages, which have their colours in them.
        if style_func in (None, str):
            lines = msg.removesuffix("\n").split("\n")
            msg = "\n".join(fit(printable(line), self.width) for line in lines)
        self.write_whole(msg, style_func, ending)

    def write_whole(
        self, msg: str, style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        """Write what must not be broken: JSON, a token, a progress bar."""
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        with _named():
            super().write(msg.encode(encoding, ESCAPE).decode(encoding), style_func, ending)

    def flush(self) -> None:
        """Write what is buffered."""
        with _named():
            super().flush()

    def give_up(self) -> None:
        """Write what is buffered; drop what cannot be written, so that Python does not complain."""
        try:
            self.flush()
        except OSError:
            stream: Any = self._out
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

    @property
    def width(self) -> int | None:
        """The columns that a line may have; ``None`` in a pipe."""
        return columns(self._out) if self.isatty() else None


class Messages(Terminal):
    """Standard error. A message that cannot be written is dropped; the exit status still tells."""

    def write_whole(self, *args: Any, **options: Any) -> None:
        """Write what must not be broken, if it can be."""
        if self._out is not None:
            with suppress(OSError):
                super().write_whole(*args, **options)

    def flush(self) -> None:
        """Write what is buffered, if it can be."""
        with suppress(OSError):
            super().flush()


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = "standard output"
        raise


def printable(text: str) -> str:
    """Return the text without what could control a terminal."""
    if text.isprintable():
        return text
    return "".join(item if item.isprintable() else "\N{REPLACEMENT CHARACTER}" for item in text)


def columns(stream: Any) -> int:
    """Return the columns of a terminal; the environment's ``COLUMNS`` comes first."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (AttributeError, OSError, io.UnsupportedOperation):
        return COLUMNS


def fit(line: str, width: int | None) -> str:
    """Return the line with breaks between words, the rest indented; longer words stay whole."""
    if width is None or len(line) <= width:
        return line
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return textwrap.fill(
        line,
        width,
        # Of a narrow terminal the indent would take all.
        subsequent_indent=indent if len(indent) <= width // 2 else "",
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # The escape of JSON, so that JSON with it is still JSON.
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


#: The error handler that writes ``\u05d0`` for what the encoding does not have.
ESCAPE = "chabad_auth.escape"

codecs.register_error(ESCAPE, _escape)
