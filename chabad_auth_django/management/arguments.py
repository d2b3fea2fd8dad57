"""Types of arguments, and the layout of their help."""

import textwrap
from argparse import ArgumentError, ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import DjangoHelpFormatter

from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import to_utc


class HelpFormatter(DjangoHelpFormatter):
    """Django's, which breaks lines between words only."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrap(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in _wrap(text, width - len(indent)))


def typed(parser: ArgumentParser, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are texts as the parser takes them from the command line.

    ``call_command`` passes its keywords on as they are.
    """
    found = {}
    for action in parser._actions:
        value = options.get(action.dest)
        if isinstance(value, str):
            try:
                item = parser._get_value(action, value)
                parser._check_value(action, item)
            except ArgumentError as error:
                parser.error(str(error))
            found[action.dest] = [item] if isinstance(action.default, list) else item
    return found


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a type for whole numbers from ``minimum`` to ``maximum``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if not minimum <= number <= maximum:
            raise ArgumentTypeError(f"expected a whole number from {minimum:,} to {maximum:,}")
        return number

    return read


def folder_path(text: str) -> Path:
    """Return a path; an empty one would be the current folder, as of an unset variable."""
    if not text:
        raise ArgumentTypeError("expected the path of a folder")
    return Path(text)


def date(text: str) -> datetime:
    """Return the begin of a day in UTC, given as ``YYYY-MM-DD``."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ArgumentTypeError("expected a date such as 2026-01-31") from None


def time(text: str) -> datetime:
    """Return a time in UTC, given as ISO 8601; of a date alone its begin."""
    try:
        return to_utc(datetime.fromisoformat(text))
    except (ValueError, ValidationError):
        # There is no such day, or no such year in UTC.
        raise ArgumentTypeError(
            "expected a time such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None


def _wrap(text: str, width: int) -> list[str]:
    # As argparse does.
    words = " ".join(text.split())
    return textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
