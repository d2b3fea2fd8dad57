"""Types of arguments, and the layout of their help."""

from __future__ import annotations

import textwrap
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser, DjangoHelpFormatter
from django.utils.dateparse import parse_datetime

from chabad_auth_django.db.cursors import decode, encode
from chabad_auth_django.db.pages import Position
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import to_utc

#: The most that is listed at once.
MAX_LIMIT = 10_000


class HelpFormatter(DjangoHelpFormatter):
    """Django's, which breaks lines between words only."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrap(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in _wrap(text, width - len(indent)))


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


def date(text: str) -> datetime:
    """Return the begin of a day in UTC, given as ``YYYY-MM-DD``."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ArgumentTypeError("expected a date such as 2026-01-31") from None


def time(text: str) -> datetime:
    """Return a time in UTC, given as ISO 8601; of a date alone its begin."""
    try:
        found = parse_datetime(text) or parse_datetime(f"{text}T00:00:00")
        if found is not None:
            return to_utc(found)
    except (ValueError, ValidationError):
        # There is no such day, or no such year in UTC.
        pass
    raise ArgumentTypeError("expected a time such as 2026-01-31 or 2026-01-31T12:00:00Z")


def add_page(parser: CommandParser) -> None:
    """Declare which part of a list is shown."""
    parser.add_argument(
        "--limit",
        type=whole_number(1, MAX_LIMIT),
        default=100,
        help=f"how many, 1 to {MAX_LIMIT:,} (100)",
    )
    parser.add_argument("--after", metavar="NEXT", help="go on behind what was listed last")


def page_of(options: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return ``limit`` and ``position`` of ``add_page`` for a list whose keys are of the kind.

    Raises ``ValidationError``.
    """
    return {"limit": options["limit"], "position": decode(options["after"], kind)}


def following(position: Position | None) -> tuple[str | None, list[str]]:
    """Return what ``--after`` takes to go on from the position, and the lines that say so."""
    if position is None:
        return None, []
    after = encode(position)
    return after, [f"There are more: --after {after}"]


def _wrap(text: str, width: int) -> list[str]:
    # As argparse does.
    words = " ".join(text.split())
    return textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
