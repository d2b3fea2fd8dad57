"""Running management commands in this process, as on a terminal or in a pipe."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any
from unittest import mock

from django.core.management import CommandError, call_command

from chabad_auth_django.management.terminal import Terminal

#: A server that does not answer.
NOBODY = "mongodb://127.0.0.1:1/test_db?timeoutMS=50"


class Stream(StringIO):
    """A stream that may say that it is a terminal."""

    def __init__(self, text: str = "", *, terminal: bool = False) -> None:
        super().__init__(text)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@dataclass
class Result:
    """How a command ended: its exit status and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        assert len(self.lines) == 1, self
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


def run(
    name: str,
    *arguments: object,
    stdin: str = "",
    answers: str | None = None,
    bar: bool = False,
    width: int | None = None,
) -> Result:
    """Run a command; ``answers`` are typed on a terminal, with ``bar`` stderr is one.

    With ``width`` stdout and stderr are terminals with so many columns.
    """
    out, err = Stream(terminal=width is not None), Stream(terminal=bar or width is not None)
    typed = Stream(stdin if answers is None else answers, terminal=answers is not None)
    code = 0
    columns = {"COLUMNS": str(width or 1000)}
    with mock.patch.object(sys, "stdin", typed), mock.patch.dict(os.environ, columns):
        try:
            call_command(name, *map(str, arguments), stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            # As Django does for a command that is called from a shell.
            Terminal(err).write(f"CommandError: {error}")
    return Result(code, out.getvalue(), err.getvalue())


@contextmanager
def interrupted(target: Any, name: str, *, after: int = 0) -> Iterator[None]:
    """Press Ctrl-C when the function is called for the time after ``after`` times."""
    original, left = getattr(target, name), after

    def press(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        return original(*args, **kwargs)

    with mock.patch.object(target, name, press):
        yield
