"""A small chart of many days in one line, without axes."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language_bidi

from chabad_auth_django.contrib.admin.charts.marks import number, percent

#: Pixels.
HEIGHT = 36


def spark(title: str, values: Sequence[int]) -> SafeString:
    """Return a bar for each value, the first at the beginning of the line."""
    largest, room = max(values, default=0) or 1, 1 / max(len(values), 1)
    shown = reversed(values) if get_language_bidi() else values
    heights = (round(HEIGHT * value / largest, 2) for value in shown)
    rows = (
        (percent(at * room), HEIGHT - height, percent(room * 0.8), height)
        for at, height in enumerate(heights)
    )
    return format_html(
        '<svg class="chabad-spark" width="100%" height="{}" role="img" aria-label="{}: {}">'
        "{}</svg>",
        HEIGHT,
        title,
        number(sum(values)),
        format_html_join(
            "",
            '<rect class="chabad-part-0" x="{}" y="{}" width="{}" height="{}"/>',
            rows,
        ),
    )
