"""A strip of days, each with a state: a calendar in one line."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chabad_auth_django.contrib.admin.charts.marks import number, percent
from chabad_auth_django.contrib.admin.languages import StrOrLazy

#: Pixels.
HEIGHT = 28

#: Labels below the strip.
MAX_LABELS = 5


@dataclass(frozen=True)
class Day:
    """A day with its state, which is a key of the strip's ``states``."""

    label: str
    state: str
    #: What the tooltip calls it; the label by default.
    name: str = ""


def strip(
    title: str, days: Sequence[Day], states: Mapping[str, StrOrLazy], *, is_rtl: bool = False
) -> SafeString:
    """Return a strip of the days, the first at the beginning of the line, and its legend.

    ``states`` are the classes of the states and what the legend says of each.
    """
    if not days:
        return SafeString()
    room, counts = 1 / len(days), Counter(day.state for day in days)
    every = -(-len(days) // MAX_LABELS)

    def slot(index: int) -> float:
        return (len(days) - 1 - index if is_rtl else index) * room

    cells = [
        (
            day.state,
            percent(slot(at) + room * 0.08),
            percent(room * 0.84),
            HEIGHT,
            day.name or day.label,
            states[day.state],
        )
        for at, day in enumerate(days)
    ]
    labels = [
        (percent(slot(at) + room / 2), HEIGHT + 17, days[at].label)
        for at in range((every - 1) // 2, len(days), every)
    ]
    return format_html(
        '<figure class="chabad-chart" aria-label="{}"><ul class="chabad-legend">{}</ul>'
        '<svg class="chabad-plot" width="100%" height="{}" role="img" aria-label="{}">{}{}</svg>'
        "</figure>",
        title,
        format_html_join(
            "",
            '<li><svg class="chabad-key" width="12" height="12" aria-hidden="true"><rect '
            'class="chabad-day-{}" width="12" height="12" rx="2"/></svg>{}: {}</li>',
            ((name, text, number(counts[name])) for name, text in states.items() if counts[name]),
        ),
        HEIGHT + 24,
        f"{title}: " + ", ".join(f"{states[name]} {counts[name]}" for name in states),
        format_html_join(
            "",
            '<rect class="chabad-day-{}" x="{}" width="{}" height="{}">'
            "<title>{}: {}</title></rect>",
            cells,
        ),
        format_html_join(
            "", '<text class="chabad-label" x="{}" y="{}" text-anchor="middle">{}</text>', labels
        ),
    )
