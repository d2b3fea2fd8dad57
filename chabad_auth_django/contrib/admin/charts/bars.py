"""Bars beside their names, the longest first; the figures stand beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chabad_auth_django.contrib.admin.charts.marks import name_of, number, percent


@dataclass(frozen=True)
class Bar:
    """A bar, and where its name leads."""

    name: str
    value: int
    href: str = ""


def bars(title: str, rows: Sequence[Bar]) -> SafeString:
    """Return a list of bars in which each name is a link."""
    largest = max((row.value for row in rows), default=0) or 1
    return format_html(
        '<ol class="chabad-bars" aria-label="{}">{}</ol>',
        title,
        format_html_join("", "{}", ((_bar(row, largest),) for row in rows)),
    )


def _bar(row: Bar, largest: int) -> SafeString:
    name = format_html("<bdi>{}</bdi>", name_of(row.name))
    if row.href:
        name = format_html('<a href="{}">{}</a>', row.href, name)
    return format_html(
        '<li><span class="chabad-bar-name">{}</span><span class="chabad-bar-value">{}</span>'
        '<svg class="chabad-bar" width="100%" height="6" aria-hidden="true">'
        '<rect class="chabad-bar-room" width="100%" height="6" rx="3"/>'
        '<rect class="chabad-part-0" width="{}" height="6" rx="3"/></svg></li>',
        name,
        number(row.value),
        percent(row.value / largest),
    )
