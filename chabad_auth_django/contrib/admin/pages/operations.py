"""What an operator watches; it changes nothing, and names the command that does."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.core import checks
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin.charts.strip import Day, strip
from chabad_auth_django.contrib.admin.page import Page, section
from chabad_auth_django.contrib.admin.pages import periods
from chabad_auth_django.contrib.admin.reads import calendar, configuration, server, state
from chabad_auth_django.contrib.admin.reads.calendar import Calendar
from chabad_auth_django.contrib.admin.reads.server import Server
from chabad_auth_django.contrib.admin.reads.state import State
from chabad_auth_django.exceptions import TooSlow
from chabad_auth_django.models.fields import now
from chabad_auth_django.services.deployment import statistics

#: Days of the strip.
DAYS = 90

STATES = {
    calendar.COUNTED: _("counted"),
    calendar.CHANGED: _("changed since"),
    "archived": _("archived"),
    calendar.MISSING: _("missing"),
    calendar.EMPTY: _("no events"),
    calendar.OPEN: _("not over"),
}

#: What is wrong with an index.
LABELS = {"differs": _("differs"), "extra": _("extra")}


class OperationsPage(Page):
    """Indexes, sizes, roll-ups, archives, the server, cron and the settings."""

    title = _("Operations")
    template_name = "chabad_admin/operations.html"
    permissions = ("view_operations",)

    def read(self, request: HttpRequest, **kwargs: Any) -> Mapping[str, Any]:
        """Return each part; one that took too long is left out, and its card says so."""
        current, days, host, sizes = (
            section(state.read),
            section(_calendar),
            section(server.read),
            section(statistics.collection_sizes),
        )
        found: dict[str, Any] = {
            "configuration": list(configuration.read()),
            "messages_of_checks": _check(),
        }
        if isinstance(current, State):
            found |= {"state": current, "problems": list(state.problems(current))}
            found["indexes"] = list(_indexes(current))
        if isinstance(days, Calendar):
            shown = [_day(day, state) for day, state in days.days.items()]
            found |= {"strip": _strip(shown), "archives": days.archives}
            found["days"] = [(day.name, STATES[day.state]) for day in shown]
        if isinstance(host, Server):
            found["server"] = host
        if isinstance(host, Server) and isinstance(days, Calendar):
            found["log"] = _log(host, days)
        if not isinstance(sizes, TooSlow):
            found["sizes"] = [{"name": name, **size} for name, size in sorted(sizes.items())]
        return found


def _calendar() -> Calendar:
    today = periods.midnight(now().date(), UTC)
    last = today + timedelta(days=1)
    found = calendar.read(first=last - timedelta(days=DAYS), last=last)
    return Calendar(calendar.find_missing(found.days), found.seen, found.archives)


def _day(day: datetime, state: str) -> Day:
    return Day(
        label=periods.label(day, "day", UTC, is_short=True),
        state=state,
        name=periods.label(day, "day", UTC, is_short=False),
    )


def _strip(days: list[Day]) -> Any:
    return strip(str(_("Days of Analytics")), days, STATES, is_rtl=translation.get_language_bidi())


def _indexes(found: State) -> Iterator[dict[str, Any]]:
    """Yield each index that is there or should be, those that are wrong first."""
    for index in found.comparison.missing:
        yield {"index": index, "state": "missing", "label": _("missing")}
    differing = [pair.found for pair in found.comparison.differing]
    rows = []
    for usage in found.usages:
        is_extra = usage.index in found.comparison.extra
        state = "differs" if usage.index in differing else "extra" if is_extra else ""
        label = LABELS.get(state, "")
        rows.append({"index": usage.index, "usage": usage, "state": state, "label": label})
    yield from sorted(rows, key=lambda row: not row["state"])


def _log(host: Server, days: Calendar) -> dict[str, Any]:
    """Return whether the server's log reaches back to where the last roll-up has read it."""
    is_lost = bool(host.log_since and days.seen and days.seen < host.log_since)
    return {"since": host.log_since, "seen": days.seen, "is_lost": is_lost}


@cache
def _check() -> list[checks.CheckMessage]:
    """Return what ``check --deploy`` says of the settings, which stay until the process ends."""
    found = checks.run_checks(include_deployment_checks=True)
    return sorted(found, key=lambda item: -item.level)
