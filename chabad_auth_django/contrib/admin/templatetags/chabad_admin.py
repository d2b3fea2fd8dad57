"""How stored values, times and lists look on the pages for staff."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import DatetimeMS, json_util
from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext

from chabad_auth_django.contrib.admin.languages import in_language_of_texts
from chabad_auth_django.db.cursors import encode
from chabad_auth_django.db.pages import Page
from chabad_auth_django.models.fields import now

register = template.Library()

_MINUTE = timedelta(minutes=1)

#: Characters after which a stored text is cut, and of it in a tooltip.
LENGTH, TOOLTIP = 80, 500

#: Characters of a stored value that are shown.
MOST = 10_000

#: What turns the direction of the text behind it, up to the end of a line.
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(value: Any) -> str:
    """Return the text without what controls a terminal or turns the text behind it."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if character in _OVERRIDES or unicodedata.category(character) in ("Cc", "Cs")
        else character
        for character in str(value)
    )


def clean_lines(value: Any) -> str:
    """Return the text as ``clean`` does, with its lines."""
    return "\n".join(map(clean, str(value).split("\n")))


@register.filter
def shown(value: Any, length: int = LENGTH) -> SafeString:
    """Return a stored text in a direction of its own, cut, with more of it as the tooltip.

    Its lines become one.
    """
    begin = "" if value is None else str(value)[: max(length + 1, TOOLTIP)]
    text = clean(" ".join(begin.split()))
    if not text:
        return format_html('<span class="chabad-nothing" title="{}">–</span>', gettext("nothing"))
    if len(text) <= length:
        return format_html("<bdi>{}</bdi>", text)
    return format_html('<bdi title="{}">{}…</bdi>', text[:TOOLTIP], text[: length - 1])


@register.filter
def listed(value: Any) -> Any:
    """Return the items of a list with commas between, and what is no list as it is."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


@register.filter
def plain(value: Any, length: int = LENGTH) -> str:
    """Return a stored text in one line without markup: for attributes and titles."""
    text = clean(" ".join(str("" if value is None else value)[:MOST].split()))
    return text if len(text) <= length else text[: length - 1] + "…"


@register.filter
def pretty(value: Any) -> str:
    """Return a stored value as Extended JSON for people, cut, without what could turn its lines."""
    options = json_util.RELAXED_JSON_OPTIONS
    text = json_util.dumps(value, json_options=options, indent=2, ensure_ascii=False)
    shown = clean_lines(text[:MOST])
    if len(text) <= MOST:
        return shown
    rest = gettext("%(number)s more characters are not shown.") % {"number": len(text) - MOST}
    return f"{shown}…\n{rest}"


@register.filter
def when(value: Any) -> SafeString:
    """Return how long ago a time is, with the full time in UTC and the staff member's zone."""
    time = as_time(value)
    if time is None:
        # Other programs can store what is no time, or one that Python does not have.
        return shown(None if isinstance(value, DatetimeMS) else value)
    present = timezone.localtime(now())
    with in_language_of_texts():
        earlier, later = sorted((time, present))
        length = timesince(earlier, later, depth=1)
    if abs(present - time) < _MINUTE:
        return _time(time, gettext("just now"))
    text = gettext("in %(time)s") if time > present else gettext("%(time)s ago")
    return _time(time, text % {"time": length})


@register.filter
def clock(value: Any, pattern: str = "SHORT_DATETIME_FORMAT") -> SafeString:
    """Return a time in the staff member's zone, with the full time as the tooltip."""
    time = as_time(value)
    if time is None:
        return shown(None if isinstance(value, DatetimeMS) else value)
    return _time(time, date_format(time, pattern))


def _time(time: datetime, text: str) -> SafeString:
    universal = time.astimezone(UTC)
    full = f"{universal:%Y-%m-%d %H:%M:%S} UTC"
    if time.utcoffset():
        full += f", {time:%Y-%m-%d %H:%M:%S} {timezone.get_current_timezone_name()}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', universal.isoformat(), full, text
    )


def as_time(value: Any) -> datetime | None:
    """Return a stored time in the staff member's zone; those of a ``Page`` come in UTC without it.

    ``None`` for what is no time, or has none in that zone, such as the end of the year 9999.
    """
    if not isinstance(value, datetime):
        return None
    try:
        return timezone.localtime(value if value.tzinfo else value.replace(tzinfo=UTC))
    except OverflowError:
        return None


@register.filter
def badge(text: Any, kind: str = "plain") -> SafeString:
    """Return a short text in a box; the kind is ``plain``, ``good``, ``warning`` or ``bad``."""
    return format_html('<span class="chabad-badge chabad-{}">{}</span>', kind, shown(text, 30))


@register.inclusion_tag("chabad_admin/pager.html", takes_context=True)
def pager(context: Mapping[str, Any], page: Page) -> dict[str, Any]:
    """Show the links to the pages before and behind a ``Page`` of the services."""
    return {
        "newer": _link(context, page.previous),
        "older": _link(context, page.next),
    }


def _link(context: Mapping[str, Any], position: Any) -> str | None:
    if position is None:
        return None
    query = context["request"].GET.copy()
    query["cursor"] = encode(position)
    return f"?{query.urlencode()}"


@register.inclusion_tag("chabad_admin/empty.html")
def empty(text: str, hint: str = "", link: str = "", label: str = "") -> dict[str, Any]:
    """Say that there is nothing, what to do about it, and where."""
    return {"text": text, "hint": hint, "link": link, "label": label}
