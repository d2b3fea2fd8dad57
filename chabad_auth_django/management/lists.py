"""Commands that list documents page by page."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.management.base import CommandParser

from chabad_auth_django.db.cursors import decode, encode
from chabad_auth_django.db.pages import Position
from chabad_auth_django.management.arguments import whole_number
from chabad_auth_django.management.base import OperatorCommand
from chabad_auth_django.management.output import Line, Table

#: The most rows of one page.
MAX_LIMIT = 10_000

#: The key of the JSON object that a further page takes.
NEXT_KEY = {"next": "the value of --after for the next page; null if there is none"}


class ListCommand(OperatorCommand):
    """A command that shows one page of a list; the first of its ``json_keys`` has the rows."""

    #: The keys of a row that the table for people shows.
    columns: ClassVar[Sequence[str]]

    #: The line for people where the list is empty.
    nothing: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which part of the list is shown."""
        parser.add_argument(
            "--limit",
            type=whole_number(1, MAX_LIMIT),
            default=100,
            help=f"how many, 1 to {MAX_LIMIT:,} (100)",
        )
        parser.add_argument(
            "--after",
            metavar="NEXT",
            help="list the next page: the value that the last one printed",
        )

    def page(self, options: Mapping[str, Any], kind: type) -> dict[str, Any]:
        """Return the arguments ``limit`` and ``position``; raise ``ValidationError``.

        ``kind`` is the Python type by which the list is ordered.
        """
        return {"limit": options["limit"], "position": decode(options["after"], kind)}

    def show(self, rows: Sequence[Mapping[str, Any]], position: Position | None) -> None:
        """Write the page; ``position`` is where the next one begins."""
        after = None if position is None else encode(position)
        cells = [[row[key] for key in self.columns] for row in rows]
        lines: list[Line] = [Table(cells, self.columns) if rows else self.nothing]
        if after is not None:
            lines.append(f"There are more: --after {after}")
        key, *_ = self.json_keys
        self.report({key: rows, "next": after}, lines)
