"""Files that pages give: CSV for spreadsheets and JSON Lines, streamed."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import gettext

#: What a spreadsheet takes for a formula when a cell begins with it, some in their wide form.
_FORMULA = tuple("=+-@＝＋－＠")


class _Line:
    """What ``csv`` writes to: it gives each line back."""

    def write(self, text: str) -> str:
        """Return the line."""
        return text


def csv_file(
    name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """Return the rows as a file; no cell is a formula."""
    return attachment(f"{name}.csv", "text/csv; charset=utf-8", _lines(heads, rows))


def attachment(name: str, content_type: str, parts: Iterable[str]) -> StreamingHttpResponse:
    """Return what is streamed as a file to be kept, which no cache keeps.

    The last line of a file that an error ended says so.
    """
    return StreamingHttpResponse(
        (part.encode("utf-8", "replace") for part in _told(parts)),
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store, private",
        },
    )


def _told(parts: Iterable[str]) -> Iterator[str]:
    try:
        yield from parts
    except Exception:
        # Some servers end the answer as if it were whole.
        yield gettext("This file is not complete: an error ended it.") + "\n"
        raise


def _lines(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    # The mark by which spreadsheets know UTF-8.
    yield "\ufeff"
    yield writer.writerow(heads)
    for row in rows:
        yield writer.writerow(map(_cell, row))


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, datetime):
        time = value if value.tzinfo else value.replace(tzinfo=UTC)
        return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = "".join(item if item.isprintable() else " " for item in str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
