"""The range of time that a page is about, chosen by a form in its address, and its buckets."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chabad_auth_django.contrib.admin.filters import FilterForm
from chabad_auth_django.contrib.admin.languages import StrOrLazy
from chabad_auth_django.exceptions import ValidationError
from chabad_auth_django.models.fields import now

#: Range -> its days, today included, and what it is called.
RANGES = {
    "1": _("Today"),
    "7": _("7 days"),
    "30": _("30 days"),
    "90": _("90 days"),
    "365": _("365 days"),
}

#: Buckets that a chart may have.
MOST_BUCKETS = 1_000

_FIRST, _LAST = date(1970, 1, 1), date(2105, 12, 31)


@dataclass(frozen=True)
class Period:
    """A range of time: from ``start`` to before ``end``, both in UTC."""

    start: datetime
    end: datetime


def day_field(label: StrOrLazy) -> forms.DateField:
    """Return a field for a day, which the browser has a calendar for."""
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        validators=[MinValueValidator(_FIRST), MaxValueValidator(_LAST)],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )


class MomentField(forms.DateTimeField):
    """A time in the staff member's zone, whether or not the project has ``USE_TZ``."""

    def to_python(self, value: Any) -> datetime | None:
        """Return the time with its zone; the first of two equal ones."""
        found = None
        with suppress(ValueError):
            found = parse_datetime(str(value).strip())
        # Django refuses a time that comes twice, or never, because the clock was changed.
        found = found or super().to_python(value)
        return timezone.make_aware(found) if found and timezone.is_naive(found) else found


def moment_field(label: StrOrLazy) -> forms.DateTimeField:
    """Return a field for a day with a time, in the staff member's zone."""
    first, last = (datetime.combine(day, time(), UTC) for day in (_FIRST, _LAST))
    return MomentField(
        label=label,
        required=False,
        validators=[MinValueValidator(first), MaxValueValidator(last)],
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )


class PeriodForm(FilterForm):
    """A range: the last days, or from one day to another."""

    days = forms.ChoiceField(label=_("Range"), required=False)
    since = day_field(_("Or from"))
    until = day_field(_("To (this day too)"))

    #: The range without any choice.
    default_days = "30"
    #: Ranges that only this form has.
    choices_of_days: ClassVar[dict[str, StrOrLazy]] = {}

    def __init__(self, query: Any) -> None:
        given = {name: query.get(name) for name in query}
        super().__init__({"days": self.default_days, **self.defaults(), **given})
        choices = list((self.choices_of_days | RANGES).items())
        self.fields["days"] = forms.ChoiceField(label=_("Range"), choices=choices, required=False)

    @classmethod
    def defaults(cls) -> dict[str, str]:
        """Return what holds of the other fields where the address does not say."""
        return {}

    def clean(self) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        found: dict[str, Any] = super().clean() or {}
        since, until = found.get("since"), found.get("until")
        if since and until and since > until:
            self.add_error("until", _("It is before the first day."))
        return found

    def period(self, zone: tzinfo) -> Period:
        """Return the range in the zone; days win over the last days."""
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        days = int(self.cleaned_data.get("days") or self.default_days or 1)
        today = now().astimezone(zone).date()
        last = until or max(since or today, today)
        first = since or last - timedelta(days=days - 1)
        end = midnight(last + timedelta(days=1), zone)
        return Period(midnight(first, zone), end)


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return when the day begins in the zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def floor(moment: datetime, bucket: str, zone: tzinfo) -> datetime:
    """Return when the bucket of the moment begins."""
    local = moment.astimezone(zone)
    day = local.date()
    if bucket == "hour":
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return moment - past
    if bucket == "week":
        day -= timedelta(days=day.weekday())
    elif bucket == "month":
        day = day.replace(day=1)
    return midnight(day, zone)


def following(begin: datetime, bucket: str, zone: tzinfo) -> datetime:
    """Return when the next bucket begins."""
    local = begin.astimezone(zone)
    if bucket == "hour":
        # A change of half an hour begins an hour that is half over.
        return begin + timedelta(hours=1) - timedelta(minutes=local.minute)
    day = local.date()
    days = {"day": 1, "week": 7, "month": 31}[bucket]
    return floor(midnight(day + timedelta(days=days), zone), bucket, zone)


def buckets(period: Period, bucket: str, zone: tzinfo) -> Iterator[datetime]:
    """Yield when each bucket of the period begins; raise ``ValidationError`` for too many."""
    begin = floor(period.start, bucket, zone)
    for _number in range(MOST_BUCKETS):
        if begin >= period.end:
            return
        yield begin
        begin = following(begin, bucket, zone)
    text = gettext("More than %(number)s buckets: choose longer ones, or fewer days.")
    raise ValidationError(text % {"number": MOST_BUCKETS})


def before(period: Period, bucket: str, zone: tzinfo) -> Period:
    """Return the period of as many buckets before this one."""
    number = sum(1 for _ in buckets(period, bucket, zone))
    begin = floor(period.start, bucket, zone)
    end = begin
    for _number in range(number):
        begin = floor(begin - timedelta(hours=1 if bucket == "hour" else 12), bucket, zone)
    return Period(begin, end)


def label(begin: datetime, bucket: str, zone: tzinfo, *, is_short: bool) -> str:
    """Return what a bucket is called in the zone."""
    formats = {
        "hour": ("H:i", "Y-m-d H:i"),
        "day": ("j M", "D Y-m-d"),
        "week": ("j M", "Y-m-d (\\w\\e\\e\\k)"),
        "month": ("M Y", "Y-m"),
    }
    short, long = formats[bucket]
    return date_format(begin.astimezone(zone), short if is_short else long)
