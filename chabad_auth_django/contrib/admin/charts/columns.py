"""Columns over time as SVG, each a stack of its parts, and the table of the same figures.

Widths are shares of the room that there is, so that texts keep their size on a phone; heights are
pixels. Colours are classes: no ``style`` attribute, so a strict Content Security Policy holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin.charts.marks import (
    isolated,
    name_of,
    number,
    percent,
    short,
    steps,
)

#: Pixels of the columns, of the room above them, and of the labels below.
HEIGHT, TOP, BOTTOM = 180, 10, 24

#: Parts of a stack that have a colour of their own.
MAX_PARTS = 6

#: Labels below the columns.
MAX_LABELS = 5

#: What a column may be besides counted -> what the legend says of it.
STATES = {
    "archived": _("archived"),
    "open": _("not rolled up yet"),
}


@dataclass(frozen=True)
class Column:
    """A bucket of time: its values in the order of the parts, ``None`` where nothing is known."""

    label: str
    values: tuple[int, ...]
    #: What the tooltip and the table call it; the label by default.
    name: str = ""
    #: One of ``STATES``, or nothing.
    state: str = ""
    href: str = ""

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.values)

    @property
    def title(self) -> str:
        """What the tooltip and the table call it."""
        return self.name or self.label


@dataclass(frozen=True)
class Columns:
    """A chart of columns. ``key`` is unique in the page."""

    key: str
    title: str
    parts: tuple[str, ...]
    columns: tuple[Column, ...]
    is_rtl: bool = False
    #: Whether columns can be added up; different users cannot.
    has_total: bool = True

    def __bool__(self) -> bool:
        return any(column.total for column in self.columns)

    @property
    def figure(self) -> SafeString:
        """The chart with its legend; nothing where there are no columns."""
        if not self.columns:
            return SafeString()
        return format_html(
            '<figure class="chabad-chart" aria-label="{}">{}<div class="chabad-plot-row">{}{}</div>'
            "</figure>",
            self.title,
            self._legend(),
            self._axis(),
            self._plot(),
        )

    @property
    def table(self) -> SafeString:
        """The same figures as a table, with totals."""
        many = len(self.parts) > 1
        heads = [*map(name_of, self.parts), *([_("Total")] if many else [])]
        rows = [
            (column.title, [*column.values, *([column.total] if many else [])])
            for column in self.columns
        ]
        columns = zip(*(cells for _, cells in rows), strict=True)
        sums = [sum(cells) for cells in columns] if self.has_total else []
        return format_html(
            '<div class="chabad-scroll" tabindex="0" role="region" aria-label="{5}">'
            '<table class="chabad-figures"><caption class="visually-hidden">{0}</caption>'
            '<thead><tr><th scope="col">{4}</th>{1}</tr></thead><tbody>{2}</tbody>{3}'
            "</table></div>",
            self.title,
            format_html_join("", '<th scope="col"><bdi>{}</bdi></th>', ((head,) for head in heads)),
            format_html_join(
                "",
                '<tr><th scope="row">{}</th>{}</tr>',
                ((name, _cells(cells)) for name, cells in rows),
            ),
            format_html(
                '<tfoot><tr><th scope="row">{}</th>{}</tr></tfoot>', _("Total"), _cells(sums)
            )
            if sums
            else "",
            _("Time"),
            _("%(title)s: figures") % {"title": self.title},
        )

    @property
    def total(self) -> int:
        """All columns together."""
        return sum(column.total for column in self.columns)

    @property
    def _steps(self) -> list[int]:
        return steps(max((column.total for column in self.columns), default=0))

    def _y(self, value: float) -> float:
        return round(TOP + HEIGHT * (1 - value / self._steps[-1]), 2)

    def _legend(self) -> SafeString:
        parts = [(f"chabad-part-{index}", "", name) for index, name in enumerate(self.parts)]
        found = {column.state for column in self.columns}
        states = [
            ("chabad-part-0", self._pattern(name), text)
            for name, text in STATES.items()
            if name in found
        ]
        items = [*(parts if len(parts) > 1 else []), *states]
        if not items:
            return SafeString()
        return format_html(
            '<ul class="chabad-legend">{}</ul>',
            format_html_join(
                "",
                '<li><svg class="chabad-key" width="12" height="12" aria-hidden="true">'
                '<rect class="{}" width="12" height="12" rx="2"/>'
                '<rect fill="{}" width="12" height="12" rx="2"/></svg><bdi>{}</bdi></li>',
                ((shade, fill or "none", name_of(text)) for shade, fill, text in items),
            ),
        )

    def _pattern(self, state: str) -> str:
        return f"url(#{self.key}-{state})"

    def _axis(self) -> SafeString:
        texts = [
            ("0" if self.is_rtl else "100%", self._y(value) + 4, short(value))
            for value in self._steps
        ]
        return format_html(
            '<svg class="chabad-axis" width="44" height="{}" aria-hidden="true">{}</svg>',
            TOP + HEIGHT + BOTTOM,
            format_html_join("", '<text x="{}" y="{}" text-anchor="end">{}</text>', texts),
        )

    def _plot(self) -> SafeString:
        lines = [(self._y(value), self._y(value)) for value in self._steps]
        return format_html(
            '<svg class="chabad-plot" width="100%" height="{}" role="{}" aria-label="{}">'
            "<defs>{}</defs>{}{}{}</svg>",
            TOP + HEIGHT + BOTTOM,
            # An image has no links in it.
            "group" if any(column.href for column in self.columns) else "img",
            self._summary(),
            self._patterns(),
            format_html_join(
                "", '<line class="chabad-grid" x1="0" x2="100%" y1="{}" y2="{}"/>', lines
            ),
            format_html_join("", "{}", ((mark,) for mark in self._marks())),
            format_html_join("", "{}", ((label,) for label in self._labels())),
        )

    def _summary(self) -> str:
        text = _("%(title)s: %(total)s in all; the figures are in the table below")
        if not self.has_total:
            text = _("%(title)s: the figures are in the table below")
        return text % {"title": self.title, "total": number(self.total)}

    def _patterns(self) -> SafeString:
        """Return hatching and dots, which lie over the colours."""
        return format_html(
            '<pattern id="{0}-archived" width="6" height="6" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><rect class="chabad-hatch" width="2.5" height="6"/>'
            '</pattern><pattern id="{0}-open" width="5" height="5" patternUnits="userSpaceOnUse">'
            '<circle class="chabad-hatch" cx="2.5" cy="2.5" r="1.2"/></pattern>',
            self.key,
        )

    def _slot(self, index: int) -> float:
        """Return where a column's room begins, from the left, as a share."""
        number_of = len(self.columns)
        return (number_of - 1 - index if self.is_rtl else index) / number_of

    def _marks(self) -> Iterator[SafeString]:
        room = 1 / len(self.columns)
        gap = room * 0.1 if len(self.columns) <= 120 else 0.0
        for index, column in enumerate(self.columns):
            slot = self._slot(index)
            x, width = percent(slot + gap), percent(room - 2 * gap)
            hit = format_html(
                '<rect class="chabad-hit" x="{}" y="{}" width="{}" height="{}"/>',
                percent(slot),
                TOP,
                percent(room),
                HEIGHT,
            )
            bars = format_html_join("", "{}", ((bar,) for bar in self._bars(column, x, width)))
            tip = self._tooltip(column)
            tag, link = "g", SafeString()
            if column.href:
                tag, link = "a", format_html(' href="{}" aria-label="{}"', column.href, tip)
            yield format_html(
                '<{0} class="chabad-column"{1}><title>{2}</title>{3}{4}</{0}>',
                tag,
                link,
                tip,
                hit,
                bars,
            )

    def _bars(self, column: Column, x: str, width: str) -> Iterator[SafeString]:
        below = 0
        for index, value in enumerate(column.values):
            if value <= 0:
                continue
            top, bottom = self._y(below + value), self._y(below)
            below += value
            yield format_html(
                '<rect class="chabad-part-{}" x="{}" y="{}" width="{}" height="{}"/>',
                index,
                x,
                top,
                width,
                # A column that is not 0 is seen.
                round(max(bottom - top, 1), 2),
            )
        if column.state:
            top = min(self._y(column.total), TOP + HEIGHT - 3)
            yield format_html(
                '<rect fill="{}" x="{}" y="{}" width="{}" height="{}"/>',
                self._pattern(column.state),
                x,
                top,
                width,
                round(TOP + HEIGHT - top, 2),
            )

    def _tooltip(self, column: Column) -> str:
        head = f"{column.title}: {number(column.total)}"
        if column.state:
            head += f" ({STATES[column.state]})"
        if len(self.parts) < 2:
            return head
        parts = [
            f"{isolated(name_of(name))}: {number(value)}"
            for name, value in zip(self.parts, column.values, strict=True)
            if value
        ]
        return "\n".join([head, *parts])

    def _labels(self) -> Iterator[SafeString]:
        room = 1 / len(self.columns)
        every = -(-len(self.columns) // MAX_LABELS)
        # In the middle of its share of the columns, so that none is cut off at an edge.
        for index in range((every - 1) // 2, len(self.columns), every):
            yield format_html(
                '<text class="chabad-label" x="{}" y="{}" text-anchor="middle">{}</text>',
                percent(self._slot(index) + room / 2),
                TOP + HEIGHT + 17,
                self.columns[index].label,
            )


def stack(
    rows: Sequence[Mapping[str, Any]],
    *,
    by: str | None,
    value: str = "count",
    name: str = "Events",
    first: Sequence[str] = (),
) -> tuple[tuple[str, ...], dict[Any, tuple[int, ...]]]:
    """Return the parts, the largest first, and for each time the values of these parts.

    Those that ``first`` names come first, so that they have the same colours in every chart. Parts
    beyond ``MAX_PARTS`` are one, called "Other".
    """
    totals: dict[str, int] = {}
    for row in rows:
        part = name_of(row[by]) if by else name
        totals[part] = totals.get(part, 0) + int(row[value])
    ordered = [part for part in first if part in totals]
    others = sorted(totals.keys() - set(ordered), key=lambda part: (-totals[part], part))
    names = ordered + others
    has_other = len(names) > MAX_PARTS
    parts = [*names[: MAX_PARTS - 1], str(_("Other"))] if has_other else names
    index = {part: min(at, MAX_PARTS - 1) for at, part in enumerate(names)}
    values: dict[Any, list[int]] = {}
    for row in rows:
        part = name_of(row[by]) if by else name
        found = values.setdefault(row["time"], [0] * len(parts))
        found[index[part]] += int(row[value])
    return tuple(parts), {time: tuple(found) for time, found in values.items()}


def _cells(values: Sequence[int]) -> SafeString:
    return format_html_join("", "<td>{}</td>", ((number(value),) for value in values))
